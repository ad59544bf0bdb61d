"""The thread that matches: bad items do not hold it up, a locked file is waited for, old rows go."""

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.crm import Purpose
from contracts.errors import UnavailableError
from contracts.site.crm import Crm
from gateway.crm.delivery.keeping import forget_feed
from gateway.crm.file import reading
from gateway.crm.matching.feed import Feed, Wanted
from gateway.crm.matching.owners import Owners
from gateway.crm.matching.retention import DAY_MS, Retention
from gateway.crm.matching.unfounded import unfounded
from gateway.crm.matching.worker import Worker
from gateway.people import MallPeople
from gateway.store.promotions import Promotions
from tests.gateway.crowd import small_site
from tests.gateway.membership import T0_MS, Desk, device, digest, path, sighting, visit
from tests.gateway.served import served
from tests.gateway.ticks import GRID
from tests.support import wait_until

A = device(1)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Open a store with a member whose phone is known."""
    made = Desk(tmp_path)
    made.says("m-1")
    made.has("m-1", digest(1))
    yield made
    made.check()
    made.close()


def worker_of(desk: Desk, now_ms: int = T0_MS, told: Feed | None = None) -> Worker:
    """Return a worker over the same file, not started."""
    retention = Retention(Crm(), lambda: now_ms, forget_feed)
    return Worker(desk.path, "mall", Counter(), retention=retention, told=(told or Feed(desk.file)).told)


def test_a_bad_item_is_left_out(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be read is counted and said once, without what is in it; everything else is taken in."""
    worker = worker_of(desk)
    desk.put(sighting(A, digest(1), 0), visit(A, "S1", 5))
    with desk.file.transaction() as db:
        for kind, payload in (("event", b'{"secret":"m-1"}'), ("event", b"\xff"), ("riddle", b"m-1")):
            db.execute("INSERT INTO crm_inbox (kind, payload) VALUES (?, ?)", (kind, payload))
    desk.put(visit(A, "S2", 50))
    with caplog.at_level(logging.ERROR):
        while worker.step():
            pass
    assert {member for _, member in desk.newest().values()} == {"m-1"}
    assert len(desk.newest()) == 2
    assert not desk.rows("crm_inbox")
    assert "m-1" not in caplog.text
    assert caplog.text.count("left out") == 3
    worker.stop()


def test_a_row_of_the_feed_that_cannot_be_read(desk: Desk) -> None:
    """One that is damaged stays as it is; whatever else there is of that device, and of others, is told."""
    worker = worker_of(desk)
    desk.put(visit(A, "S1", 5), visit(A, "S2", 50))
    assert worker.step()
    with desk.file.transaction() as db:
        db.execute("UPDATE crm_feed SET payload = ? WHERE seq = 1", (b'{"secret": 1}',))
    desk.put(sighting(A, digest(1), 6), visit(device(2), "S1", 60))
    while worker.step():
        pass
    assert not desk.rows("crm_inbox")
    told = [json.loads(payload) for (payload,) in desk.rows("crm_feed", "payload")]
    assert [(one["revision"], one["member"]) for one in told if "member" in one] == [(2, "m-1")]
    assert len(told) == 4
    with desk.file.transaction() as db:
        db.execute("DELETE FROM crm_feed WHERE seq = 1")
    worker.stop()


def test_a_long_feed_is_not_looked_through(desk: Desk) -> None:
    """A page of it, and who is named in it, cost no more where it has more rows (in steps of SQLite)."""
    steps: list[int] = []
    with desk.file.transaction() as db:
        db.executemany(
            "INSERT INTO crm_feed (id, revision, kind, zone, subject, person, t_ms, payload)"
            " VALUES (?, 1, 'visit.started', 'S1', 'a', ?, 0, '')",
            ((str(number), f"p{number % 2}") for number in range(5000)),
        )
        db.set_progress_handler(lambda: steps.append(100), 100)
        assert len(Wanted().page(db, 0, 10).rows) == 10
        assert Wanted().page(db, 4990, 100).cursor == 5000
        assert unfounded(db, Purpose.POSITION, {"p0"}) >= {"p1"}
        db.set_progress_handler(None, 0)
        assert sum(steps) < 5000
        db.execute("DELETE FROM crm_feed")


def test_a_file_that_is_locked(desk: Desk) -> None:
    """While somebody else has the file nothing is taken in, and afterwards everything, once."""
    worker = worker_of(desk)
    with worker.file.connection() as db:
        db.execute("PRAGMA busy_timeout = 10")
    desk.put(sighting(A, digest(1), 0), visit(A, "S1", 5))
    with desk.file.transaction(), pytest.raises(UnavailableError):
        worker.step()
    assert not desk.newest()
    assert worker.step()
    assert list(desk.newest().values()) == [(1, "m-1")]
    worker.stop()


