"""Rows of CSV text, with errors that name file, line and what was expected. The caller opens the file."""

import csv
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import isfinite

from contracts.errors import ConfigurationError

Row = Mapping[str, str]


ENCODINGS = ("utf-8-sig", "gb18030")
"""Tried in this order: GB 18030 takes almost anything for text, UTF-8 does not."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


def text_of(data: bytes) -> str:
    """The text of a file: UTF-8, GB 18030 (and GBK in it), or UTF-16 where its mark says so.

    Raises `ConfigurationError` where it is none of them.
    """
    for encoding in ("utf-16",) if data.startswith(_UTF_16) else ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigurationError("the file is no text in UTF-8, GB 18030 or UTF-16", "Export it as CSV in UTF-8.")


def rows(
    lines: Iterable[str], source: str, needed: Sequence[str], *, private: bool = False
) -> Iterator[tuple[str, Row]]:
    """Every row with its `file:line`; the first line names the columns.

    Raises `ConfigurationError` where a needed column is missing, or the text cannot be read to its end. Of a
    `private` file it does not repeat the first line: without a header that is somebody's data.
    """
    try:
        reader = csv.DictReader(lines, restval="")
        found = reader.fieldnames or ()
        if missing := [name for name in needed if name not in found]:
            shown = "" if private else f"; found {', '.join(found) or 'none'}"
            raise ConfigurationError(
                f"{source}:1: no column {', '.join(missing)}{shown}",
                f"Expected at least the columns {', '.join(needed)}; the first line names them.",
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
