"""Rows of CSV text, with errors that name file, line and what was expected. The caller opens the file."""

import csv
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite

from contracts.errors import ConfigurationError

Row = Mapping[str, str]


def rows(lines: Iterable[str], source: str, needed: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Every row with its `file:line`; the first line names the columns.

    Raises `ConfigurationError` where a needed column is missing, or the text cannot be read to its end.
    """
    try:
        reader = csv.DictReader(lines, restval="")
        found = reader.fieldnames or ()
        if missing := [name for name in needed if name not in found]:
            raise ConfigurationError(
                f"{source}:1: no column {', '.join(missing)}; found {', '.join(found) or 'none'}",
                f"Expected at least the columns {', '.join(needed)}.",
            )
        for row in reader:
            yield f"{source}:{reader.line_num}", row
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise ConfigurationError(f"{source}: cannot be read: {error}", "Is the file complete?") from error


def number(row: Row, column: str, where: str, default: float | None = None) -> float:
    """The finite number in a column; `default` where the column is missing or empty.

    Raises `ConfigurationError` where it is none.
    """
    text = row.get(column, "")
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ConfigurationError(f"{where}: {column}: expected a number, found {text!r}")
    return value
