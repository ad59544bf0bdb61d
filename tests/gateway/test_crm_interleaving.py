"""However events, sightings, consents, withdrawals, merges and restarts mix, the newest word is right."""

import json
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.crm.consent.persons import person_of
from gateway.crm.matching import matcher
from gateway.crm.matching.matcher import Matcher
from tests.gateway.membership import Desk, device, digest, sighting, visit

MEMBERS = ("m-1", "m-2", "m-3")
numbers = st.integers(0, 2)

KINDS = [*["visit"] * 5, *["heard", "work"] * 4, *["says"] * 3]
KINDS += ["has", "has", "moves", "merge", "unmerge", "restart"]
ops = st.lists(st.tuples(st.sampled_from(KINDS), numbers, numbers), min_size=8, max_size=40)
START = [(what, one, one) for one in (0, 1) for what in ("says", "has", "heard", "visit")]
"""Two of three members agree and are heard to begin with: chance alone would seldom get that far."""


@dataclass
class Model:
    """All that was said, heard and told, as lists; everything is computed anew from them."""

    said: dict[str, list[tuple[float, bool]]] = field(default_factory=lambda: defaultdict(list))
    claims: list[tuple[str, str]] = field(default_factory=list)
    merges: dict[str, str] = field(default_factory=dict)
    sightings: set[tuple[str, str, str]] = field(default_factory=set)
    """Device, digest and the address that was heard."""
    events: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By id: whose visit it is, and when it began."""

    def head(self, member: str) -> str:
        """As whom a member goes on."""
        while member in self.merges:
            member = self.merges[member]
        return member

    def since(self, member: str) -> float | None:
        """From when on the member's consent holds."""
        same = [
            entry for name in MEMBERS if self.head(name) == self.head(member) for entry in self.said[name]
        ]
        since = None
        for t_s, agrees in sorted(same):
            since = None if not agrees else t_s if since is None else since
        return since

    def whose(self, subject: str, began_s: float) -> str | None:
        """Whom an event has to name."""
        owners = set()
        for who, a_digest, _ in self.sightings:
            heads = {self.head(name) for name, claimed in self.claims if claimed == a_digest}
            if who == subject and len(heads) == 1 and self.since(min(heads)) is not None:
                owners |= heads
        if len(owners) != 1:
            return None
        since = self.since(min(owners))
        return min(owners) if since is not None and began_s >= since else None


