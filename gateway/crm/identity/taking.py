"""Entries into the store: a chunk a transaction, each entry asked for consent where it is written.

The same file taken in again changes nothing, and the order of files makes no difference: claims are only
added, the same claim once. One that was ended by hand stays ended until something newer says the same.
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from contracts.crm import NEEDS, Purpose
from contracts.errors import ConfigurationError
from gateway.crm.consent.ledger import Ledger, bump, generation
from gateway.crm.identity import claims, merges
from gateway.crm.identity.entries import Entry
from gateway.crm.identity.graph import Claim, Identifier, weigh
from gateway.crm.identity.identifiers import KEYED
from gateway.crm.merging import Names
from gateway.crm.tables import Bad

MOST_BAD = 100
"""Bad rows that a report names; it counts all."""


@dataclass
class Report:
    """What became of an import."""

    rows: int = 0
    taken: int = 0
    known: int = 0
    """Were here already."""
    duplicates: int = 0
    """Stand in the file more than once."""
    no_consent: int = 0
    """Of people who are not known, or have not agreed to what the identifier is kept for; not kept."""
    bad_rows: int = 0
    bad: list[Bad] = field(default_factory=list)
    """The first of them."""
    disputed: set[Identifier] = field(default_factory=set, repr=False)
    """Identifiers of the import that two persons have about equally."""

    @property
    def conflicts(self) -> int:
        """How many identifiers two persons have about equally."""
        return len(self.disputed)

    def refuse(self, bad: Bad) -> None:
        """Count a row that cannot be used."""
        self.bad_rows += 1
        if len(self.bad) < MOST_BAD:
            self.bad.append(bad)


def settle_key(db: sqlite3.Connection, key: str, *, new_key: bool, now_ms: int) -> None:
    """Have all digests be made with one key of the mall.

    With `new_key`, another key than before ends every claim that was made with that one.

    Raises:
        ConfigurationError: there are digests of another key.

    """
    row = db.execute("SELECT key FROM crm_key").fetchone()
    if row is not None and row[0] == key:
        return
    if row is not None and not new_key and _is_used(db):
        raise ConfigurationError(
            f"made with the key {key}; what is known was made with {row[0]}, and no node has both",
            "Make the digests with the key that the nodes have. Where the mall has a new key, say so with"
            " --new-key (new_key=true): nobody is recognised by what was made with the old one any more.",
        )
    if claims.end_kinds(db, KEYED, now_ms, "another key"):
        bump(db)
    db.execute("INSERT OR REPLACE INTO crm_key VALUES (1, ?)", (key,))


def _is_used(db: sqlite3.Connection) -> bool:
    return any(claim.kind in KEYED for claim in claims.holding(db))


class Taking:
    """One import: entries in chunks, one after the other."""

    def __init__(self, report: Report, now_ms: int, wall_ms: int) -> None:
        """Begin; times are those at which entries without one became known, and are recorded."""
        self._report = report
        self._now_ms = now_ms
        self._wall_ms = wall_ms
        self._seen: set[tuple[str, Identifier, str, float]] = set()
        self._generation = -1
        self._agreed: dict[Purpose, set[str]] = {}
        self._names: Names = {}

    def take(self, db: sqlite3.Connection, entries: Sequence[Entry]) -> None:
        """Write what is new and may be kept, in a transaction."""
        if generation(db) != self._generation:
            self._agreed = {purpose: Ledger.in_force_all(db, purpose) for purpose in Purpose}
            self._names = merges.names_now(db)
        persons = _persons(db, {entry.reference for entry in entries})
        known = _Known(db, entries)
        new: list[tuple[Claim, int]] = []
        for entry in entries:
            if self._is_double(entry):
                self._report.duplicates += 1
                continue
            person = persons.get(entry.reference)
            if person is None or not self._may(person, entry):
                self._report.no_consent += 1
                continue
            claim = Claim(person, entry.kind, entry.digest, entry.evidence, entry.confidence)
            t_ms = self._now_ms if entry.t_ms is None else entry.t_ms
            if known.has(claim, t_ms):
                self._report.known += 1
            else:
                new.append((claim, t_ms))
                known.add(claim)
        claims.add(db, new, self._wall_ms)
        self._report.taken += len(new)
        self._dispute(known)
        if new:
            bump(db)
        self._generation = generation(db)

    def _is_double(self, entry: Entry) -> bool:
        said = (entry.reference, (entry.kind, entry.digest), entry.evidence, entry.confidence)
        if said in self._seen:
            return True
        self._seen.add(said)
        return False

    def _may(self, person: str, entry: Entry) -> bool:
        needed = NEEDS.get(entry.kind)
        if needed is not None:
            return person in self._agreed[needed]
        return any(person in agreed for agreed in self._agreed.values())

    def _dispute(self, known: "_Known") -> None:
        for identifier, of_it in known.of.items():
            if len(of_it) > 1 and weigh(of_it, self._names).conflict:
                self._report.disputed.add(identifier)
            else:
                self._report.disputed.discard(identifier)


class _Known:
    """The claims to the identifiers of a chunk."""

    def __init__(self, db: sqlite3.Connection, entries: Iterable[Entry]) -> None:
        self.of: defaultdict[Identifier, list[Claim]] = defaultdict(list)
        """Those that hold."""
        self._holding: set[Claim] = set()
        self._ended: dict[Claim, int] = {}
        for row in claims.of_digests(db, (entry.digest for entry in entries)):
            claim = Claim(row.person, row.kind, row.digest, row.evidence, row.confidence)
            if row.ended_ms is None:
                self.add(claim)
            else:
                self._ended[claim] = max(row.ended_ms, self._ended.get(claim, 0))

    def has(self, claim: Claim, t_ms: int) -> bool:
        return claim in self._holding or t_ms <= self._ended.get(claim, -1)

    def add(self, claim: Claim) -> None:
        self._holding.add(claim)
        self.of[claim.kind, claim.digest].append(claim)


def _persons(db: sqlite3.Connection, references: Iterable[str]) -> dict[str, str]:
    rows = db.execute(
        "SELECT reference, person FROM crm_persons WHERE reference IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(references)),),
    )
    return dict(rows.fetchall())
