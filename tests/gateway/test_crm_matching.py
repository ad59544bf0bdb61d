"""Whose events are: links, corrections, visits and stays of members, and of nobody else."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.crm import FeedEvent, IdentifierKind, Purpose
from contracts.messages import decode
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.persons import person_of
from gateway.crm.matching import matcher
from gateway.crm.matching.links import Conflict, Evidence, Link, decide
from tests.gateway.membership import MINUTE_MS, T0_MS, Desk, car, device, digest, path, sighting, visit

A, B, C = device(1), device(2), device(3)
D1, D2, D3 = digest(1), digest(2), digest(3)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Open a store with a members' office."""
    made = Desk(tmp_path)
    yield made
    made.check()
    made.close()


def member(desk: Desk, reference: str, *digests: str) -> None:
    """Have a member agree to positions, with these phones."""
    desk.says(reference)
    for one in digests:
        desk.has(reference, one)


def test_one_phone() -> None:
    """One identifier heard well is its owner's, as surely as both are sure together."""
    assert decide([Evidence("p", "wifi", 0.9, 5)]) == Link("p", 0.9, "wifi", 5)


def test_two_kinds_are_surer() -> None:
    """Pieces of evidence for one person add up by noisy or."""
    found = decide([Evidence("p", "wifi", 0.8, 5), Evidence("p", "wifi", 0.5, 3)])
    assert found == Link("p", 0.9, "wifi", 3)


def test_too_unsure_is_nobody() -> None:
    """Below one half nobody is named."""
    assert decide([Evidence("p", "wifi", 0.49, 5)]) is None
    assert decide([]) is None


def test_two_persons_are_a_conflict() -> None:
    """Where a second person would be believed alone, nobody is, however sure the first is."""
    found = decide([Evidence("q", "wifi", 0.999, 5), Evidence("p", "wifi", 0.6, 5)])
    assert found == Conflict(("p", "q"))


def test_a_weak_rival_makes_less_sure() -> None:
    """Somebody who would not be believed alone takes a part of the confidence, by the documented formula."""
    found = decide([Evidence("p", "wifi", 0.9, 5), Evidence("q", "wifi", 0.4, 5)])
    assert isinstance(found, Link)
    assert found.confidence == pytest.approx(9.0 / (1.0 + 9.0 + 2.0 / 3.0), abs=1e-4)


def test_an_event_names_its_member(desk: Desk) -> None:
    """A phone that was heard before its visit began is named at once; who is no member never is."""
    member(desk, "m-1", D1)
    desk.take(sighting(A, D1, 0), visit(A, "S1", 10), visit(B, "S1", 11))
    rows = desk.rows("crm_feed", "revision, subject, payload")
    events = {subject: decode(payload, FeedEvent) for _, subject, payload in rows}
    assert (events[A].revision, events[A].member) == (1, "m-1")
    assert events[A].memberpercent == 98
    assert b"member" not in rows[1][2]
    assert desk.rows("crm_visits", "zone, started_ms, ended_ms") == [("S1", T0_MS + 10_000, None)]


def test_an_event_that_comes_twice_is_told_once(desk: Desk) -> None:
    """The same id says the same: it holds nothing up, and what comes behind it is taken in."""
    desk.take(visit(A, "S1", 10), visit(A, "S1", 10), visit(B, "S1", 11))
    assert len(desk.rows("crm_feed", "id")) == 2


def test_a_late_match_corrects(desk: Desk) -> None:
    """What was told before the match is told again: same id, revision 2; the visit is known from then on."""
    member(desk, "m-1", D1)
    desk.take(visit(A, "S1", 10), visit(A, "S1", 10, seen_s=40), visit(B, "S2", 5))
    assert set(desk.newest().values()) == {(1, None)}
    desk.take(sighting(A, D1, 50))
    told = desk.newest()
    assert told[visit(A, "S1", 10).id] == (2, "m-1")
    assert told[visit(A, "S1", 10, seen_s=40).id] == (2, "m-1")
    assert told[visit(B, "S2", 5).id] == (1, None)
    assert desk.rows("crm_visits", "zone, dwell_s") == [("S1", 30.0)]
    desk.take(visit(A, "S1", 10, 70), path(A, 0, 80, [("S1", 10, 70)]))
    assert desk.newest()[path(A, 0, 80, []).id] == (1, "m-1")
    assert desk.rows("crm_visits", "zone, ended_ms") == [("S1", T0_MS + 70_000), ("mall", T0_MS + 80_000)]


