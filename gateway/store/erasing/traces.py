"""By what somebody's history is found."""

import re
from dataclasses import dataclass
from functools import cached_property

from gateway.store.reading import HOUR_MS

AROUND_MS = 24 * HOUR_MS
"""A pseudonym lives no longer than that before and after a moment at which it was there."""
QUOTED = re.compile(rb'"([0-9a-f]{16}(?:[0-9a-f]{16})?)"')
"""An id as it stands in JSON and in line protocol."""
_FEW = 50
"""So many words are looked for one by one sooner than all ids of a text are found."""


@dataclass(frozen=True)
class Traces:
    """By what somebody's history is found."""

    devices: frozenset[str] = frozenset()
    """Pseudonyms."""
    things: frozenset[str] = frozenset()
    """Ids of visits, paths and stays."""
    plates: frozenset[str] = frozenset()
    """Hashes of plates, as stays have them."""
    digests: frozenset[str] = frozenset()
    """What members' phones and plates are called on the mall's lists."""
    moments: tuple[int, ...] = ()
    """Event times at which they were there."""

    def __bool__(self) -> bool:
        return bool(self.devices or self.things or self.plates or self.digests)

    def __or__(self, other: "Traces") -> "Traces":
        return Traces(
            self.devices | other.devices, self.things | other.things, self.plates | other.plates,
            self.digests | other.digests, self.moments + other.moments,
        )  # fmt: skip

    @cached_property
    def words(self) -> frozenset[bytes]:
        """All of them, as they stand in JSON and line protocol."""
        every = self.devices | self.things | self.plates | self.digests
        return frozenset(word.encode() for word in every)

    def are_in(self, text: bytes) -> bool:
        """Whether JSON or line protocol holds any of them."""
        if len(self.words) <= _FEW:
            return any(word in text for word in self.words)
        return not self.words.isdisjoint(QUOTED.findall(text))

    def periods(self) -> list[tuple[int, int]]:
        """Return the times around the moments, joined, in order."""
        joined: list[tuple[int, int]] = []
        for moment in sorted(set(self.moments)):
            start, end = moment - AROUND_MS, moment + AROUND_MS
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], end)
            else:
                joined.append((start, end))
        return joined
