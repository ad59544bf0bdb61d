"""Whose identifiers are, of those who agree to be known by them; kept until consents or identities change.

Asked at the start of every transaction that writes: what it gives holds as long as that transaction, for
nobody else can write meanwhile. It is read before, and in that transaction only where it has changed since.
"""

import sqlite3
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from contracts.crm import NEEDS, Purpose
from gateway.crm.consent.ledger import Ledger, generation
from gateway.crm.identity import claims, merges
from gateway.crm.identity.graph import graph
from gateway.crm.matching.sightings import Key


@dataclass(frozen=True, slots=True)
class Owner:
    """The member whose identifier it is."""

    person: str
    """As which the member goes on, where references were merged."""
    reference: str
    confidence: float
    """That it is."""
    since_ms: int
    """From when on consent holds without a break: what began before is not told as the member's."""


@dataclass(frozen=True)
class Known:
    """Everything that is known of identifiers and members at one moment."""

    owners: Mapping[Key, Owner | None]
    """Of all identifiers that members who agree are said to have; None = nobody can tell whose it is."""
    since_ms: Mapping[Purpose, Mapping[str, int]]
    """Who agrees, and from when on."""
    references: Mapping[str, str]
    """What members are called."""


@dataclass(frozen=True)
class Changed:
    """What is different from before."""

    keys: AbstractSet[Key] = frozenset()
    """Identifiers that have other owners, or the same with another consent."""
    lost: AbstractSet[tuple[str, Purpose]] = frozenset()
    """Who does not agree any more, and to what."""


@dataclass(frozen=True)
class _Ahead:
    """What `refresh` will find, unless something changes before."""

    generation: int
    known: Known
    changed: Changed


class Owners:
    """What is known, as of one generation."""

    def __init__(self) -> None:
        """Start knowing nothing; `refresh` comes first."""
        self._generation: int | None = None
        self._known = Known({}, {}, {})
        self._ahead: _Ahead | None = None

    def look_ahead(self, db: sqlite3.Connection) -> None:
        """Read what is new before the transaction that writes: of many members it takes seconds.

        `db` is in a transaction that only reads. What changes afterwards `refresh` reads again.
        """
        now = generation(db)
        if now != self._generation and (self._ahead is None or self._ahead.generation != now):
            found = known(db)
            self._ahead = _Ahead(now, found, changed(self._known, found))

    def refresh(self, db: sqlite3.Connection) -> Changed | None:
        """Bring it up to date; gives what has changed, None the first time."""
        self.look_ahead(db)
        if self._ahead is None:
            return Changed()
        first, new = self._generation is None, self._ahead
        self._known, self._generation, self._ahead = new.known, new.generation, None
        return None if first else new.changed

    @property
    def generation(self) -> int | None:
        """As of which generation; None before the first `refresh`."""
        return self._generation

    def current(self, db: sqlite3.Connection) -> bool:
        """Whether nothing has changed since the last `refresh`."""
        return generation(db) == self._generation

    def forget(self) -> None:
        """Know nothing: what followed from the last `refresh` was not written."""
        self._generation = self._ahead = None

    def has(self, kind: str, digest: str) -> bool:
        """Whether a member who agrees is said to have an identifier."""
        return (kind, digest) in self._known.owners

    def of(self, kind: str, digest: str) -> Owner | None:
        """Return whose an identifier is; None where it is nobody's, or nobody can tell."""
        return self._known.owners.get((kind, digest))

    def reference(self, person: str) -> str:
        """Return what a member is called. Raises `KeyError` where there is none."""
        return self._known.references[person]

    def since_ms(self, person: str, purpose: Purpose) -> int | None:
        """Return from when on a person agrees to something; None = not now."""
        return self._known.since_ms[purpose].get(person)

    def agree(self) -> Mapping[Purpose, AbstractSet[str]]:
        """Return everybody who agrees, by what to."""
        return {purpose: since.keys() for purpose, since in self._known.since_ms.items()}


def changed(before: Known, after: Known) -> Changed:
    """Return what is different between two moments."""
    keys = before.owners.keys() | after.owners.keys()
    return Changed(
        {key for key in keys if before.owners.get(key) != after.owners.get(key)},
        {
            (person, purpose)
            for purpose, since in before.since_ms.items()
            for person in since.keys() - after.since_ms[purpose].keys()
        },
    )


def known(db: sqlite3.Connection) -> Known:
    """Read whose identifiers are that can be heard or read: by the graph of identities and the ledger."""
    names = merges.names_now(db)
    references = dict(db.execute("SELECT person, reference FROM crm_persons").fetchall())
    since = {purpose: Ledger.since_all(db, purpose) for purpose in Purpose}
    agree = {purpose: found.keys() & references.keys() for purpose, found in since.items()}
    owners: dict[Key, Owner | None] = {}
    for kind, digest, person, confidence in claims.plain(db):
        whose = names.get(person, person)
        if kind in NEEDS and whose in agree[NEEDS[kind]]:
            owners[kind, digest] = Owner(whose, references[whose], confidence, since[NEEDS[kind]][whose])
    disputed = (claim for claim in claims.to_weigh(db) if claim.kind in NEEDS)
    for (kind, digest), verdict in graph(disputed, names).items():
        purpose = NEEDS[kind]
        if agree[purpose].isdisjoint(share.person for share in verdict.shares):
            continue
        owners[kind, digest] = (
            Owner(found, references[found], verdict.confidence, since[purpose][found])
            if (found := verdict.person) in agree[purpose]
            else None
        )
    return Known(owners, since, references)
