"""What tills write, read into rows: CSV with a header, or a JSON object a line.

A row that cannot be used does not stop the others; a file that cannot be read at all is refused.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from contracts.csv_rows import rows
from contracts.errors import ConfigurationError

NEEDED = ("sale", "t", "amount")
COLUMNS = (*NEEDED, "zone", "till", "discount", "items", "reference")


@dataclass(frozen=True, slots=True)
class Bad:
    """What is wrong with a row; never what its reference was."""

    line: int
    column: str
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was written."""

    line: int
    fields: Mapping[str, str]


def read(data: bytes) -> Iterator[Row | Bad]:
    """Give the rows of a file: JSON lines where its first character is a brace, else CSV.

    Raises `ConfigurationError` where it is neither UTF-8 nor GB18030, a needed column is missing, or a
    quotation mark is never closed.
    """
    text = _decoded(data)
    return _objects(text) if text.lstrip()[:1] == "{" else _records(text)


def _decoded(data: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigurationError("the file is neither UTF-8 nor GB18030", "Export it as CSV in UTF-8.")


def _records(text: str) -> Iterator[Row | Bad]:
    for where, row in rows(io.StringIO(text, newline=""), "line", NEEDED):
        line = int(where.rpartition(":")[2])
        if None in row:  # what csv.DictReader does with fields beyond the header
            problem = "more fields than the first line: a decimal comma, or a comma without quotation marks?"
            yield Bad(line, "", problem)
            continue
        yield Row(line, {name: (value or "").strip() for name, value in row.items()})


def _objects(text: str) -> Iterator[Row | Bad]:
    for line, written in enumerate(text.splitlines(), 1):
        if not written.strip():
            continue
        try:
            # Numbers stay as they are written: an amount is never a binary fraction.
            found = json.loads(written, parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError):
            yield Bad(line, "", "expected a JSON object")
            continue
        if not isinstance(found, dict):
            yield Bad(line, "", "expected a JSON object")
        elif strange := next((n for n, v in found.items() if not (v is None or isinstance(v, str))), None):
            yield Bad(line, strange[:40], "expected a text or a number")
        else:
            yield Row(line, {name: (value or "").strip() for name, value in found.items()})
