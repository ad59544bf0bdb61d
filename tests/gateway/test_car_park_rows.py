"""The car park in Grafana: the numbers of the console."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.figures.car_park import capacities, car_park_over
from gateway.figures.car_park_day import timeline
from gateway.figures.period import Period
from gateway.store.influx.figures import Points
from gateway.store.records import MINUTE_MS, WHOLE_CAR_PARK, CarParkMinute, Checkpoint, Outputs
from gateway.store.sqlite import SqliteStore
from simulators.car_park.layout import car_park_site
from tests.gateway.crowd import START_MS, small_site

MINUTES = 30
PERIOD = Period(START_MS, START_MS + MINUTES * MINUTE_MS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Half an hour in which the areas fill up, one after the other, to more than there are spaces."""
    made = SqliteStore(tmp_path / "store.db")
    spaces = capacities(car_park_site())
    minutes = [
        CarParkMinute(
            START_MS + i * MINUTE_MS, area, share * capacity, share * capacity, 0.03 * capacity,
            i % 4, i % 3, 1.25,
        )
        for area, capacity in spaces.items()
        for i, share in enumerate(1.02 * n / MINUTES for n in range(MINUTES))
    ]  # fmt: skip
    checkpoint = Checkpoint(0, PERIOD.to_ms + 1, 1, "", b"", b"")
    made.commit(Outputs(car_park_minutes=minutes), checkpoint)
    yield made
    made.close()


def test_rows_are_the_numbers_of_the_console(store: SqliteStore) -> None:
    """Cars, their interval and who came and went are those of the console's chart; spaces go with them."""
    site = car_park_site()
    assert site.car_park is not None
    rows = car_park_over(store, site, PERIOD)
    assert {row.area for row in rows} == {*(area.id for area in site.car_park.areas), WHOLE_CAR_PARK}
    for area, capacity in capacities(site).items():
        own = [row for row in rows if row.area == area]
        chart = timeline(store, site.car_park, PERIOD, None if area == WHOLE_CAR_PARK else area)
        assert chart.step_ms == MINUTE_MS
        for name in ("cars", "low", "high", "entered", "left"):
            assert [getattr(row, name) for row in own] == getattr(chart, name)
        assert [row.time for row in own] == chart.t_ms
        assert all(row.free == max(0, capacity - row.cars) and row.capacity == capacity for row in own)
        assert own[0].free == capacity
        assert own[-1].low <= own[-1].cars <= own[-1].high


def test_points_are_those_of_the_table(store: SqliteStore) -> None:
    """An area is a tag; whole numbers are integers, and the queue is not, whatever its value."""
    rows = car_park_over(store, car_park_site(), Period(START_MS, START_MS + MINUTE_MS))
    ((destination, lines),) = Points("mall_figures", "riverside").of(rows)
    assert destination == ("mall_figures", "long")
    whole = next(line for line in lines if f"area={WHOLE_CAR_PARK}" in line)
    capacity = capacities(car_park_site())[WHOLE_CAR_PARK]
    measurement, fields, time_ns = whole.split(" ")
    assert measurement == f"car_park,area={WHOLE_CAR_PARK},mall=riverside"
    assert {"cars=0i", f"capacity={capacity}i", f"free={capacity}i", "queue=1.25"} <= {*fields.split(",")}
    assert int(time_ns) == START_MS * 1_000_000


def test_without_a_car_park_there_is_nothing(store: SqliteStore) -> None:
    """A mall that no longer has one shows none of what was."""
    assert car_park_over(store, small_site(), PERIOD) == []
