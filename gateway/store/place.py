"""Where a mall's history is kept: a file beside the gateway, or that and an InfluxDB."""

import os
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigurationError
from gateway.store.influx.address import InfluxAddress, is_address

DEFAULT_FILE = Path("mallsense.db")
TOKEN = "MALLSENSE_STORE_TOKEN"  # noqa: S105  # the variable's name
"""The variable that a token may be in, instead of a file."""


@dataclass(frozen=True, slots=True)
class StorePlace:
    """A file with journal and checkpoint, and the InfluxDB that history is in; None = the file, too."""

    file: Path
    influx: InfluxAddress | None = None

    def __str__(self) -> str:
        return str(self.file) if self.influx is None else f"{self.influx} (journal {self.file})"


def find_place(
    store: str | None,
    *,
    file: Path = DEFAULT_FILE,
    journal: Path | None = None,
    token_file: Path | None = None,
    ca: Path | None = None,
) -> StorePlace:
    """Say what `--store` (a file, or influx://...; None = `file`) means, with the options beside it.

    Raises `ConfigurationError` when they do not go together.
    """
    if store is None or not is_address(store):
        for option, value in (("--journal", journal), ("--store-token-file", token_file), ("--store-ca", ca)):
            if value is not None:
                raise ConfigurationError(
                    f"{option} goes with an InfluxDB, and the history is kept in {store or file}",
                    "Add --store influx://HOST/DATABASE, or leave it out.",
                )
        return StorePlace(Path(store) if store else file)
    return StorePlace(journal or file, InfluxAddress.parse(store, token=_token(token_file), ca=ca))


def _token(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(TOKEN) or None
    try:
        token = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigurationError(f"cannot read the token in {file}: {reason}", f"Or set {TOKEN}.") from error
    if not token:
        raise ConfigurationError(f"no token: {file} is empty", "'mallsense store init' writes such files.")
    return token
