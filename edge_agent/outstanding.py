"""Batches that were sent and that nobody has confirmed yet."""

from collections.abc import Iterable

from edge_agent.spool import Spooled

Key = tuple[str, str, int]
"""Node, boot and number: what a batch is called for good."""


class Outstanding:
    """Which batches are out, by their row in the spool and by their name, and which the broker has taken."""

    def __init__(self) -> None:
        self._rows: dict[Key, int] = {}
        self._keys: dict[int, Key] = {}
        self._taken: dict[int, float] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, row: int) -> bool:
        return row in self._keys

    @property
    def taken(self) -> tuple[int, ...]:
        """The rows that the broker has taken, those first that it has had longest."""
        return tuple(self._taken)

    def add(self, batch: Spooled) -> None:
        """Note that a batch is out."""
        key = (batch.node, batch.boot, batch.seq)
        self._rows[key], self._keys[batch.row] = batch.row, key

    def take(self, row: int, now_s: float) -> None:
        """Note that the broker has taken a batch."""
        self._taken[row] = now_s

    def longest_s(self, now_s: float) -> float:
        """Give how long the broker has had what it has had longest; 0 where it has nothing."""
        return now_s - next(iter(self._taken.values())) if self._taken else 0.0

    def rows_of(self, keys: Iterable[Key]) -> tuple[int, ...]:
        """Give the rows of those that are out, each once."""
        return tuple(dict.fromkeys(self._rows[key] for key in keys if key in self._rows))

    def node_of(self, row: int) -> str:
        """Give whose batch it is. Raises `KeyError` where it is not out."""
        return self._keys[row][0]

    def remove(self, rows: Iterable[int]) -> None:
        """Forget batches, whether they are safe or to be sent again."""
        for row in rows:
            if (key := self._keys.pop(row, None)) is not None:
                del self._rows[key]
                self._taken.pop(row, None)
