"""Which rows wait, which may be sent, and what follows from answers: without network and clock."""

import sqlite3
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gateway.crm.delivery import dead_letters, keeping, lanes, subscribers
from gateway.crm.delivery.backoff import (
    BASE_S,
    LONGEST_RETRY_AFTER_S,
    LONGEST_S,
    PATIENCE_MS,
    ceiling_s,
    pause_s,
    read_retry_after,
)
from gateway.crm.delivery.filters import EVERYTHING, Filter
from gateway.crm.delivery.pacing import REFUSED_IN_ROW, REFUSED_S, Streak, after
from gateway.crm.delivery.subscribers import Subscriber
from gateway.crm.delivery.transport import TAKEN, Answer, Letter, Verdict
from gateway.store.schema import migrate
from tests.gateway.crm_feed import START_MS, put

NOW_MS = 1_760_000_000_000
AWAY, REFUSED = Answer(Verdict.AWAY, "answered 500"), Answer(Verdict.REFUSED, "answered 422")


def nobody(_db: sqlite3.Connection, _person: str) -> tuple[str, ...]:
    """Know no segments."""
    return ()


def opened() -> sqlite3.Connection:
    """Return all tables, in memory."""
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db)
    return db


def known(db: sqlite3.Connection, name: str = "crm") -> Subscriber:
    """Return a subscriber."""
    found = subscribers.find(db, name)
    assert found is not None
    return found


def subscribe(db: sqlite3.Connection, wanted: Filter = EVERYTHING, name: str = "crm") -> None:
    """Add a webhook that begins with what the feed has now."""
    subscribers.add(
        db, name, "https://crm.example/", wanted, private=False, cursor=dead_letters.cursor_at(db, None)
    )


def sent(db: sqlite3.Connection, now_ms: int = NOW_MS, limit: int = 1000) -> list[int]:
    """Return the numbers of rows that may be sent now."""
    letters, _ = lanes.heads(db, known(db), now_ms, limit)
    return [letter.seq for letter in letters]


