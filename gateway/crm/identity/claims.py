"""Claims as they are kept: added, ended, never changed. All functions take a transaction's connection."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from contracts.crm import IdentifierKind
from gateway.crm.identity.graph import LIKELY, Claim, Identifier


class Row(Struct, frozen=True):
    """A claim with when it was made, and when it ended."""

    claim: int
    person: str
    kind: IdentifierKind
    digest: str
    evidence: str
    confidence: float
    t_ms: int
    ended_ms: int | None
    ended_why: str | None


_KINDS = {str(kind): kind for kind in IdentifierKind}
_COLUMNS = "claim, person, kind, digest, evidence, confidence, t_ms, ended_ms, ended_why"


def add(db: sqlite3.Connection, claims: Sequence[tuple[Claim, int]], now_ms: int) -> None:
    """Write claims, each with when it was true first."""
    db.executemany(
        "INSERT INTO crm_claims (person, kind, digest, evidence, confidence, t_ms, recorded_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(c.person, c.kind, c.digest, c.evidence, c.confidence, t_ms, now_ms) for c, t_ms in claims],
    )


def end(db: sqlite3.Connection, claim: int, now_ms: int, why: str) -> bool:
    """End a claim from now on; False where there is none of this number, or it has ended."""
    ended = "UPDATE crm_claims SET ended_ms = ?, ended_why = ? WHERE claim = ? AND ended_ms IS NULL"
    return db.execute(ended, (now_ms, why, claim)).rowcount > 0


def end_kinds(db: sqlite3.Connection, kinds: Iterable[IdentifierKind], now_ms: int, why: str) -> int:
    """End all claims of some kinds; gives how many those were."""
    ended = "UPDATE crm_claims SET ended_ms = ?, ended_why = ? WHERE kind = ? AND ended_ms IS NULL"
    return sum(db.execute(ended, (now_ms, why, kind)).rowcount for kind in kinds)


def holding(db: sqlite3.Connection) -> Iterator[Claim]:
    """Give all claims that hold."""
    for row in db.execute(
        "SELECT person, kind, digest, evidence, confidence FROM crm_claims WHERE ended_ms IS NULL"
    ):
        yield Claim(row[0], _KINDS[row[1]], *row[2:])


_PLAIN = """
    SELECT kind, digest, person, confidence FROM crm_claims WHERE ended_ms IS NULL
    GROUP BY kind, digest HAVING count(*) = 1 AND confidence >= ?"""
_WEIGHED = """
    SELECT person, kind, digest, evidence, confidence FROM crm_claims WHERE ended_ms IS NULL
    AND (kind, digest) IN (SELECT kind, digest FROM crm_claims WHERE ended_ms IS NULL
    GROUP BY kind, digest HAVING count(*) > 1 OR min(confidence) < ?)"""


def plain(db: sqlite3.Connection) -> Iterator[tuple[IdentifierKind, str, str, float]]:
    """Give kind, digest, person and confidence of identifiers that have one claim, and a likely one.

    Most are like that, and there is nothing to weigh.
    """
    for kind, digest, person, confidence in db.execute(_PLAIN, (LIKELY,)):
        yield _KINDS[kind], digest, person, confidence


def to_weigh(db: sqlite3.Connection) -> Iterator[Claim]:
    """Give the claims that hold to all other identifiers."""
    for row in db.execute(_WEIGHED, (LIKELY,)):
        yield Claim(row[0], _KINDS[row[1]], *row[2:])


def of_identifier(db: sqlite3.Connection, kind: IdentifierKind, digest: str) -> list[Claim]:
    """Give the claims to one identifier that hold."""
    rows = db.execute(
        "SELECT person, evidence, confidence FROM crm_claims"
        " WHERE kind = ? AND digest = ? AND ended_ms IS NULL",
        (kind, digest),
    )
    return [Claim(person, kind, digest, evidence, confidence) for person, evidence, confidence in rows]


def of_digests(db: sqlite3.Connection, digests: Iterable[str]) -> Iterator[Row]:
    """Give all claims to these digests, those that have ended, too."""
    where = "WHERE digest IN (SELECT value FROM json_each(?))"
    return _rows(db, where, (json.dumps(sorted(set(digests))),))


def of_persons(db: sqlite3.Connection, persons: Iterable[str]) -> list[Row]:
    """Give all claims of these persons in order, those that have ended, too."""
    where = "WHERE person IN (SELECT value FROM json_each(?)) ORDER BY claim"
    return list(_rows(db, where, (json.dumps(sorted(set(persons))),)))


def to(db: sqlite3.Connection, identifiers: Iterable[Identifier]) -> list[Row]:
    """Give the claims to these identifiers that hold, in order."""
    wanted = {(kind, digest) for kind, digest in identifiers}
    found = of_digests(db, (digest for _, digest in wanted))
    holds = (row for row in found if row.ended_ms is None and (row.kind, row.digest) in wanted)
    return sorted(holds, key=lambda row: row.claim)


def _rows(db: sqlite3.Connection, where: str, values: tuple[object, ...]) -> Iterator[Row]:
    for row in db.execute(f"SELECT {_COLUMNS} FROM crm_claims {where}", values):  # noqa: S608
        yield Row(row[0], row[1], _KINDS[row[2]], *row[3:])
