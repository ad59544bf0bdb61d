"""The file of a people model: what `mallsense occupancy fit` writes, checked before anything trusts it."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from contracts.errors import ConfigurationError

FORMAT = "mallsense-people"
VERSION = 1
ROOM, MALL = "room", "mall"
WHAT = {ROOM: "one room, from captures of its days", MALL: "a mall, from the store of its gateway"}
AGAIN = "Fit it again: mallsense occupancy fit --help"


def read_model(path: Path, kind: str) -> dict[str, Any]:
    """Read a people model of one kind (`ROOM`, `MALL`).

    Raises:
        ConfigurationError: it cannot be read, or is another file, version or kind.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}", AGAIN) from error
    except ValueError as error:
        raise ConfigurationError(f"{path}: is no JSON: {error}", AGAIN) from error
    found = data.get("format") if isinstance(data, dict) else None
    if found != FORMAT:
        raise ConfigurationError(
            f"{path}: is no model of people: its format is {found!r}, expected {FORMAT!r}",
            "Name the file that mallsense occupancy fit wrote.",
        )
    if data.get("version") != VERSION:
        raise ConfigurationError(
            f"{path}: has version {data.get('version')!r}, this mallsense reads version {VERSION}", AGAIN
        )
    if data.get("kind") != kind:
        raise ConfigurationError(
            f"{path}: is the model of {WHAT.get(data.get('kind', ''), 'something else')}; "
            f"expected one of {WHAT[kind]}",
            AGAIN,
        )
    return dict(data)


def write_model(path: Path, kind: str, model: Mapping[str, Any], made_from: str) -> None:
    """Write a people model.

    Raises:
        ConfigurationError: the file cannot be written.
    """
    made_at = datetime.now(UTC).isoformat(timespec="seconds")
    data = {"format": FORMAT, "version": VERSION, "kind": kind, "made_at": made_at, "made_from": made_from}
    try:
        path.write_text(json.dumps(data | dict(model), indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or error}") from error