def test_a_consent_that_comes_later_starts_there(desk: Desk) -> None:
    """What began before somebody agreed is not theirs to be told, though the phone is known."""
    desk.says("m-1", t_s=20)
    desk.has("m-1", D1)
    desk.take(visit(A, "S1", 10, 15), visit(A, "S2", 30), sighting(A, D1, 40))
    assert desk.newest()[visit(A, "S1", 10, 15).id] == (1, None)
    assert desk.newest()[visit(A, "S2", 30).id] == (2, "m-1")
    assert desk.rows("crm_visits", "zone") == [("S2",)]


def test_withdrawn_between_two_transactions(desk: Desk) -> None:
    """Who withdraws while events wait is in none of them, and what was told is gone."""
    member(desk, "m-1", D1)
    desk.take(sighting(A, D1, 0), visit(A, "S1", 10))
    desk.put(visit(A, "S1", 10, seen_s=40), sighting(A, D1, 60), visit(A, "S1", 10, 70))
    desk.says("m-1", given=False, t_s=50)
    desk.check()
    desk.work()
    assert {member for _, member in desk.newest().values()} <= {None}
    assert not desk.rows("crm_visits")
    assert not desk.rows("crm_sightings")


def test_agreeing_again_uses_no_revision_twice(desk: Desk) -> None:
    """After a withdrawal and a new consent no event has a revision that was told before."""
    member(desk, "m-1", D1)
    desk.take(visit(A, "S1", 10), sighting(A, D1, 20))
    assert desk.newest()[visit(A, "S1", 10).id] == (2, "m-1")
    desk.says("m-1", given=False, t_s=1)
    desk.work()
    desk.says("m-1", t_s=2)
    desk.has("m-1", D1)
    desk.take(sighting(A, D1, 50), visit(A, "S1", 10, seen_s=60))
    assert visit(A, "S1", 10).id not in desk.newest()
    assert desk.newest()[visit(A, "S1", 10, seen_s=60).id] == (1, "m-1")


def test_two_phones_of_one_person(desk: Desk) -> None:
    """Both devices of somebody with two phones are theirs."""
    member(desk, "m-1", D1, D2)
    desk.take(sighting(A, D1, 0), sighting(B, D2, 0), visit(A, "S1", 5), visit(B, "S1", 5))
    assert {member for _, member in desk.newest().values()} == {"m-1"}


def test_one_device_of_two_members_is_nobodys(desk: Desk) -> None:
    """A device that two members' phones were taken for is a conflict; put right, each has what is theirs."""
    member(desk, "m-1", D1)
    member(desk, "m-2", D2)
    desk.take(sighting(A, D1, 0), visit(A, "S1", 5))
    assert desk.newest()[visit(A, "S1", 5).id] == (1, "m-1")
    desk.take(sighting(A, D2, 10, address=B, sure=0.9), visit(A, "S2", 12))
    assert desk.newest()[visit(A, "S1", 5).id] == (2, None)
    assert desk.newest()[visit(A, "S2", 12).id] == (1, None)
    assert list(desk.matcher.conflicts()) == [A]
    assert not desk.rows("crm_visits")
    desk.take(sighting(B, "", 20, address=B), visit(B, "S3", 22))
    assert desk.newest()[visit(A, "S1", 5).id] == (3, "m-1")
    assert desk.newest()[visit(B, "S3", 22).id] == (1, "m-2")
    assert not desk.matcher.conflicts()


def test_a_conflict_ends_with_a_withdrawal(desk: Desk) -> None:
    """Where one of two members withdraws, what is heard of the device is the other's."""
    member(desk, "m-1", D1)
    member(desk, "m-2", D2)
    desk.take(sighting(A, D1, 0), sighting(A, D2, 0), visit(A, "S1", 5))
    desk.says("m-2", given=False, t_s=10)
    desk.work()
    assert desk.newest()[visit(A, "S1", 5).id] == (2, "m-1")


def test_an_address_moves(desk: Desk) -> None:
    """An address that turns out to be another device's takes the member with it."""
    member(desk, "m-1", D1)
    desk.take(sighting(A, D1, 0, address=C), visit(A, "S1", 5), visit(B, "S2", 6))
    desk.take(sighting(B, "", 10, address=C))
    assert desk.newest()[visit(A, "S1", 5).id] == (2, None)
    assert desk.newest()[visit(B, "S2", 6).id] == (2, "m-1")
    assert desk.rows("crm_visits", "zone") == [("S2",)]


