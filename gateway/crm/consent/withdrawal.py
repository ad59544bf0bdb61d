"""Consent that is given, and consent that is taken back, with everything that has to go at that moment.

A withdrawal is one transaction: the entry, the deletion of all that the purpose covers, the new generation,
and an event in the feed that tells subscribers to delete their copies. There is no moment at which it holds
in one place and not in another.
"""

import sqlite3
from collections import Counter
from dataclasses import dataclass, field

from contracts.crm import FeedKind, MemberWithdrawn, Purpose
from contracts.errors import MallsenseError
from contracts.events import stable_id
from gateway.crm.announcing import announce, announcement
from gateway.crm.consent.covers import delete_covered, delete_identifiers
from gateway.crm.consent.ledger import Entry, Ledger
from gateway.crm.consent.persons import add_person, reference_of, same_as
from gateway.store.records import WHOLE_MALL

AHEAD_MS = 3_600_000
"""How far a clock elsewhere may be ahead of the mall's: what is said later than that decides for too long."""


class FutureError(MallsenseError):
    """Something was said in the future: it would outlast every withdrawal until then."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a member says about a purpose; `t_ms` None = now."""

    reference: str
    purpose: Purpose
    given: bool
    text: str
    channel: str
    t_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of it."""

    entry: Entry
    new: bool
    """False: the same was said before."""
    deleted: Counter[str] = field(default_factory=Counter)
    """Rows that went with a withdrawal, by table."""


def record(db: sqlite3.Connection, said: Said, *, mall: str, now_ms: int, wall_ms: int) -> Recorded:
    """Write down what a member says, and delete what may not be kept any more.

    A withdrawal that arrives after a newer consent deletes, too: what was kept before it has to go.

    Raises:
        ReferenceRefusedError: the reference is none (`persons.check_reference`).
        FutureError: it is said later than the mall's clock and the gateway's.

    """
    latest_ms = max(now_ms, wall_ms) + AHEAD_MS
    if said.t_ms is not None and said.t_ms > latest_ms:
        raise FutureError(
            "t_ms is in the future", "Give epoch milliseconds of when the member said so, or leave it out."
        )
    person = add_person(db, said.reference, now_ms)
    people = same_as(db, person)
    before = Ledger.in_force(db, person, said.purpose)
    entry, new = Ledger.record(
        db, person, said.purpose, given=said.given, t_ms=said.t_ms, text=said.text, channel=said.channel,
        recorded_ms=wall_ms, now_ms=now_ms,
    )  # fmt: skip
    deleted: Counter[str] = Counter()
    if new and not said.given:
        for one in people:
            deleted += delete_covered(db, one, said.purpose)
        if not any(Ledger.in_force(db, person, purpose) for purpose in Purpose):
            for one in people:
                deleted["crm_claims"] += delete_identifiers(db, one)
        if before or deleted.total():
            for one in people:
                tell_withdrawn(db, mall, one, [said.purpose], entry.t_ms)
    return Recorded(entry, new, deleted)


def tell_withdrawn(
    db: sqlite3.Connection, mall: str, person: str, purposes: list[Purpose], t_ms: int
) -> None:
    """Put an event into the feed that tells subscribers to delete what they were told of a member.

    It belongs to nobody's rows, so that it outlives them, and to the person's lane, so that it comes after
    what was told before. Delivery takes it out once everybody has it; where nobody is subscribed, it is not
    written at all.
    """
    reference = reference_of(db, person)
    if reference is None or db.execute("SELECT 1 FROM crm_subscribers LIMIT 1").fetchone() is None:
        return
    kind = FeedKind.MEMBER_WITHDRAWN
    told = MemberWithdrawn(member=reference, purposes=purposes, t_ms=t_ms)
    name = stable_id(kind, person, t_ms, *purposes)
    event = announcement(mall, kind, name, subject=WHOLE_MALL, t_ms=t_ms, data=told)
    announce(db, event, kind, about=person, t_ms=t_ms)
