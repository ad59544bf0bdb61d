"""Tables written as CSV."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from contracts.errors import ConfigurationError


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], *, hint: str = ""
) -> None:
    """Write a table; `hint` says what to do where that cannot be done.

    Raises:
        ConfigurationError: the file cannot be written.

    """
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(columns)
            table.writerows(rows)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be written: {error.strerror or error}", hint) from error
