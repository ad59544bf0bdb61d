"""Tables that people send: CSV with a header, or JSON, as rows of texts.

A row that cannot be used does not stop the others; what cannot be read at all is refused. No message repeats
what a file holds: it may be what nobody here is to know.
"""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.csv_rows import rows, text_of
from contracts.errors import ConfigurationError

_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class Bad:
    """What is wrong with a row; never what stands in it."""

    line: int
    column: str
    """Empty = the row as a whole."""
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row as it was written, without blanks around its fields."""

    line: int
    fields: Mapping[str, str]


def read(data: bytes, needed: Sequence[str]) -> Iterator[Row | Bad]:
    """Give the rows of a file: JSON where it begins with `{` (an object a line) or `[`, else CSV.

    Numbers in JSON stay as they are written. Raises `ConfigurationError` where it is neither UTF-8, GB 18030
    nor UTF-16 with its mark, is no CSV or JSON, or its first line lacks a needed column.
    """
    text = text_of(data)
    match text.lstrip()[:1]:
        case "{":
            return _lines(text)
        case "[":
            return _array(text)
        case _:
            return _records(text, needed)


def _records(text: str, needed: Sequence[str]) -> Iterator[Row | Bad]:
    for where, row in rows(io.StringIO(text, newline=""), "line", needed, private=True):
        line = int(where.rpartition(":")[2])
        if None in row:  # so csv.DictReader names what is beyond the first line
            yield Bad(line, "", "more fields than the first line; a comma without quotation marks?")
            continue
        fields = {name: value.strip() for name, value in row.items()}
        if name := next((name for name, value in fields.items() if "\n" in value), None):
            yield Bad(line, name[:_LONGEST_NAME], "a line break; is a quotation mark never closed?")
        elif any(fields.values()):
            yield Row(line, fields)


def _lines(text: str) -> Iterator[Row | Bad]:
    for line, written in enumerate(io.StringIO(text), 1):
        if written.strip():
            yield _object(line, _json(written))


def _array(text: str) -> Iterator[Row | Bad]:
    found = _json(text)
    if not isinstance(found, list):
        raise ConfigurationError(
            "the file begins like a JSON array and is none", "Is it complete? An object a line will do, too."
        )
    for number, one in enumerate(found, 1):
        yield _object(number, one)


def _json(text: str) -> Any:
    """Read JSON, numbers as texts; None where it is none."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _object(line: int, found: Any) -> Row | Bad:
    if not isinstance(found, dict):
        return Bad(line, "", "expected a JSON object")
    if strange := next((n for n, v in found.items() if not (v is None or isinstance(v, str))), None):
        return Bad(line, strange[:_LONGEST_NAME], "expected a text or a number")
    return Row(line, {name: (value or "").strip() for name, value in found.items()})
