"""What is understood of members as it is kept: models of groups, and the segment of each member.

All functions take the connection of a transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.members import Labels
from gateway.crm.identity.merges import names_now
from gateway.crm.members.assign import Assigner
from gateway.crm.members.features import Usual
from gateway.crm.members.rules import Rule
from gateway.crm.members.tiers import TIERS, Cuts
from gateway.crm.members.words import Words

TIER, CLUSTER = "tier", "cluster"
_FEW = 20
"""Persons up to whom consent is asked one by one."""


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A kind of members, in words."""

    id: str
    """Made of what marks it, so the same kind has the same id after the next fit."""
    name: Words
    description: Words
    stability: float
    """Mean Jaccard index under resampling."""


class TierModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By what members are put to tiers; without cuts too few bought anything."""

    cuts: Cuts | None


class ClusterModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By what members are put to clusters; without clusters nothing stood out."""

    clusters: list[Cluster]
    """In the order of the assigner's functions."""
    assigner: Assigner | None
    usual: Usual | None
    stability: float | None
    """Mean adjusted Rand index under resampling, of all of them."""
    fitted_on: int
    """Members."""


class RuleModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Shops that go together."""

    rules: list[Rule]


Model = TierModel | ClusterModel | RuleModel
M = TypeVar("M", TierModel, ClusterModel, RuleModel)
_NAMES: Mapping[type, str] = {TierModel: "tiers", ClusterModel: "clusters", RuleModel: "rules"}


class Segment(NamedTuple):
    """A tier or cluster of a member."""

    person: str
    part: str
    segment: str
    probability: float


def keep_model(db: sqlite3.Connection, model: Model, fitted_ms: int) -> None:
    """Keep a model in the place of the one before."""
    row = (_NAMES[type(model)], fitted_ms, msgspec.json.encode(model))
    db.execute("INSERT OR REPLACE INTO crm_models (model, fitted_ms, data) VALUES (?, ?, ?)", row)


def model(db: sqlite3.Connection, kind: type[M]) -> M | None:
    """Return the newest model of a kind; one that an older release has written is none."""
    row = db.execute("SELECT data FROM crm_models WHERE model = ?", (_NAMES[kind],)).fetchone()
    if row is None:
        return None
    try:
        return msgspec.json.decode(row[0], type=kind)
    except msgspec.DecodeError:
        return None


def fitted_ms(db: sqlite3.Connection) -> int | None:
    """Return when models were fitted."""
    found: int | None = db.execute("SELECT max(fitted_ms) FROM crm_models").fetchone()[0]
    return found


def keep_segments(db: sqlite3.Connection, segments: Iterable[Segment]) -> None:
    """Keep the segments of all members in the place of those before."""
    db.execute("DELETE FROM crm_segments")
    db.executemany(
        "INSERT INTO crm_segments (person, part, segment, probability) VALUES (?, ?, ?, ?)", segments
    )


def sizes(db: sqlite3.Connection) -> dict[str, int]:
    """Return how many members are in each segment, of those who agree to marketing now."""
    agree = Ledger.in_force_all(db, Purpose.MARKETING)
    found: defaultdict[str, int] = defaultdict(int)
    for person, segment in db.execute("SELECT person, segment FROM crm_segments"):
        found[segment] += person in agree
    return dict(found)


def labels_of(db: sqlite3.Connection, people: Sequence[str]) -> dict[str, Labels]:
    """Return tier, clusters and tags of those of these persons who agree to marketing now."""
    if len(people) <= _FEW:
        agree = {person for person in people if Ledger.in_force(db, person, Purpose.MARKETING)}
    else:
        agree = Ledger.in_force_all(db, Purpose.MARKETING).intersection(people)
    one = names_now(db)
    same: defaultdict[str, set[str]] = defaultdict(set)
    for person, goes_on in one.items():
        same[goes_on].add(person)
    asked = {person: {one.get(person, person), *same[one.get(person, person)]} for person in agree}
    among = json.dumps(sorted({each for group in asked.values() for each in group}))
    of: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for person, part, segment in db.execute(
        "SELECT person, part, segment FROM crm_segments WHERE person IN (SELECT value FROM json_each(?1))"
        " UNION ALL SELECT person, 'tag', tag FROM crm_tags"
        " WHERE person IN (SELECT value FROM json_each(?1)) ORDER BY 3",
        (among,),
    ):
        of[person][part].append(segment)
    return {person: _labels(group, of) for person, group in asked.items()}


def _labels(group: set[str], of: Mapping[str, Mapping[str, list[str]]]) -> Labels:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for person in group & of.keys():
        for part, segments in of[person].items():
            found[part].update(segments)
    best = [tier.id for tier in TIERS if tier.id in found[TIER]]
    return Labels(best[0] if best else None, sorted(found[CLUSTER]), sorted(found["tag"]))
