"""What waits for a server elsewhere: nothing is lost, and where it is too much, what goes is counted."""

import gzip
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from contracts.errors import UnavailableError
from gateway.store import outbox
from gateway.store.outbox import RESERVE_BYTES, Body, Destination, Outbox, bodies, halves
from gateway.store.records import Outputs
from gateway.store.sqlite import SqliteStore

RAW, LONG = Destination("mall", "raw"), Destination("mall", "rollups")
LIVE = Destination("mall_figures", "live")
PLENTY = 10 * RESERVE_BYTES


def made(points: int, size: int) -> Body:
    """Make a body of so many points and bytes."""
    return Body(points, bytes(size))


class OutboxMachine(RuleBasedStateMachine):
    """Whatever is put in and taken out, what is there is what a plain list says."""

    LIMIT = 1000

    @initialize()
    def open(self) -> None:
        """Begin with an empty one."""
        self._folder = TemporaryDirectory()
        self._path = Path(self._folder.name) / "store"
        self._store = SqliteStore(self._path)
        self._clock_ms = 0
        self._outbox = self._opened()
        self._there: dict[Destination, list[Body]] = {RAW: [], LONG: [], LIVE: []}
        self._lost: Counter[str] = Counter()

    def _opened(self) -> Outbox:
        return Outbox(
            self._path, now_ms=lambda: self._clock_ms, limit_bytes=self.LIMIT, free_bytes=lambda _: PLENTY
        )

    @rule(
        where=st.sampled_from([RAW, LONG, LIVE]),
        points=st.integers(1, 9),
        size=st.integers(1, 300),
        commit=st.booleans(),
    )
    def put_in(self, where: Destination, points: int, size: int, *, commit: bool) -> None:
        """Put a body in, with a checkpoint or on its own; the oldest positions go first."""
        body = made(points, size)
        if commit:
            self._store.commit(Outputs(), None, lambda db: self._outbox.add(db, {where: [body]}))
        else:
            self._outbox.post({where: [body]})
        self._there[where].append(body)
        totals = {at: sum(len(one.data) for one in found) for at, found in self._there.items()}
        excess = sum(totals.values()) - self.LIMIT
        for at in sorted(totals, key=lambda one: (one is LONG, -totals[one])):
            while excess > 0 and self._there[at]:
                gone = self._there[at].pop(0)
                excess -= len(gone.data)
                self._lost["full"] += gone.points

    @rule(where=st.sampled_from([RAW, LONG, LIVE]), count=st.integers(0, 3), refused=st.integers(0, 5))
    def take_out(self, where: Destination, count: int, refused: int) -> None:
        """Take the oldest out, some of whose points were refused."""
        found = self._outbox.oldest(where, count)
        assert [(body.points, body.data) for body in found] == [
            (body.points, body.data) for body in self._there[where][:count]
        ]
        self._outbox.take_out(where, [body.id for body in found], refused)
        del self._there[where][:count]
        self._lost["refused"] += refused

    @rule()
    def fail(self) -> None:
        """A commit that fails puts nothing in."""

        def broken(db: sqlite3.Connection) -> None:
            self._outbox.add(db, {RAW: [made(1, 10)]})
            raise UnavailableError("no")

        with pytest.raises(UnavailableError, match="no"):
            self._store.commit(Outputs(), None, broken)

    @rule()
    def reopen(self) -> None:
        """Another process finds it as it was."""
        self._outbox.close()
        self._outbox = self._opened()

    @invariant()
    def is_as_the_list_says(self) -> None:
        """How much waits, for whom, and what was lost."""
        found = [body for there in self._there.values() for body in there]
        waiting = self._outbox.waiting()
        assert (waiting.bodies, waiting.points, waiting.bytes) == (
            len(found), sum(body.points for body in found), sum(len(body.data) for body in found),
        )  # fmt: skip
        assert (waiting.since_ms is None) == (not found)
        assert set(self._outbox.destinations()) == {at for at, there in self._there.items() if there}
        assert Counter(self._outbox.lost()) == +self._lost

    def teardown(self) -> None:
        """Close the files."""
        self._outbox.close()
        self._store.close()
        self._folder.cleanup()


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(max_examples=10, stateful_step_count=20)


def test_disk_that_is_nearly_full_stops_its_growth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While too little is free on the disk, as much goes as comes; a small outbox is let grow even then."""
    monkeypatch.setattr(outbox, "SMALL_BYTES", 3_000_000)
    store = SqliteStore(tmp_path / "store")
    free = [PLENTY]
    waits = Outbox(tmp_path / "store", now_ms=lambda: 7, free_bytes=lambda _: free[0])
    for _ in range(50):
        waits.post({RAW: [made(10, 100_000)]})
    assert waits.waiting().bytes == 5_000_000
    size_bytes = pages(tmp_path / "store")
    free[0] = RESERVE_BYTES - 1_000_000
    for _ in range(50):
        waits.post({RAW: [made(10, 100_000)]})
    assert waits.waiting().bytes == 5_000_000
    assert waits.lost() == {"full": 500}
    assert pages(tmp_path / "store") - size_bytes < 200_000
    waits.take_out(RAW, [body.id for body in waits.oldest(RAW, 30)])
    waits.post({RAW: [made(10, 100_000)]})
    assert waits.waiting().bytes == 2_100_000
    assert waits.lost() == {"full": 500}
    waits.close()
    store.close()


def pages(path: Path) -> int:
    """Tell how large a file is with what is still in its log."""
    with closing(sqlite3.connect(path)) as db:
        count, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    return int(count * size)


@settings(max_examples=30)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\n")), max_size=12))
def test_bodies_hold_every_line(lines: list[str]) -> None:
    """Packed, and cut into halves down to single points, lines come back in their order."""
    full = [line for line in lines if line]
    packed = bodies(lines)
    assert sum(body.points for body in packed) == len(full)
    assert [line for body in packed for line in unpacked(body)] == full


def unpacked(body: Body) -> list[str]:
    """Cut a body down to its lines."""
    if (parts := halves(body)) is None:
        assert body.points == 1
        return [gzip.decompress(body.data).decode().removesuffix("\n")]
    assert sum(part.points for part in parts) == body.points
    return [line for part in parts for line in unpacked(part)]


def test_many_lines_are_several_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body has at most so many points as a server likes."""
    monkeypatch.setattr(outbox, "POINTS_IN_BODY", 4)
    assert [body.points for body in bodies(["m x=1"] * 10)] == [4, 4, 2]
