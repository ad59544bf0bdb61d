"""Whatever passes: no number is negative, and neither a restart nor the order of arrival changes anything."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.control import CarParkCount
from contracts.plates import PlateRead
from gateway.parking.car_park import CarPark
from gateway.parking.minutes import Minutes
from gateway.parking.report import ParkingTick
from gateway.store.records import CarParkMinute
from tests.gateway.parked import START_MS, Pass, all_reads, car_park, site_with_car_park

STEP_MS = 30_000
PLATES = [f"浙A{head}{tail}" for head in ("123", "124", "B77") for tail in ("45", "46", "4S")]
passes = st.builds(
    Pass,
    t_s=st.integers(0, 90).map(lambda minute: minute * 40.0 + 1.0),
    camera=st.sampled_from(["car-in", "car-in", "car-out", "ramp"]),
    plate=st.sampled_from(PLATES),
    confidence=st.sampled_from([0.3, 0.8, 0.99]),
    direction=st.sampled_from(["", "", "", "in", "out", "unknown"]),
)
counts = st.builds(
    CarParkCount,
    t_ms=st.integers(0, 3600).map(lambda second: START_MS + second * 1000),
    cars=st.integers(0, 70),
    area=st.sampled_from([None, "P1", "P2"]),
)
END_MS = START_MS + 4_200_000


def run(
    park: CarPark, items: Sequence[PlateRead | CarParkCount], from_ms: int, to_ms: int
) -> list[ParkingTick]:
    """Feed everything that is said within a step before the step is computed."""
    ticks = []
    for t_ms in range(from_ms, to_ms, STEP_MS):
        for item in items:
            if t_ms - STEP_MS <= item.t_ms < t_ms:
                if isinstance(item, PlateRead):
                    park.feed(item)
                else:
                    park.count(item)
        ticks.append(park.step(t_ms))
    return ticks


@settings(deadline=None, max_examples=12)
@given(st.lists(passes, max_size=25), st.lists(counts, max_size=2))
def test_cars_are_never_negative_and_all_add_up(passed: list[Pass], counted: list[CarParkCount]) -> None:
    """Of every tick: bounds around the number, free spaces within the capacity, the whole is its areas."""
    park = car_park()
    items: list[PlateRead | CarParkCount] = [*all_reads(passed), *counted]
    for tick in run(park, items, START_MS, END_MS):
        for area in (*tick.areas, tick.whole):
            low, high = area.bounds
            assert area.cars >= 0
            assert area.variance >= 0
            assert 0 <= low <= round(area.cars) <= high
            assert 0 <= area.free <= area.capacity
        assert abs(tick.whole.cars - sum(area.cars for area in tick.areas)) < 1e-6
        assert 0 <= tick.forecast.within_30 <= tick.forecast.within_60 <= 1


@settings(deadline=None, max_examples=10)
@given(st.lists(passes, min_size=3, max_size=25), st.lists(counts, max_size=1), st.integers(1, 130))
def test_a_restart_changes_nothing(passed: list[Pass], counted: list[CarParkCount], steps: int) -> None:
    """What a car park says after its state was taken and restored is bit for bit what it would have said."""
    items: list[PlateRead | CarParkCount] = [*all_reads(passed), *counted]
    cut_ms = START_MS + steps * STEP_MS
    first = car_park()
    before = run(first, items, START_MS, cut_ms)
    second = car_park()
    second.restore(first.state())
    assert second.state()["state"].tobytes() == first.state()["state"].tobytes()
    plan = site_with_car_park().car_park
    assert plan is not None
    minutes, again = Minutes(plan), Minutes(plan)
    added(minutes, before)
    again.restore(minutes.state())
    expected, found = run(first, items, cut_ms, END_MS), run(second, items, cut_ms, END_MS)
    assert found == expected
    assert added(again, found) == added(minutes, expected)
    assert second.finish(END_MS) == first.finish(END_MS)


@settings(deadline=None, max_examples=10)
@given(st.lists(passes, min_size=2, max_size=20), st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(passed: list[Pass], random: object) -> None:
    """Reads that come in any order, before their tick is computed, give the same."""
    said = all_reads(passed)
    shuffled = list(said)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis types it as object
    ordered, mixed = car_park(), car_park()
    for read in said:
        ordered.feed(read)
    for read in shuffled:
        mixed.feed(read)
    for t_ms in range(START_MS, END_MS, STEP_MS):
        assert mixed.step(t_ms) == ordered.step(t_ms)


def added(minutes: Minutes, ticks: Sequence[ParkingTick]) -> list[CarParkMinute]:
    """Return the minutes that ticks give."""
    return [minute for tick in ticks for minute in minutes.add(tick)]
