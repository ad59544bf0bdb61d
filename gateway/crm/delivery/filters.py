"""Which events a subscriber asks for."""

import json
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import dataclass

from contracts.crm import FeedKind
from gateway.crm.matching.feed import FeedRow

Segments = Callable[[sqlite3.Connection, str], Collection[str]]
"""Gives the segments a person is in now: tiers, clusters, tags."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Zones, kinds of events, segments of members; None stands for all."""

    zones: frozenset[str] | None = None
    kinds: frozenset[str] | None = None
    segments: frozenset[str] | None = None

    @classmethod
    def read(cls, zones: str | None, kinds: str | None, segments: str | None) -> "Filter":
        """Make one of three columns with a JSON list each."""
        lists = [None if text is None else frozenset(json.loads(text)) for text in (zones, kinds, segments)]
        return cls(*lists)

    def columns(self) -> tuple[str | None, ...]:
        """Return the columns that `read` reads."""
        return tuple(
            None if one is None else json.dumps(sorted(one), ensure_ascii=False)
            for one in (self.zones, self.kinds, self.segments)
        )

    def wants(self, db: sqlite3.Connection, row: FeedRow, segments: Segments) -> bool:
        """Whether this row is asked for.

        Everybody is told that a member has withdrawn. A correction goes to who was told what it corrects: an
        event whose member leaves, or changes to one of another segment, is told once more. That an event is
        nobody's is told whatever segments its member is in by now: it names nobody.
        """
        if row.kind == FeedKind.MEMBER_WITHDRAWN:
            return True
        if self.zones is not None and row.zone not in self.zones:
            return False
        if self.kinds is not None and row.kind not in self.kinds:
            return False
        if self.segments is None:
            return True
        persons = _persons(db, row)
        if row.person is None and persons:
            return True
        return any(self.segments.intersection(segments(db, person)) for person in persons)


EVERYTHING = Filter()


def _persons(db: sqlite3.Connection, row: FeedRow) -> set[str]:
    """Whose the event is, and whose it was in revisions before."""
    found = set() if row.person is None else {row.person}
    if row.revision > 1:
        earlier = db.execute(
            "SELECT person FROM crm_feed WHERE id = ? AND revision < ? AND person IS NOT NULL",
            (row.id, row.revision),
        )
        found.update(person for (person,) in earlier)
    return found