def test_merged_and_unmerged(desk: Desk) -> None:
    """Events of a member that goes on as another carry that reference, and their own again once undone."""
    member(desk, "m-1", D1)
    member(desk, "m-2")
    desk.take(sighting(A, D1, 0), visit(A, "S1", 5))
    merge = desk.merge("m-1", "m-2")
    desk.work()
    assert desk.newest()[visit(A, "S1", 5).id] == (2, "m-2")
    desk.check()
    desk.unmerge(merge)
    desk.work()
    assert desk.newest()[visit(A, "S1", 5).id] == (3, "m-1")


@pytest.mark.parametrize("undone", [False, True])
def test_a_merge_takes_what_marketing_covers(desk: Desk, undone: bool) -> None:
    """Purchases, segments and tags go with the consent, be it that a merge ends it or the end of one."""
    desk.says("m-1", Purpose.MARKETING, given=not undone, t_s=-60)
    desk.says("m-2", Purpose.MARKETING, given=undone, t_s=-30)
    merge = desk.merge("m-1", "m-2") if undone else None
    desk.settle()
    with desk.file.transaction() as db:
        person = person_of(db, "m-1")
        assert person
        assert Ledger.in_force(db, person, Purpose.MARKETING)
        db.execute("INSERT INTO crm_sales VALUES ('s', 'west', 1, 1, 0, 1, ?)", (person,))
        db.execute("INSERT INTO crm_tags VALUES (?, 'vip')", (person,))
        db.execute("INSERT INTO crm_segments VALUES (?, 'tier', 'gold', 1)", (person,))
    desk.settle()
    assert desk.rows("crm_tags")
    if merge is None:
        desk.merge("m-1", "m-2")
    else:
        desk.unmerge(merge)
    desk.settle()
    assert not desk.rows("crm_tags")
    assert not desk.rows("crm_segments")
    assert desk.rows("crm_sales", "sale, person") == [("s", None)]


def test_disputed_identifier_is_nobodys(desk: Desk) -> None:
    """A tablet on which two have logged in names neither, until one of the claims is gone."""
    member(desk, "m-1", D1)
    member(desk, "m-2", D1)
    desk.take(sighting(A, D1, 0), visit(A, "S1", 5))
    assert desk.newest()[visit(A, "S1", 5).id] == (1, None)
    desk.says("m-2", given=False, t_s=10)
    desk.work()
    assert desk.newest()[visit(A, "S1", 5).id] == (2, "m-1")


def test_stays_of_cars(desk: Desk) -> None:
    """A member's car is named when it enters and leaves, and neither plate nor digest is in the feed."""
    desk.says("m-1", Purpose.PARKING)
    desk.has("m-1", D3, IdentifierKind.PLATE)
    desk.take(car("s1", 5, enrolled=D3), car("s2", 6), car("s1", 5, 90, enrolled=D3))
    told = desk.newest()
    assert told[car("s1", 5).id] == (1, "m-1")
    assert told[car("s1", 5, 90).id] == (1, "m-1")
    assert told[car("s2", 6).id] == (1, None)
    assert desk.rows("crm_stays", "stay, left_ms") == [("s1", T0_MS + 90_000)]
    assert "浙" not in str([payload.decode() for (payload,) in desk.rows("crm_feed", "payload")])


def test_a_plate_read_only_when_leaving(desk: Desk) -> None:
    """A stay whose plate was known at the exit alone is corrected from its entry on."""
    desk.says("m-1", Purpose.PARKING)
    desk.has("m-1", D3, IdentifierKind.PLATE)
    desk.take(car("s1", 5), car("s1", 5, 90, enrolled=D3))
    assert desk.newest()[car("s1", 5).id] == (2, "m-1")
    assert desk.newest()[car("s1", 5, 90).id] == (1, "m-1")


def test_position_is_not_parking(desk: Desk) -> None:
    """Who agrees to one of both is told in that alone, and a withdrawal of one leaves the other."""
    member(desk, "m-1", D1)
    desk.says("m-1", Purpose.PARKING)
    desk.has("m-1", D3, IdentifierKind.PLATE)
    desk.take(sighting(A, D1, 0), visit(A, "S1", 5), car("s1", 6, enrolled=D3))
    desk.says("m-1", Purpose.PARKING, given=False, t_s=10)
    desk.work()
    desk.take(car("s1", 6, 50, enrolled=D3), visit(A, "S1", 5, 60))
    assert desk.newest()[car("s1", 6, 50).id] == (1, None)
    assert desk.newest()[visit(A, "S1", 5, 60).id] == (1, "m-1")
    assert not desk.rows("crm_stays")


def test_what_nobody_has_is_not_written(desk: Desk) -> None:
    """A digest that no member who agrees has is not kept at all."""
    desk.take(sighting(A, D1, 0), visit(A, "S1", 5))
    assert not desk.rows("crm_sightings")
    assert desk.counters["sightings_of_nobody"] == 1


