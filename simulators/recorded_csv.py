"""The CSV files of a recorded data set, plain or gzipped, as tables of numbers."""

import gzip
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts import csv_rows
from contracts.csv_rows import Row
from contracts.errors import ConfigurationError


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
            yield from csv_rows.rows(text, str(path), needed)
    except OSError as error:
        raise ConfigurationError(
            f"{path}: {error.strerror or error}",
            "A recorded data set needs receivers.csv, walks.csv and heard.csv.gz.",
        ) from error


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
