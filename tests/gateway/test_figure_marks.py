"""Which figures have still to be made: notes in the SQLite file, and minutes of which nothing is known."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.people import MallPeople
from gateway.store.influx import figure_marks as marks
from gateway.store.influx.figure_marks import MINUTES, VISITS, Due, Marks
from gateway.store.influx.figures import MOST_EMPTY_MINUTES, FigureSettings, MinuteFigures
from gateway.store.records import MINUTE_MS, WHOLE_MALL, CarParkMinute, Outputs, ZoneMinute
from gateway.store.sqlite import SqliteStore
from tests.gateway.crowd import START_MS, small_site
from tests.gateway.ticks import GRID

HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """A file with its tables."""
    made = SqliteStore(tmp_path / "store.db")
    yield made
    made.close()


@pytest.fixture
def noted(store: SqliteStore, tmp_path: Path) -> Iterator[Marks]:
    """The notes in it, as the thread that makes hours reads them."""
    made = Marks(tmp_path / "store.db", "mall")
    yield made
    made.close()


def test_hours_are_due_until_they_are_done(store: SqliteStore, noted: Marks) -> None:
    """What was noted is due, once, by its start; the running hour is not."""
    with store.transaction() as db:
        marks.note(db, VISITS, [START_MS + HOUR_MS, START_MS], START_MS + HOUR_MS + 5)
        marks.note(db, MINUTES, [START_MS], START_MS + HOUR_MS + 5)
    due = noted.due(START_MS + HOUR_MS)
    assert [(one.hour_ms, one.part) for one in due] == [(START_MS, MINUTES), (START_MS, VISITS)]
    noted.done(due)
    assert noted.due(START_MS + HOUR_MS) == []
    assert [one.hour_ms for one in noted.due(START_MS + 2 * HOUR_MS)] == [START_MS + HOUR_MS]


@pytest.mark.parametrize("later_ms", [0, 1000])
def test_what_changes_meanwhile_stays_due(store: SqliteStore, noted: Marks, later_ms: int) -> None:
    """An hour that is noted again while its figures are made is made again, even at the same event time."""
    with store.transaction() as db:
        marks.note(db, VISITS, [START_MS], START_MS + HOUR_MS)
    before = noted.due(START_MS + HOUR_MS)
    with store.transaction() as db:
        marks.note(db, VISITS, [START_MS], START_MS + HOUR_MS + later_ms)
    noted.done(before)
    (due,) = noted.due(START_MS + HOUR_MS)
    assert due == Due(START_MS, VISITS, START_MS + HOUR_MS + max(1, later_ms))


def test_arrival_is_of_the_history_alone(store: SqliteStore, noted: Marks) -> None:
    """The history has arrived when nothing of it waits that was put in before; figures may wait."""
    put = (
        "INSERT INTO outbox (database, policy, added_ms, points, bytes, body) VALUES (?, 'raw', 0, 1, 1, '')"
    )
    assert noted.newest() == 0
    with store.transaction() as db:
        db.execute(put, ("mall",))
        db.execute(put, ("mall_figures",))
    place = noted.newest()
    assert not noted.arrived(place)
    with store.transaction() as db:
        db.execute("DELETE FROM outbox WHERE database = 'mall'")
        db.execute(put, ("mall",))
    assert noted.arrived(place)
    assert not noted.arrived(noted.newest())


def minute(number: int) -> ZoneMinute:
    """Twelve people in the mall."""
    return ZoneMinute(START_MS + number * MINUTE_MS, WHOLE_MALL, 12.0, 12.0, 0.0)


def times(figures: MinuteFigures, store: SqliteStore, outputs: Outputs, t_ms: int) -> list[int]:
    """The minutes of the mall that a commit writes, counted from the start."""
    with store.transaction() as db:
        found = figures.lines(db, outputs, t_ms)
    lines = [line for _, lines in found for line in lines if "kind=mall" in line]
    return [(int(line.rpartition(" ")[2]) // 1_000_000 - START_MS) // MINUTE_MS for line in lines]


def test_minutes_without_a_record_are_empty_for_a_while(store: SqliteStore) -> None:
    """Between commits nobody was there; in a longer time of which nothing is known, nobody says so."""
    figures = MinuteFigures(FigureSettings.of(small_site(), GRID, MallPeople.assumed(), "figures"))
    assert times(figures, store, Outputs(), START_MS + 30_000) == []
    first = Outputs(zone_minutes=[minute(0)])
    assert times(figures, store, first, START_MS + MINUTE_MS + 1) == [0]
    assert times(figures, store, Outputs(), START_MS + 2 * MINUTE_MS) == []  # this tick is the minute's last
    assert times(figures, store, Outputs(), START_MS + 3 * MINUTE_MS + 1) == [1, 2]
    later = 3 + MOST_EMPTY_MINUTES + 10
    outputs = Outputs(zone_minutes=[minute(later)])
    assert times(figures, store, outputs, START_MS + (later + 1) * MINUTE_MS + 1) == [later]


def test_minutes_of_a_car_park_that_is_gone_are_left_out(store: SqliteStore) -> None:
    """Records of areas that the site file no longer names have no figures, and break nothing."""
    figures = MinuteFigures(FigureSettings.of(small_site(), GRID, MallPeople.assumed(), "figures"))
    outputs = Outputs(car_park_minutes=[CarParkMinute(START_MS, "P1", 3.0, 3.0, 0.0)])
    with store.transaction() as db:
        assert figures.lines(db, outputs, START_MS + 1) == []