def test_what_is_read_ahead_is_not_believed(desk: Desk) -> None:
    """Consents are read before the file is locked; who withdraws in between is not taken to agree."""
    owners, known = Owners(), ("wifi", digest(1))
    with reading(desk.file) as db:
        owners.look_ahead(db)
    with desk.file.transaction() as db:
        assert owners.refresh(db) is None
        assert owners.has(*known)
    desk.has("m-1", digest(2))
    with reading(desk.file) as db:
        owners.look_ahead(db)
    desk.says("m-1", given=False)
    with desk.file.transaction() as db:
        found = owners.refresh(db)
        assert found is not None
        assert found.keys == {known}
        assert [purpose for _, purpose in found.lost] == [Purpose.POSITION]
        assert not owners.has(*known)
        assert owners.current(db)


def test_the_thread(desk: Desk) -> None:
    """Woken, it takes in what waits and wakes who follows the feed; changed identities it finds by itself."""
    feed = Feed(desk.file)
    worker = worker_of(desk, told=feed).start()
    seen = feed.wait(0, 0.0)
    desk.put(visit(A, "S1", 5))
    worker.wake()
    assert feed.wait(seen, 20.0) > seen
    wait_until(lambda: bool(feed.after(0, 10)), what="nothing is told")
    (row,) = feed.after(0, 10)
    assert (row.name, row.lane) == (f"{visit(A, 'S1', 5).id}.1", A)
    assert feed.newest() == row.seq
    desk.put(sighting(A, digest(1), 6))
    worker.wake()
    wait_until(lambda: len(feed.after(0, 10)) == 2, what="no correction is told")
    assert feed.after(row.seq, 10)[0].lane == feed.after(row.seq, 10)[0].person
    desk.says("m-2")
    desk.merge("m-1", "m-2")
    wait_until(lambda: len(feed.after(0, 10)) == 3, what="a merge is not told")
    worker.stop()


def test_old_rows_go(desk: Desk) -> None:
    """The feed and what was heard go after days, visits after longer, and not what somebody waits for."""
    desk.take(sighting(A, digest(1), 0), visit(A, "S1", 5), visit(A, "S2", 9), path(A, 0, 60, []))
    with desk.file.transaction() as db:
        first = db.execute("SELECT min(seq) FROM crm_feed").fetchone()[0]
        db.execute(
            "INSERT INTO crm_pending (subscriber, seq, lane, since_ms) VALUES ('a', ?, 'x', 0)", (first,)
        )
    settings = Crm(feed_d=4, history_d=10)
    retention = Retention(settings, lambda: T0_MS, forget_feed)
    assert retention.run(desk.file, T0_MS + 3 * DAY_MS) == 0
    retention.run(desk.file, T0_MS + 5 * DAY_MS)
    assert [seq for (seq,) in desk.rows("crm_feed", "seq")] == [first]
    assert not desk.rows("crm_sightings")
    assert not desk.rows("crm_links")
    assert len(desk.rows("crm_visits")) == 3
    retention.run(desk.file, T0_MS + 11 * DAY_MS)
    assert not desk.rows("crm_visits")


def test_what_is_deleted_is_overwritten(desk: Desk) -> None:
    """After a withdrawal and a sweep of the log, the file has neither the digest nor what named anybody."""
    desk.take(sighting(A, digest(1), 0), visit(A, "S1", 5))
    assert digest(1).encode() in desk.path.read_bytes() + Path(f"{desk.path}-wal").read_bytes()
    desk.says("m-1", given=False, t_s=20)
    with desk.file.connection() as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    left = desk.path.read_bytes() + Path(f"{desk.path}-wal").read_bytes()
    assert digest(1).encode() not in left
    assert b'"member":"m-1"' not in left


def test_a_mall_without_crm(desk: Desk, tmp_path: Path) -> None:
    """Where the site file has no section `crm`, its routes answer 404 and say so."""
    promotions = Promotions(tmp_path / "store.db")
    with served(small_site(), desk.store, GRID, promotions, MallPeople.assumed()) as client:
        for route in ("here", "events", "members/m-1/journey", "consents"):
            answer = client.get(f"/crm/{route}")
            assert answer.status_code == 404
            assert "no section `crm:`" in answer.json()["detail"]
    promotions.close()


def test_nobody_is_named_without_being_searched(desk: Desk) -> None:
    """The search of the tests finds a row that names somebody who does not agree."""
    desk.take(sighting(A, digest(1), 0), visit(A, "S1", 5))
    with sqlite3.connect(desk.path) as db:
        person = db.execute("SELECT person FROM crm_persons").fetchone()[0]
        db.execute(
            "INSERT INTO crm_consents (person, purpose, given, t_ms, text, channel, recorded_ms)"
            " VALUES (?, 'position', 0, ?, 'v1', 'x', 0)",
            (person, T0_MS),
        )
    with pytest.raises(AssertionError):
        desk.check()
    desk.says("m-1", given=False, t_s=50)