class Order(RuleBasedStateMachine):
    """Rows come, are taken, fail, are given up, asked for again and withdrawn, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.db = opened()
        subscribe(self.db)
        self.number = 0
        self.now_ms = NOW_MS
        self.lane_of: dict[int, str] = {}
        self.open: set[int] = set()
        """What has to arrive, or be a dead letter."""
        self.taken: dict[str, list[int]] = defaultdict(list)

    @rule(lane=st.integers(0, 3), member=st.booleans())
    def told(self, lane: int, member: bool) -> None:
        """Something happens, to a device or a member."""
        self.number += 1
        person = f"person{lane}" if member else None
        put(self.db, self.number, subject=f"{lane:016x}", person=person)
        self.lane_of[self.number] = person or f"{lane:016x}"
        self.open.add(self.number)

    @rule()
    def filled(self) -> None:
        """All of the feed is offered."""
        while lanes.enqueue(self.db, "crm", self.now_ms, nobody):
            pass

    @rule(verdicts=st.lists(st.sampled_from(["taken", "refused", "lost answer"]), max_size=6))
    def round(self, verdicts: list[str]) -> None:
        """Send what may be sent; of some the answer is lost with the process."""
        letters, lost = lanes.heads(self.db, known(self.db), self.now_ms, len(verdicts))
        assert not lost
        for letter, verdict in zip(letters, verdicts, strict=False):
            if verdict == "taken":
                lanes.taken(self.db, "crm", [letter.seq])
                self.taken[letter.lane].append(letter.seq)
                self.open.discard(letter.seq)
            elif verdict == "refused":
                lanes.failed(self.db, "crm", letter.seq, self.now_ms + 5000, "answered 422")

    @rule(hours=st.integers(0, 40))
    def time_passes(self, hours: int) -> None:
        """What has waited too long is given up."""
        self.now_ms += hours * 3_600_000
        lanes.give_up(self.db, self.now_ms)

    @rule()
    def dead_are_asked_for_again(self) -> None:
        """Old rows come once more; what arrives from here on is in order again."""
        dead_letters.replay_dead(self.db, known(self.db), self.now_ms)
        self.taken.clear()

    @rule(back=st.integers(0, 5))
    def asked_for_again_from(self, back: int) -> None:
        """The feed is sent again from a moment on."""
        first = max(1, self.number - back)
        if self.number and dead_letters.replay_from(self.db, known(self.db), START_MS + first):
            self.open.update(seq for seq in self.lane_of if seq >= first)
            self.taken.clear()

    @rule(lane=st.integers(0, 3))
    def withdrawn(self, lane: int) -> None:
        """Rows of the feed go, and what waits for them with them."""
        self.db.execute("DELETE FROM crm_feed WHERE person = ?", (f"person{lane}",))
        gone = {seq for seq, one in self.lane_of.items() if one == f"person{lane}"}
        for seq in gone:
            del self.lane_of[seq]
        self.open -= gone
        self.db.execute("DELETE FROM crm_pending WHERE seq NOT IN (SELECT seq FROM crm_feed)")
        self.db.execute("DELETE FROM crm_dead WHERE seq NOT IN (SELECT seq FROM crm_feed)")

    @invariant()
    def nothing_is_lost(self) -> None:
        """A row that was told is ahead of the cursor, waits, is a dead letter, or has been taken."""
        cursor = known(self.db).cursor
        waits = {seq for (seq,) in self.db.execute("SELECT seq FROM crm_pending")}
        dead = {seq for (seq,) in self.db.execute("SELECT seq FROM crm_dead")}
        assert {seq for seq in self.open if seq <= cursor} <= waits | dead
        assert not waits & dead

    @invariant()
    def one_row_of_a_lane_may_be_sent(self) -> None:
        """It is the first that waits."""
        firsts = self.db.execute("SELECT min(seq) FROM crm_pending GROUP BY lane").fetchall()
        heads = self.db.execute("SELECT seq FROM crm_pending WHERE head = 1").fetchall()
        assert sorted(firsts) == sorted(heads)

    @invariant()
    def lanes_arrive_in_order(self) -> None:
        """What is taken of a lane grows."""
        for seqs in self.taken.values():
            assert seqs == sorted(seqs)


TestOrder = Order.TestCase
TestOrder.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_a_refused_event_holds_up_its_own_lane_alone() -> None:
    """The next of the same device waits behind it; those of others go on."""
    db = opened()
    subscribe(db)
    for number, subject in enumerate(("a", "a", "b"), start=1):
        put(db, number, subject=subject)
    lanes.enqueue(db, "crm", NOW_MS, nobody)
    lanes.failed(db, "crm", 1, NOW_MS + 1000, "answered 422")
    assert sent(db) == [3]
    assert sent(db, NOW_MS + 1000) == [1, 3]


def test_what_always_brings_a_receiver_down_does_not_stand_in_the_way() -> None:
    """While a receiver fails, what was tried least is tried first."""
    db = opened()
    subscribe(db)
    put(db, 1, subject="a")
    put(db, 2, subject="b")
    lanes.enqueue(db, "crm", NOW_MS, nobody)
    lanes.failed(db, "crm", 1, NOW_MS, "answered 500")
    db.execute("UPDATE crm_subscribers SET failures = 1")
    assert sent(db, limit=1) == [2]


def test_after_three_days_an_event_is_a_dead_letter_and_its_lane_goes_on() -> None:
    """It says why; asked for again, it is sent before what came after it."""
    db = opened()
    subscribe(db)
    put(db, 1, subject="a")
    lanes.enqueue(db, "crm", NOW_MS, nobody)
    lanes.failed(db, "crm", 1, NOW_MS + 1, "answered 422")
    put(db, 2, subject="a")
    lanes.enqueue(db, "crm", NOW_MS + PATIENCE_MS, nobody)
    assert lanes.give_up(db, NOW_MS + PATIENCE_MS - 1) == {}
    assert lanes.give_up(db, NOW_MS + PATIENCE_MS) == {"crm": 1}
    (dead,) = dead_letters.dead_letters(db, "crm", 0, 10)
    assert (dead.seq, dead.reason, dead.attempts, dead.kept) == (1, "answered 422", 1, True)
    assert sent(db, NOW_MS + PATIENCE_MS) == [2]
    assert dead_letters.replay_event(db, known(db), dead.id, NOW_MS) == 1
    assert sent(db, NOW_MS) == [1]
    assert dead_letters.counts(db) == {}


def test_rows_of_the_feed_stay_while_somebody_waits_for_them() -> None:
    """Old rows go once they were offered to everybody, and are neither waited for nor dead letters."""
    db = opened()
    subscribe(db)
    for number in (1, 2, 3):
        put(db, number, subject=str(number))
    late = START_MS + 1000
    assert keeping.forget_feed(db, late) == 0  # not offered yet
    lanes.enqueue(db, "crm", NOW_MS, nobody)
    lanes.taken(db, "crm", [1])
    assert keeping.forget_feed(db, late) == 1
    lanes.give_up(db, NOW_MS + PATIENCE_MS)
    assert keeping.forget_feed(db, late) == 0
    assert keeping.forget_dead(db, NOW_MS + PATIENCE_MS + 1) == 2
    assert keeping.forget_feed(db, late) == 2


def test_a_withdrawal_reaches_everybody_and_goes_once_everybody_has_it() -> None:
    """Filters do not hold it back, and neither the feed nor a dead letter keeps the reference."""
    db = opened()
    subscribe(db, Filter(zones=frozenset({"east"})), "one")
    subscribe(db, EVERYTHING, "two")
    put(db, 1, kind="member.withdrawn", zone="mall", member="m-1")
    for name in ("one", "two"):
        lanes.enqueue(db, name, NOW_MS, nobody)
        assert lanes.forget_withdrawals(db) == 0
    lanes.taken(db, "one", [1])
    assert lanes.forget_withdrawals(db) == 0
    lanes.give_up(db, NOW_MS + PATIENCE_MS)
    assert lanes.forget_withdrawals(db) == 1
    (dead,) = dead_letters.dead_letters(db, "two", 0, 10)
    assert not dead.kept
    assert "m-1" not in "\n".join(db.iterdump())


def test_what_waits_is_let_go_of_some_at_a_time() -> None:
    """Neither is the file locked for long, nor does the feed go on to fill what is being emptied."""
    db = opened()
    subscribe(db, EVERYTHING, "one")
    for number in range(1, 6):
        put(db, number, subject="a")
    lanes.enqueue(db, "one", NOW_MS, nobody)
    put(db, 6, subject="a")
    assert [lanes.drop(db, "one", 2) for _ in range(4)] == [2, 2, 1, 0]
    lanes.enqueue(db, "one", NOW_MS, nobody)
    assert lanes.waiting(db) == {}


def test_a_withdrawal_that_nobody_is_left_to_be_told_of_goes() -> None:
    """A webhook that is removed before it was told does not keep the reference in the feed."""
    db = opened()
    subscribe(db, EVERYTHING, "one")
    put(db, 1, kind="member.withdrawn", zone="mall", member="m-1")
    assert lanes.forget_withdrawals(db) == 0
    subscribers.remove(db, "one")
    assert lanes.forget_withdrawals(db) == 1
    assert "m-1" not in "\n".join(db.iterdump())


SEGMENTS = {"anna": {"gold"}, "ben": {"silver"}}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(), [1, 2, 3, 4]),
        (Filter(zones=frozenset({"east"})), [2]),
        (Filter(kinds=frozenset({"visit.ended"})), [3]),
        (Filter(segments=frozenset({"gold"})), [1, 4]),
        (Filter(segments=frozenset({"silver"})), [2, 4]),
    ],
)
def test_filters(wanted: Filter, expected: list[int]) -> None:
    """Zones, kinds and segments; a correction also goes to who was told what it corrects."""
    db = opened()
    subscribe(db, wanted)
    put(db, 1, person="anna")
    put(db, 2, person="ben", zone="east", subject="b")
    put(db, 3, kind="visit.ended", subject="c")
    put(db, 1, person="ben", revision=2)
    lanes.enqueue(db, "crm", NOW_MS, lambda _db, person: SEGMENTS[person])
    assert [seq for (seq,) in db.execute("SELECT seq FROM crm_pending ORDER BY seq")] == expected
    assert known(db).cursor == 4


def test_that_an_event_is_nobodys_is_told_though_its_member_has_left_the_segment() -> None:
    """Or else who filters for a segment would hold a member for good who was not it; others get no name."""
    db, segments = opened(), {"anna": {"gold"}}
    subscribe(db, Filter(segments=frozenset({"gold"})))
    put(db, 1, person="anna")
    lanes.enqueue(db, "crm", NOW_MS, lambda _db, person: segments[person])
    segments["anna"] = {"silver"}
    put(db, 1, revision=2)
    lanes.enqueue(db, "crm", NOW_MS, lambda _db, person: segments[person])
    assert [seq for (seq,) in db.execute("SELECT seq FROM crm_pending ORDER BY seq")] == [1, 2]


def test_who_begins_in_the_past_gets_what_happened_since() -> None:
    """A moment stands for the first event from it on; none for what comes from now on."""
    db = opened()
    for number in (1, 2, 3):
        put(db, number)
    assert dead_letters.cursor_at(db, START_MS + 2) == 1
    assert dead_letters.cursor_at(db, None) == 3
    assert dead_letters.cursor_at(db, START_MS + 9) == 3


@settings(max_examples=40)
@given(st.integers(-5, 2000), st.floats(0, 1), st.floats(0, 1e9))
def test_pauses_have_a_ceiling(failures: int, chance: float, asked_s: float) -> None:
    """A pause lies between nothing and a ceiling that doubles; a receiver may ask for more, in bounds."""
    pause = pause_s(failures, lambda: chance, retry_after_s=asked_s)
    assert min(asked_s, LONGEST_RETRY_AFTER_S) <= pause <= max(LONGEST_S, LONGEST_RETRY_AFTER_S)
    assert BASE_S <= ceiling_s(failures) <= LONGEST_S
    assert ceiling_s(failures + 1) >= ceiling_s(failures)


@settings(max_examples=40)
@given(st.text(max_size=80))
def test_any_retry_after_can_be_read(text: str) -> None:
    """Whatever a receiver writes is a number of seconds."""
    assert read_retry_after(text, 0.0) >= 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Thu, 01 Jan 1970 00:02:00 GMT", 20.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("-5", 0.0),
        ("soon", 0.0),
        (None, 0.0),
    ],
)
def test_retry_after(text: str | None, seconds: float) -> None:
    """Seconds, or a date; anything else asks for nothing."""
    assert read_retry_after(text, 100.0) == seconds


def letters(count: int) -> list[Letter]:
    """Return letters of a lane each."""
    return [Letter(n, str(n), 0, f"e{n}", 1, "visit.started", "west", b"{}") for n in range(count)]


def test_a_receiver_that_is_away_is_left_alone_as_a_whole() -> None:
    """Its failures count up while nothing arrives, and begin anew once something does."""
    first = after(letters(2), [AWAY, AWAY], Streak(3), lambda: 1.0)
    assert (first.streak.failures, first.pause_s, first.taken) == (4, 8.0, [])
    mixed = after(letters(2), [TAKEN, AWAY], Streak(3), lambda: 1.0)
    assert (mixed.streak.failures, mixed.pause_s, mixed.taken) == (1, 1.0, [0])
    assert after(letters(1), [TAKEN], Streak(9), lambda: 1.0).streak == Streak()


def test_a_refusal_leaves_the_receiver_in_service_until_it_refuses_everything() -> None:
    """Single refusals make lanes wait; many in a row the receiver, for a minute at most."""
    one = after(letters(2), [REFUSED, TAKEN], Streak(), lambda: 1.0)
    assert (one.pause_s, one.streak, one.failed) == (0.0, Streak(0, 1), [(0, 1.0, "answered 422")])
    streak = Streak()
    for _ in range(REFUSED_IN_ROW - 1):
        streak = after(letters(1), [REFUSED], streak, lambda: 1.0).streak
    assert streak.failures == 0
    last = after(letters(1), [REFUSED], streak, lambda: 1.0)
    assert (last.streak.failures, last.pause_s) == (1, 1.0)
    assert after(letters(1), [REFUSED], Streak(50, 99), lambda: 1.0).pause_s == REFUSED_S


def test_a_receiver_may_ask_for_a_pause_or_an_end() -> None:
    """Retry-After of 429 counts for all; 410 ends it."""
    asks = Answer(Verdict.AWAY, "answered 429", 90.0)
    assert after(letters(1), [asks], Streak(), lambda: 0.0).pause_s == 90.0
    assert after(letters(1), [Answer(Verdict.GONE, "answered 410 (gone)")], Streak(), lambda: 0.0).gone