class Play:
    """The model and the real thing, side by side."""

    def __init__(self, folder: Path) -> None:
        self.desk, self.model = Desk(folder), Model()
        self.queue: list[tuple[str, ...]] = []
        self.made: dict[tuple[str, str], int] = {}
        self.now_s = 0.0

    def do(self, what: str, one: int, other: int) -> None:
        """Do something to both."""
        self.now_s += 1.0
        getattr(self, what)(one, other)
        self.desk.check()

    def says(self, one: int, other: int) -> None:
        """A member agrees, or withdraws."""
        name, model, given = MEMBERS[one], self.model, other != 2
        model.said[name].append((self.now_s, given))
        if not given:
            same = {member for member in MEMBERS if model.head(member) == model.head(name)}
            for gone in self._told_as(same):
                del model.events[gone]
            claimed = {claim[1] for claim in model.claims if claim[0] in same}
            model.claims = [claim for claim in model.claims if claim[0] not in same]
            claimed -= {claim[1] for claim in model.claims}
            model.sightings = {found for found in model.sightings if found[1] not in claimed}
        self.desk.says(name, given=given, t_s=self.now_s)

    def _told_as(self, members: set[str]) -> set[str]:
        with self.desk.file.connection() as db:
            persons = [person_of(db, name) for name in sorted(members)]
            rows = db.execute(
                "SELECT id FROM crm_feed AS told WHERE person IN (SELECT value FROM json_each(?))"
                " AND revision = (SELECT max(revision) FROM crm_feed WHERE id = told.id)",
                (json.dumps(persons),),
            )
            return {row[0] for row in rows}

    def has(self, one: int, other: int) -> None:
        """A member who agrees logs in with a phone."""
        if self.model.since(MEMBERS[one]) is not None:
            self.model.claims.append((MEMBERS[one], digest(other)))
            self.desk.has(MEMBERS[one], digest(other))

    def heard(self, one: int, other: int) -> None:
        """A phone is heard; its address is taken for a device's."""
        address = f"a{other}"
        self.queue.append(("heard", device(one), digest(other), address))
        self.desk.put(sighting(device(one), digest(other), self.now_s, address=address))

    def moves(self, one: int, other: int) -> None:
        """An address turns out to be another device's."""
        self.queue.append(("moves", device(one), f"a{other}"))
        self.desk.put(sighting(device(one), "", self.now_s, address=f"a{other}"))

    def visit(self, one: int, _: int) -> None:
        """A device enters a zone."""
        event = visit(device(one), "S1", self.now_s)
        self.queue.append(("visit", device(one), event.id, str(self.now_s)))
        self.desk.put(event)

    def merge(self, one: int, other: int) -> None:
        """Two references are found to be one person."""
        name, into, model = MEMBERS[one], MEMBERS[other], self.model
        if model.said[name] and model.said[into] and model.head(name) != model.head(into):
            if name in model.merges:  # a reference goes on as one other in this model
                return
            self.made[name, into] = self.desk.merge(name, into)
            model.merges[name] = into
            self._lose()

    def unmerge(self, one: int, other: int) -> None:
        """That is taken back."""
        name, into = MEMBERS[one], MEMBERS[other]
        if self.model.merges.get(name) == into:
            del self.model.merges[name]
            self.desk.unmerge(self.made.pop((name, into)))
            self._lose()

    def _lose(self) -> None:
        """Forget what was kept of those for whom no consent speaks any more; what happened stays told."""
        while not self.desk.current():
            self.desk.work(0)
        model = self.model
        lost = {name for name in MEMBERS if model.since(name) is None}
        claimed = {claim[1] for claim in model.claims if claim[0] in lost}
        model.claims = [claim for claim in model.claims if claim[0] not in lost]
        claimed -= {claim[1] for claim in model.claims}
        model.sightings = {found for found in model.sightings if found[1] not in claimed}

    def restart(self, _: int, __: int) -> None:
        """The gateway is killed: everything that was in memory is gone."""
        self.desk.matcher = Matcher("mall", Counter())

    def work(self, one: int, _: int) -> None:
        """Matching takes in what comes first."""
        self._work(3 * (one + 1))

    def _work(self, limit: int) -> None:
        self.desk.work(limit)
        taken, self.queue = self.queue[:limit], self.queue[limit:]
        for kind, who, *rest in taken:
            if kind == "visit":
                self.model.events[rest[0]] = (who, float(rest[1]))
            elif kind == "moves":
                moved = {found for found in self.model.sightings if found[2] == rest[0]}
                self.model.sightings -= moved
                self.model.sightings |= {(who, found[1], found[2]) for found in moved}
            elif self._known(rest[0]) and (who, rest[0]) not in {one[:2] for one in self.model.sightings}:
                self.model.sightings.add((who, rest[0], rest[1]))

    def _known(self, a_digest: str) -> bool:
        """Whether somebody who agrees is said to have an identifier: of others nothing is written."""
        model = self.model
        return any(claim[1] == a_digest and model.since(claim[0]) is not None for claim in model.claims)

    def end(self) -> None:
        """Take in the rest, and compare."""
        self._work(10_000)
        self.desk.settle()
        expected = {name: self.model.whose(*event) for name, event in self.model.events.items()}
        told = self.desk.newest()
        found = {name: member for name, (_, member) in told.items() if name in expected}
        assert found == expected
        assert set(expected) == {
            name for name, _, kind in self.desk.rows("crm_feed", "id, 1, kind") if "visit" in kind
        }
        with self.desk.file.connection() as db:
            visits = db.execute("SELECT count(*) FROM crm_visits").fetchone()[0]
            rows = db.execute("SELECT id, revision, person FROM crm_feed ORDER BY seq").fetchall()
        assert visits == sum(member is not None for member in expected.values())
        before: dict[str, tuple[int, str | None]] = {}
        for name, revision, person in rows:
            if name in before:  # what names somebody whose consent ended with a merge is gone: a gap
                step = revision - before[name][0]
                assert step > 0
                assert step > 1 or person != before[name][1], "an event was told again and says the same"
            before[name] = (revision, person)
        self.desk.check()


@settings(max_examples=40, deadline=None)
@given(ops, st.sampled_from([1, 200]))
@example([("work", 2, 0), ("says", 0, 2)], 200)
@example([("heard", 0, 1), ("work", 2, 0), ("restart", 0, 0), ("says", 1, 2)], 200)
@example([("work", 2, 0), ("merge", 0, 1), ("work", 2, 0), ("restart", 0, 0), ("unmerge", 0, 1)], 1)
def test_the_newest_word_is_right(chosen: list[tuple[str, int, int]], at_once: int) -> None:
    """After any interleaving each event names whom everything speaks for, and at no moment anybody else."""
    with tempfile.TemporaryDirectory() as folder, patch.object(matcher, "AT_ONCE", at_once):
        play = Play(Path(folder))
        try:
            for what, one, other in START + chosen:
                play.do(what, one, other)
            play.end()
        finally:
            play.desk.close()


def test_the_model_can_fail() -> None:
    """The comparison sees a name that nothing speaks for."""
    with tempfile.TemporaryDirectory() as folder:
        play = Play(Path(folder))
        for what, one, other in START:
            play.do(what, one, other)
        play.model.claims = []
        with pytest.raises(AssertionError):
            play.end()
        play.desk.close()
