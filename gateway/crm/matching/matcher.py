"""From what the pipeline hands over to links, and to events as the feed tells them. No thread, no clock.

Everything is done in the transaction of the caller, with owners and consents as they are in it: a row that
names a member can only be written while that member agrees. When whose something is changes, all that is kept
of it is told again.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from contracts.crm import IdentifierKind, Purpose
from contracts.events import CarData, EventKind
from gateway.crm.matching import journeys, kept, sightings
from gateway.crm.matching.inbox import Item
from gateway.crm.matching.links import SURE, Conflict, Evidence, Link, decide
from gateway.crm.matching.owners import Owners
from gateway.crm.matching.sightings import AFTER_MS, BEFORE_MS, Heard, Sighted
from gateway.crm.matching.told import Told, read, read_back
from gateway.crm.matching.unfounded import end, unfounded
from gateway.engine.tick import Sighting
from gateway.store.records import CrmItem

AT_ONCE = 200
"""Subjects that are decided anew in one transaction: the pipeline writes in between."""

_sighting = msgspec.json.Decoder(Sighting)


class Matcher:
    """Takes items in order. One thread calls it, with a transaction that it has begun."""

    def __init__(self, mall: str, counters: Counter[str]) -> None:
        """Start anew; `counters` grow with what was done."""
        self._mall = mall
        self._owners = Owners()
        self._counters = counters
        self._conflicts: dict[str, Conflict] = {}
        """By subject."""
        self._undecided: set[str] = set()
        """Subjects that a change concerns and that were not decided since."""
        self._lost: set[tuple[str, Purpose]] = set()
        """Who does not agree any more, until what is kept of them was decided and taken away."""
        self._t_ms = 0

    def current(self, db: sqlite3.Connection) -> bool:
        """Whether everything is decided, with consents and identities as they are."""
        return self._owners.current(db) and not self._undecided

    def look_ahead(self, db: sqlite3.Connection) -> None:
        """Read consents and identities, so that `take` is short; `db` is in a transaction that only reads."""
        self._owners.look_ahead(db)

    def forget(self) -> None:
        """Know nothing: the transaction of the last `take` was rolled back."""
        self._owners.forget()
        self._undecided.clear()
        self._lost.clear()

    def conflicts(self) -> dict[str, Conflict]:
        """Return the subjects that would be several members'; any thread asks."""
        return dict(self._conflicts)

    def take(self, db: sqlite3.Connection, items: Iterable[Item]) -> None:
        """Decide anew whose things are where that may have changed, then take in items, in their order.

        Raises `ValueError` where one of them cannot be read.
        """
        self._renew(db)
        for item in items:
            if item.kind == CrmItem.EVENT:
                self._event(db, read(item.payload))
            elif item.kind == CrmItem.SIGHTING:
                self._sighting(db, _sighting.decode(item.payload))
            elif item.kind == CrmItem.AFRESH:
                journeys.end_open(db)
            else:
                raise ValueError(f"items of kind {item.kind!r} are not known")

    # Whose it is

    def _renew(self, db: sqlite3.Connection) -> None:
        """Decide anew what a change of consents or identities concerns, some of it at a time."""
        changed = self._owners.refresh(db)
        if changed is None:
            self._begin(db)
        elif changed.keys or changed.lost:
            self._undecided |= sightings.subjects(db, changed.keys) | self._conflicts.keys()
            self._lost |= changed.lost
        some = sorted(self._undecided)[:AT_ONCE]
        for subject in some:
            self._decide(db, subject, anyway=True)
        self._undecided.difference_update(some)
        if not self._undecided and not kept.is_matched(db, self._owners.generation):
            self._counters["unfounded"] += end(db, self._mall, self._lost, self._t_ms)
            self._lost.clear()
            kept.set_matched(db, self._owners.generation)

    def _begin(self, db: sqlite3.Connection) -> None:
        """Find out what has to be decided at the start: all of it, unless it was when the gateway ended."""
        self._t_ms = max(self._t_ms, kept.told_ms(db))
        if kept.is_matched(db, self._owners.generation):
            self._undecided = sightings.disputable(db)
            return
        self._undecided = sightings.all_subjects(db) | kept.linked(db)
        self._lost = {
            (person, purpose)
            for purpose, agree in self._owners.agree().items()
            for person in unfounded(db, purpose, agree)
        }

    def _sighting(self, db: sqlite3.Connection, found: Sighting) -> None:
        if not found.digest:
            for subject in sorted(
                sightings.move(db, found.address, found.device, found.t_ms, found.confidence)
            ):
                self._decide(db, subject)
            return
        one = Sighted(
            found.device, IdentifierKind.WIFI, found.digest, found.t_ms, found.confidence, found.address
        )
        self._sighted(db, one)

    def _sighted(self, db: sqlite3.Connection, one: Sighted) -> None:
        """Take in a sighting, if it is of somebody who agrees to it: of nobody else it is written down."""
        if not self._owners.has(one.kind, one.digest):
            self._counters["sightings_of_nobody"] += 1
        elif sightings.keep(db, one):
            self._decide(db, one.subject, anyway=True)

    def _decide(self, db: sqlite3.Connection, subject: str, *, anyway: bool = False) -> None:
        """Decide whose a subject is; told again is what changes by it, or may have changed `anyway`."""
        found = decide(self._evidence(db, subject))
        self._conflicts.pop(subject, None)
        if isinstance(found, Conflict):
            self._conflicts[subject] = found
        new, old = (found if isinstance(found, Link) else None), kept.link(db, subject)
        if new != old:
            kept.relink(db, subject, new)
        if anyway or (new and new.person) != (old and old.person):
            self._tell_again(db, subject, new)

    def _evidence(self, db: sqlite3.Connection, subject: str) -> list[Evidence]:
        found = []
        for kind, digest, first_ms, confidence in sightings.of(db, subject):
            owner = self._owners.of(kind, digest)
            if owner is not None:
                found.append(Evidence(owner.person, kind, confidence * owner.confidence, first_ms))
        return found

    # What is told

    def _event(self, db: sqlite3.Connection, told: Told) -> None:
        self._t_ms = max(self._t_ms, told.t_ms)
        if kept.is_told(db, told.event.id):  # the same id says the same
            self._counters["told_before"] += 1
            return
        if isinstance(told.data, CarData):
            self._plate(db, told, told.data)
        link = None if told.purpose is None else kept.link(db, told.subject)
        person = self._person(told, link, sightings.heard(db, told.subject))
        self._write(db, told, 1, person, link)
        if person is not None:
            journeys.keep(db, told, person)
        self._counters["events"] += 1

    def _plate(self, db: sqlite3.Connection, told: Told, data: CarData) -> None:
        """Take in an enrolled plate; a car that is given up was not seen again."""
        given_up = told.kind is EventKind.CAR_LEFT and data.left_ms is None
        if isinstance(data.enrolled_digest, str) and not given_up:
            self._sighted(
                db,
                Sighted(data.stay, IdentifierKind.PLATE, data.enrolled_digest, told.t_ms, data.confidence),
            )

    def _person(self, told: Told, link: Link | None, heard: Heard | None) -> str | None:
        """Whose an event is, if that may be told: not what began before consent was given.

        Nor what began long before or after a device was heard as the member's: it may be another's, too.
        """
        if link is None or told.purpose is None:
            return None
        since_ms = self._owners.since_ms(link.person, told.purpose)
        if since_ms is None or told.began_ms < since_ms:
            return None
        if told.purpose is Purpose.POSITION and heard is not None:
            if told.began_ms > heard.last_ms + AFTER_MS:
                return None
            if told.began_ms < heard.first_ms - BEFORE_MS and link.confidence < SURE:
                return None
        return link.person

    def _tell_again(self, db: sqlite3.Connection, subject: str, link: Link | None) -> None:
        heard = sightings.heard(db, subject)
        for revision, person, told in self._last_told(db, subject):
            now = self._person(told, link, heard)
            if now != person:
                self._write(db, told, revision + 1, now, link)
                self._counters["corrections"] += 1
            journeys.keep(db, told, now)

    def _last_told(self, db: sqlite3.Connection, subject: str) -> Iterator[tuple[int, str | None, Told]]:
        """Give the events of a subject as last told; one that cannot be read must not hold up all others."""
        for revision, person, payload in kept.newest(db, subject):
            try:
                told = read_back(payload)
            except ValueError:
                self._counters["left_out"] += 1
            else:
                yield revision, person, told

    def _write(
        self, db: sqlite3.Connection, told: Told, revision: int, person: str | None, link: Link | None
    ) -> None:
        member, confidence = None, 0.0
        if person is not None and link is not None:
            member, confidence = self._owners.reference(person), link.confidence
            self._counters["matched"] += 1
        kept.tell(db, told, revision, person, max(self._t_ms, told.t_ms), member, confidence)
