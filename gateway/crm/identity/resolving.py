"""Whose identifiers are now: the graph of the claims and merges that hold, read from an open connection.

Consent is not asked here: claims that need a consent which was withdrawn are gone, and whoever writes
something for a person asks for theirs in the same transaction.
"""

import sqlite3
from collections.abc import Iterator
from typing import NamedTuple

from contracts.crm import IdentifierKind
from gateway.crm.identity import claims, merges
from gateway.crm.identity.graph import Identifier, Verdict, graph, weigh


class Owned(NamedTuple):
    """An identifier that is somebody's."""

    kind: IdentifierKind
    digest: str
    person: str
    """As whom the owner goes on, where references were merged."""
    confidence: float


def verdicts(db: sqlite3.Connection) -> dict[Identifier, Verdict]:
    """Say whose all identifiers are; the persons are those as whom others go on."""
    return graph(claims.holding(db), merges.names_now(db))


def verdict(db: sqlite3.Connection, kind: IdentifierKind, digest: str) -> Verdict | None:
    """Say whose one identifier is; None where nobody claims it."""
    found = claims.of_identifier(db, kind, digest)
    return weigh(found, merges.names_now(db)) if found else None


def owners(db: sqlite3.Connection) -> Iterator[Owned]:
    """Give every identifier that is somebody's, as `verdicts` would say; several times faster."""
    names = merges.names_now(db)
    for kind, digest, person, confidence in claims.plain(db):
        yield Owned(kind, digest, names.get(person, person), confidence)
    for one in graph(claims.to_weigh(db), names).values():
        if one.person is not None:
            yield Owned(one.kind, one.digest, one.person, one.confidence)


def conflicts(db: sqlite3.Connection) -> list[Verdict]:
    """Give the identifiers that two persons have about equally, in order."""
    weighed = graph(claims.to_weigh(db), merges.names_now(db)).values()
    return sorted((one for one in weighed if one.conflict), key=lambda one: (one.kind, one.digest))
