"""Columns of the CSV files of a recorded data set, plain or gzipped, with errors that name file and line."""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError

Row = Mapping[str, str]


@dataclass
class Skipped:
    """Rows that were left out: how many, by cause, and where the first of each was."""

    counts: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, cause: str, where: str) -> None:
        """Count a row that is left out."""
        self.counts[cause] = self.counts.get(cause, 0) + 1
        self.first.setdefault(cause, where)

    def lines(self) -> list[str]:
        """One line a cause, for people."""
        return [
            f"{n} rows left out: {cause} (first at {self.first[cause]})" for cause, n in self.counts.items()
        ]


def rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[str, Row]]:
    """Every row of a CSV file with its `file:line`.

    Raises:
        ConfigurationError: the file is not there, cannot be read, or lacks a needed column.

    """
    try:
        with gzip.open(path, "rt", newline="") if path.suffix == ".gz" else path.open(newline="") as text:
            reader = csv.DictReader(text)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                found = ", ".join(reader.fieldnames or ()) or "none"
                raise ConfigurationError(
                    f"{path}:1: no column {', '.join(missing)}; found {found}",
                    f"Expected at least the columns {', '.join(needed)}.",
                )
            for row in reader:
                yield f"{path}:{reader.line_num}", row
    except FileNotFoundError as error:
        raise ConfigurationError(
            f"{path}: no such file", "A recorded data set needs receivers.csv, walks.csv and heard.csv.gz."
        ) from error
    except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}", "Is the file complete?") from error


def number(row: Row, column: str, where: str, default: float | None = None) -> float:
    """The finite number in a column; `default` where the column is missing or empty.

    Raises:
        ConfigurationError: it is not a finite number.

    """
    text = row.get(column) or ""
    if not text and default is not None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ConfigurationError(f"{where}: {column}: expected a number, found {text!r}")
    return value


def table(
    path: Path,
    needed: Sequence[str],
    read: Callable[[Row, str], tuple[float, ...] | str | None],
    skipped: Skipped,
    width: int,
) -> npt.NDArray[np.float64]:
    """The rows (M, width) of a measured file; a bad row is counted and left out, it stops nothing.

    `read` gives a row's numbers, the cause why it is left out, or None where it is left out on purpose; a
    `ConfigurationError` that it raises is the cause "not a number".
    """
    found: list[tuple[float, ...]] = []
    for where, row in rows(path, needed):
        try:
            values = read(row, where)
        except ConfigurationError:
            values = "not a number"
        if isinstance(values, str):
            skipped.add(f"{values} ({path.name})", where)
        elif values is not None:
            found.append(values)
    return np.array(found, dtype=np.float64).reshape(-1, width)
