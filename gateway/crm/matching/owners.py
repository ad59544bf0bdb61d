"""Whose identifiers are, of those who agree to be known by them; kept until consents or identities change.

Asked at the start of every transaction that writes: what it gives holds as long as that transaction, for
nobody else can write meanwhile.
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


class Owners:
    """What is known, as of one generation."""

    def __init__(self) -> None:
        """Start knowing nothing; `refresh` comes first."""
        self._generation: int | None = None
        self._known = Known({}, {}, {})

    def refresh(self, db: sqlite3.Connection) -> Changed | None:
        """Bring it up to date; gives what has changed, None the first time."""
        now = generation(db)
        if now == self._generation:
            return Changed()
        before, first = self._known, self._generation is None
        self._known, self._generation = known(db), now
        return None if first else changed(before, self._known)

    @property
    def generation(self) -> int | None:
        """As of which generation; None before the first `refresh`."""
        return self._generation

    def current(self, db: sqlite3.Connection) -> bool:
        """Whether nothing has changed since the last `refresh`."""
        return generation(db) == self._generation

    def forget(self) -> None:
        """Know nothing: what followed from the last `refresh` was not written."""
        self._generation = None

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
    heard = (claim for claim in claims.holding(db) if claim.kind in NEEDS)
    references = dict(db.execute("SELECT person, reference FROM crm_persons").fetchall())
    since = {purpose: Ledger.since_all(db, purpose) for purpose in NEEDS.values()}
    agree = {purpose: found.keys() & references.keys() for purpose, found in since.items()}
    owners: dict[Key, Owner | None] = {}
    for (kind, digest), verdict in graph(heard, merges.names_now(db)).items():
        purpose = NEEDS[kind]
        if agree[purpose].isdisjoint(share.person for share in verdict.shares):
            continue
        owners[kind, digest] = (
            Owner(whose, references[whose], verdict.confidence, since[purpose][whose])
            if (whose := verdict.person) in agree[purpose]
            else None
        )
    return Known(owners, since, references)