def test_a_restart_decides_the_same(desk: Desk) -> None:
    """A matcher that knows nothing, over the same file, tells nothing again."""
    member(desk, "m-1", D1)
    member(desk, "m-2", D2)
    desk.take(
        sighting(A, D1, 0), visit(A, "S1", 5), sighting(B, D1, 6), sighting(B, D2, 7), visit(B, "S1", 8)
    )
    before = desk.rows("crm_feed"), desk.rows("crm_links")
    again = Desk.__new__(Desk)
    again.__dict__.update(desk.__dict__)
    again.matcher = type(desk.matcher)("mall", desk.counters)
    again.work()
    assert (desk.rows("crm_feed"), desk.rows("crm_links")) == before
    assert list(again.matcher.conflicts()) == [B]


def test_a_change_is_decided_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a change concerns is decided some at a time, also over a restart; consent counts at once."""
    monkeypatch.setattr(matcher, "AT_ONCE", 1)
    member(desk, "m-1", D1)
    member(desk, "m-2")
    desk.take(*(sighting(one, D1, 0) for one in (A, B, C)), *(visit(one, "S1", 5) for one in (A, B, C)))
    desk.merge("m-1", "m-2")
    desk.work()
    assert Counter(name for _, name in desk.newest().values()) == {"m-1": 2, "m-2": 1}
    assert not desk.current()
    desk.matcher = matcher.Matcher("mall", desk.counters)
    desk.settle()
    assert list(desk.newest().values()) == [(2, "m-2")] * 3
    desk.says("m-2", given=False, t_s=20)
    desk.check()
    desk.settle()
    assert not desk.newest()


def test_moments_of_rows_grow(desk: Desk) -> None:
    """An event told again has the moment of that: rows are kept from then on, not from what they say."""
    member(desk, "m-1", D1)
    desk.take(visit(A, "S1", 0), visit(B, "S1", 5 * 60))
    desk.take(sighting(A, D1, 6 * 60))
    rows = desk.rows("crm_feed", "seq, t_ms")
    assert [t_ms for _, t_ms in rows] == [T0_MS, T0_MS + 5 * MINUTE_MS, T0_MS + 5 * MINUTE_MS]
    again = decode(desk.rows("crm_feed", "seq, payload")[2][1], FeedEvent)
    assert again.time == visit(A, "S1", 0).time


def test_an_unsure_match_does_not_claim_the_past(desk: Desk) -> None:
    """A phone that may be on another's device by mistake brings none of that one's visits along."""
    member(desk, "m-1", D1)
    desk.take(visit(A, "S1", 0, 300), visit(A, "S2", 460, 490))
    desk.take(sighting(A, D1, 500, sure=0.9))
    assert named(desk) == {"S1": None, "S2": "m-1"}


def test_a_sure_match_claims_the_past(desk: Desk) -> None:
    """Where it is sure that the phone was this device all along, its earlier visits are told again."""
    member(desk, "m-1", D1)
    desk.take(visit(A, "S1", 0, 300))
    desk.take(sighting(A, D1, 900, sure=1.0))
    assert named(desk) == {"S1": "m-1"}


def test_all_events_of_a_visit_name_the_same(desk: Desk) -> None:
    """A visit in whose middle a phone is first heard is the member's as a whole, or not at all."""
    member(desk, "m-1", D1)
    desk.take(visit(A, "S1", 0), visit(A, "S1", 0, 450), sighting(A, D1, 460, sure=0.9))
    assert {member for _, member in desk.newest().values()} == {None}
    desk.take(sighting(A, D1, 470, sure=1.0))
    assert {member for _, member in desk.newest().values()} == {"m-1"}


def test_a_phone_that_falls_silent_names_nobody(desk: Desk) -> None:
    """What a device does after its phone was last heard may be another's, until it is heard again."""
    member(desk, "m-1", D1)
    desk.take(sighting(A, D1, 0), visit(A, "S1", 60, 100), visit(A, "S2", 400, 500))
    assert named(desk) == {"S1": "m-1", "S2": None}
    desk.take(sighting(A, D1, 600))
    assert named(desk) == {"S1": "m-1", "S2": "m-1"}


def named(desk: Desk) -> dict[str, str | None]:
    """Return the member that the newest event of each zone names."""
    rows = desk.rows("crm_feed", "zone, payload")
    events = {zone: decode(payload, FeedEvent) for zone, payload in rows}
    return {zone: one.member if isinstance(one.member, str) else None for zone, one in events.items()}
