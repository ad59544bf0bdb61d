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


@dataclass(frozen=True, slots=True)
class Bad:
    """What is wrong with a row; never what stands in it."""

    line: int
    column: str
    """One of those asked for; empty = the row as a whole."""
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """What stands in the columns asked for, without blanks around it."""

    line: int
    fields: Mapping[str, str]


def read(data: bytes, columns: Sequence[str], needed: Sequence[str]) -> Iterator[Row | Bad]:
    """Give the rows of a file: JSON where it begins with `{` (an object a line) or `[`, else CSV.

    Only these columns are looked at. Numbers in JSON stay as they are written. Raises `ConfigurationError`
    where it is neither UTF-8, GB 18030 nor UTF-16 with its mark, is no CSV or JSON, or its first line lacks
    a needed column.
    """
    text = text_of(data)
    match text.lstrip()[:1]:
        case "{":
            return _lines(text, columns)
        case "[":
            return _array(text, columns)
        case _:
            return _records(text, columns, needed)


def _records(text: str, columns: Sequence[str], needed: Sequence[str]) -> Iterator[Row | Bad]:
    for where, row in rows(io.StringIO(text, newline=""), "the file", needed, private=True):
        line = int(where.rpartition(":")[2])
        if None in row:  # so csv.DictReader names what is beyond the first line
            yield Bad(
                line, "", "more fields than the first line; a decimal comma, or one without quotation marks?"
            )
        elif any("\n" in value for value in row.values()):
            yield Bad(line, "", "a line break in a field; is a quotation mark never closed?")
        elif any(map(str.strip, row.values())):
            yield Row(line, {name: row[name].strip() for name in columns if name in row})


def _lines(text: str, columns: Sequence[str]) -> Iterator[Row | Bad]:
    for line, written in enumerate(io.StringIO(text), 1):
        if written.strip():
            yield _object(line, _json(written), columns)


def _array(text: str, columns: Sequence[str]) -> Iterator[Row | Bad]:
    found = _json(text)
    if not isinstance(found, list):
        raise ConfigurationError(
            "the file begins like a JSON array and is none", "Is it complete? An object a line will do, too."
        )
    for number, one in enumerate(found, 1):
        yield _object(number, one, columns)


def _json(text: str) -> Any:
    """Read JSON, numbers as texts; None where it is none."""
    try:
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError):
        return None


def _object(line: int, found: Any, columns: Sequence[str]) -> Row | Bad:
    if not isinstance(found, dict):
        return Bad(line, "", "expected a JSON object")
    fields = {name: found[name] for name in columns if found.get(name) is not None}
    for name, value in fields.items():
        if not isinstance(value, str):
            return Bad(line, name, "expected a text or a number")
    return Row(line, {name: value.strip() for name, value in fields.items()})
