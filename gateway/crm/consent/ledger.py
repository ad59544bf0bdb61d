"""The consent ledger: who agreed to what, when, to which text and where; only ever appended to.

Of all entries of a person and purpose the newest decides, by the time at which it was said, in whichever
order they arrive; of two of the same moment, the one that withdraws. An entry that was sent before is no
second one. References that were merged speak for one person: the newest entry of all of them decides.
All functions take an open connection, so that consent is asked in the transaction that writes.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.crm import Purpose
from gateway.crm.consent.persons import merged, same_as


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger."""

    entry: int
    person: str
    purpose: Purpose
    given: bool
    """False = withdrawn."""
    t_ms: int
    """When it was said."""
    text: str
    """Version of the text that was agreed to."""
    channel: str
    """Where it was said: a till, an app, a form."""


class Ledger:
    """What the ledger says; each method is given the connection of the transaction it belongs to."""

    @staticmethod
    def in_force(db: sqlite3.Connection, person: str, purpose: Purpose) -> bool:
        """Whether this person agrees to this purpose now."""
        people = json.dumps(same_as(db, person))
        row = db.execute(
            "SELECT given FROM crm_consents JOIN crm_persons USING (person)"
            " WHERE person IN (SELECT value FROM json_each(?)) AND purpose = ?"
            " ORDER BY t_ms DESC, given LIMIT 1",
            (people, purpose),
        ).fetchone()
        return row is not None and bool(row[0])

    @staticmethod
    def in_force_all(db: sqlite3.Connection, purpose: Purpose) -> set[str]:
        """Return all persons who agree to this purpose now."""
        rows = db.execute(
            "SELECT person, t_ms, given FROM (SELECT person, t_ms, given, row_number() OVER"
            " (PARTITION BY person ORDER BY t_ms DESC, given) AS place FROM crm_consents WHERE purpose = ?)"
            " JOIN crm_persons USING (person) WHERE place = 1",
            (purpose,),
        )
        said = {person: (t_ms, not given) for person, t_ms, given in rows}  # the greatest decides
        for group in merged(db):
            if any(person in said for person in group):
                said |= dict.fromkeys(group, max(said[person] for person in group if person in said))
        return {person for person, (_, withdrawn) in said.items() if not withdrawn}

    @staticmethod
    def since_all(db: sqlite3.Connection, purpose: Purpose) -> dict[str, int]:
        """Return all persons who agree to this purpose now, with the moment since when without a break."""
        rows = db.execute(
            "SELECT person, t_ms, NOT given FROM crm_consents JOIN crm_persons USING (person)"
            " WHERE purpose = ? ORDER BY person, t_ms, NOT given",
            (purpose,),
        )
        said: defaultdict[str, list[tuple[int, bool]]] = defaultdict(list)
        for person, t_ms, withdrawn in rows:
            said[person].append((t_ms, bool(withdrawn)))
        for group in merged(db):
            together = sorted(entry for person in group for entry in said.get(person, ()))
            if together:
                said |= dict.fromkeys(group, together)
        since = {person: _since(entries) for person, entries in said.items()}
        return {person: t_ms for person, t_ms in since.items() if t_ms is not None}

    @staticmethod
    def record(
        db: sqlite3.Connection,
        person: str,
        purpose: Purpose,
        *,
        given: bool,
        t_ms: int | None,
        text: str,
        channel: str,
        recorded_ms: int,
        now_ms: int | None = None,
    ) -> tuple[Entry, bool]:
        """Append an entry and grow the generation; gives it, and whether it is new.

        `t_ms` None = now: `now_ms` (the mall's time; without, the wall's `recorded_ms`), or later where the
        ledger has heard from a later time, so that what is said now decides. Deleting what a withdrawal must
        delete is `withdrawal`'s part.
        """
        if t_ms is None:
            t_ms = _now(db, person, purpose, recorded_ms if now_ms is None else now_ms, given=given)
        said = (person, purpose, given, t_ms, text, channel)
        before = db.execute(
            "SELECT entry FROM crm_consents WHERE person = ? AND purpose = ? AND given = ? AND t_ms = ?"
            " AND text = ? AND channel = ?",
            said,
        ).fetchone()
        if before is not None:
            return Entry(before[0], *said), False
        done = db.execute(
            "INSERT INTO crm_consents (person, purpose, given, t_ms, text, channel, recorded_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*said, recorded_ms),
        )
        bump(db)
        return Entry(done.lastrowid or 0, *said), True

    @staticmethod
    def entries(db: sqlite3.Connection, person: str) -> list[Entry]:
        """Return what a person has said, in the order in which it was recorded."""
        return Ledger._read(db, "WHERE person = ? ORDER BY entry", (person,))

    @staticmethod
    def page(db: sqlite3.Connection, after: int, limit: int) -> list[Entry]:
        """Return at most `limit` entries above `after`, of people who were not erased, in order."""
        where = "WHERE entry > ? AND person IN (SELECT person FROM crm_persons) ORDER BY entry LIMIT ?"
        return Ledger._read(db, where, (after, limit))

    @staticmethod
    def newest(
        db: sqlite3.Connection, before: int, limit: int, purpose: Purpose | None = None
    ) -> list[Entry]:
        """Return at most `limit` entries below `before`, of a purpose or of all, the newest first."""
        where = (
            "WHERE entry < ? AND person IN (SELECT person FROM crm_persons)"
            " AND (? IS NULL OR purpose = ?) ORDER BY entry DESC LIMIT ?"
        )
        return Ledger._read(db, where, (before, purpose, purpose, limit))

    @staticmethod
    def _read(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> list[Entry]:
        rows = db.execute(
            f"SELECT entry, person, purpose, given, t_ms, text, channel FROM crm_consents {where}",  # noqa: S608
            values,
        )
        return [Entry(row[0], row[1], Purpose(row[2]), bool(row[3]), row[4], row[5], row[6]) for row in rows]


def _now(db: sqlite3.Connection, person: str, purpose: Purpose, now_ms: int, *, given: bool) -> int:
    people = json.dumps(same_as(db, person))
    newest = db.execute(
        "SELECT max(t_ms) FROM crm_consents WHERE person IN (SELECT value FROM json_each(?)) AND purpose = ?",
        (people, purpose),
    ).fetchone()[0]
    return now_ms if newest is None else max(now_ms, newest + given)


def _since(entries: Sequence[tuple[int, bool]]) -> int | None:
    since: int | None = None
    for t_ms, withdrawn in entries:
        if withdrawn:
            since = None
        elif since is None:
            since = t_ms
    return since


def generation(db: sqlite3.Connection) -> int:
    """How often consents or identities have changed: whoever caches what they say compares it."""
    found: int = db.execute("SELECT generation FROM crm_generation").fetchone()[0]
    return found


def bump(db: sqlite3.Connection) -> None:
    """Say that consents or identities have changed, in the transaction in which they do."""
    db.execute("UPDATE crm_generation SET generation = generation + 1")
