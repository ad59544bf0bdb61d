"""What a member did, put together from rows: one visit of the mall, whichever devices it was heard of."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.crm import IdentifierKind, Purpose
from gateway.crm.consent.persons import person_of
from gateway.crm.matching.present import There, conflicts_here, members_here
from gateway.crm.matching.visited import Visit, visits_of
from tests.gateway.membership import T0_MS, Desk, car, device, digest, path, sighting, visit

A, B, C = device(1), device(2), device(3)
MINUTE = 60
HOUR_MS = 3_600_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Open a store with a member who agrees to everything, and has two phones and a car."""
    made = Desk(tmp_path)
    for purpose in Purpose:
        made.says("m-1", purpose)
    made.has("m-1", digest(1))
    made.has("m-1", digest(2))
    made.has("m-1", digest(3), IdentifierKind.PLATE)
    for t_s in (0, 3600):
        made.take(sighting(A, digest(1), t_s), sighting(B, digest(2), t_s))
    yield made
    made.check()
    made.close()


def journey(desk: Desk, now_s: float, reference: str = "m-1") -> list[Visit]:
    """Return the visits of two days."""
    with desk.file.connection() as db:
        person = person_of(db, reference)
        assert person is not None
        now_ms = T0_MS + round(now_s * 1000)
        return visits_of(db, person, T0_MS - 24 * HOUR_MS, T0_MS + 24 * HOUR_MS, now_ms)


def short(visits: list[Visit]) -> list[tuple[float, float | None, list[str]]]:
    """Return when visits began and ended, in seconds, and their zones."""
    return [
        (
            (one.started_ms - T0_MS) / 1000,
            None if one.ended_ms is None else (one.ended_ms - T0_MS) / 1000,
            [step.zone for step in one.steps],
        )
        for one in visits
    ]


def test_two_phones_are_one_visit(desk: Desk) -> None:
    """Two phones heard at the same time make one visit, and one step where both were in one zone."""
    desk.take(visit(A, "S1", 60, 300), visit(A, "S2", 400, 500), path(A, 30, 600, []))
    desk.take(visit(B, "S1", 100, 360), path(B, 20, 700, []))
    found = journey(desk, 3600)
    assert short(found) == [(20, 700, ["S1", "S2"])]
    assert (found[0].steps[0].ended_ms or 0) - T0_MS == 360_000
    assert found[0].steps[0].dwell_s == 300


def test_a_visit_that_goes_on(desk: Desk) -> None:
    """Before the path has ended, zones are one visit; the open one is open, so the visit is."""
    desk.take(visit(A, "S1", 60, 300), visit(A, "S2", 700))
    assert short(journey(desk, 800)) == [(60, None, ["S1", "S2"])]


def test_half_an_hour_apart_is_another_visit(desk: Desk) -> None:
    """Zones that no path holds together and that are far apart are two visits, and so are two paths."""
    desk.take(visit(A, "S1", 60, 300), visit(A, "S2", 3000, 3100))
    assert short(journey(desk, 3200)) == [(60, 300, ["S1"]), (3000, 3100, ["S2"])]
    desk.take(path(A, 0, 400, []), path(A, 2900, 3300, []))
    assert short(journey(desk, 3400)) == [(0, 400, ["S1"]), (2900, 3300, ["S2"])]


def test_the_stay_and_the_purchases(desk: Desk) -> None:
    """A visit has the car's stay and what was bought until shortly after; what is left is one by itself."""
    desk.take(car("s1", 0, enrolled=digest(3)), visit(A, "S1", 60, 300), path(A, 50, 600, []))
    desk.take(car("s1", 0, 700, enrolled=digest(3)), car("s2", 40_000, enrolled=digest(3)))
    with desk.file.transaction() as db:
        person = person_of(db, "m-1")
        for sale, at_s in (("a", 200), ("b", 1400), ("c", 20_000)):
            row = (sale, "S1", T0_MS + at_s * 1000, 500, 0, 2, person)
            db.execute("INSERT INTO crm_sales VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    found = journey(desk, 50_000)
    assert short(found) == [(50, 600, ["S1"]), (20_000, 20_000, []), (40_000, None, [])]
    assert found[0].stay is not None
    assert found[0].stay.left_ms == T0_MS + 700_000
    assert [len(one.purchases) for one in found] == [2, 1, 0]


def test_each_part_only_while_it_is_agreed_to(desk: Desk) -> None:
    """Who withdraws marketing has no purchases left in a journey, who withdraws positions no zones."""
    desk.take(car("s1", 0, enrolled=digest(3)), visit(A, "S1", 60, 300))
    desk.says("m-1", Purpose.POSITION, given=False, t_s=400)
    desk.settle()
    found = journey(desk, 500)
    assert short(found) == [(0, None, [])]
    desk.says("m-1", Purpose.PARKING, given=False, t_s=400)
    desk.settle()
    assert journey(desk, 500) == []


def test_who_is_here(desk: Desk) -> None:
    """Members are here by a phone or a car; the zone is that of the visit that goes on."""
    desk.take(car("s1", 10, enrolled=digest(3)), visit(A, "S1", 60))
    with desk.file.connection() as db:
        (both,) = members_here(db, There({A: "F1", B: "F1", C: "F1"}, {"s1"}))
        (parked,) = members_here(db, There({C: "F1"}, {"s1"}))
        assert members_here(db, There({C: "F1"}, set())) == []
    assert (both.reference, both.zone, both.floor, both.parked) == ("m-1", "S1", "F1", True)
    assert both.evidence == {"wifi", "plate"}
    assert both.since_ms == T0_MS
    assert (parked.since_ms, parked.evidence) == (T0_MS + 10_000, {"plate"})


def test_conflicts_that_are_here(desk: Desk) -> None:
    """A device that would be two members' is shown with both, as long as it is there."""
    desk.says("m-2")
    desk.has("m-2", digest(5))
    desk.take(sighting(A, digest(5), 20))
    with desk.file.connection() as db:
        conflicts = desk.matcher.conflicts()
        assert conflicts_here(db, conflicts, There({A: "F1"}, set())) == [["m-1", "m-2"]]
        assert conflicts_here(db, conflicts, There({B: "F1"}, set())) == []
        assert [one.reference for one in members_here(db, There({A: "F1", B: "F1"}, set()))] == ["m-1"]
