"""People from devices in the figures: corrected by the mall's model, honest about it, and k-anonymous."""

import json
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.events import EventKind
from contracts.site import Site
from gateway.api.present import plan
from gateway.figures.flows import flows
from gateway.figures.footfall import footfall, timeline
from gateway.figures.heat import heat
from gateway.figures.people import PeopleFigures
from gateway.figures.period import HOUR_MS, Period
from gateway.figures.zones import zone_figures, zone_hours
from gateway.frames import Frames
from gateway.people import ENTERED, PRESENT, MallPeople, read_people
from gateway.people_file import MALL, ROOM, write_model
from gateway.recorder import Recorder
from gateway.store.records import Checkpoint
from gateway.store.sqlite import SqliteStore
from positioning.people.ratio import PhonesPerPerson
from tests.gateway.crowd import START_MS, small_site
from tests.gateway.ticks import GRID, tick, visit_event

K = 5
PERIOD = Period(START_MS, START_MS + HOUR_MS)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def sure(phones: float, nobodys: float = 0.0) -> PhonesPerPerson:
    """Return a ratio that is known exactly."""
    return PhonesPerPerson(np.array([nobodys, phones]), np.zeros((2, 2)), 0.0, 0.0)


HALF = MallPeople.of({PRESENT: sure(0.5), ENTERED: sure(0.5)})
"""Every other phone is off."""
DOUBLE = MallPeople.of({PRESENT: sure(2.0), ENTERED: sure(2.0)})
"""Everybody has two."""


@pytest.fixture
def site() -> Site:
    """The small mall, where groups of fewer than five are hidden."""
    return small_site(k=K)


@pytest.fixture
def store(tmp_path: Path, site: Site) -> Iterator[SqliteStore]:
    """Make a store of an hour: eight devices for half of it, who visit S10 and six of them then S11."""
    made = SqliteStore(tmp_path / "store.db")
    recorder = Recorder(site, GRID)
    crowd = [(i, 0, 10.0 + 0.01 * i, 7.0) for i in range(8)]
    end_ms = START_MS + 60_000
    for second in range(1, 1801):
        events = []
        if second == 61:
            events = [visit_event(EventKind.VISIT_ENDED, i, "S10", START_MS, end_ms) for i in range(8)]
        if second == 100:
            events = [
                visit_event(EventKind.VISIT_ENDED, i, "S11", end_ms + 5000, end_ms + 35_000) for i in range(6)
            ]
        recorder.add(tick(site, START_MS + 1000 * second, crowd, events=events, zone_people={"S10": 8.0}))
    recorder.add(tick(site, START_MS + HOUR_MS + 60_000, []))
    newest_ms = START_MS + HOUR_MS + 60_000
    made.commit(recorder.outputs, Checkpoint(0, newest_ms, recorder.next_cursor, "", b"", recorder.state()))
    yield made
    made.close()


def test_every_figure_is_of_people(store: SqliteStore, site: Site) -> None:
    """Where every other phone is off, all figures are twice the devices."""
    (hour,) = footfall(store, 2, PERIOD, SHANGHAI, HALF)  # eight devices for half an hour
    assert (hour.people, hour.arrivals, hour.arrivals_low, hour.arrivals_high) == (8, 16, 16, 16)
    assert timeline(store, K, PERIOD, HALF).people[0] == 16
    ten = next(f for f in zone_figures(store, site, PERIOD, HALF) if f.zone == "S10")
    assert (ten.visits, ten.visitors, ten.visitors_low, ten.visitors_high) == (16, 16, 16, 16)
    assert zone_hours(store, "S10", K, PERIOD, SHANGHAI, HALF)[0].people_mean == pytest.approx(8.0)
    assert [link.people for link in flows(store, site, PERIOD, None, HALF).links] == [12]
    past = Frames(site, GRID, HALF).past(store, START_MS + 600_000, "F1")
    assert past.present.people == past.floors[0].people == 16
    assert next(z for z in past.zones if z.zone == "S10").people == 16


def test_few_people_are_hidden_though_their_devices_are_many(store: SqliteStore, site: Site) -> None:
    """Eight devices of four people: no number, no dot, no heat, no visit, no link of theirs is shown."""
    (hour,) = footfall(store, K, PERIOD, SHANGHAI, DOUBLE)
    assert (hour.people, hour.arrivals, hour.arrivals_low) == (None, None, None)
    assert timeline(store, K, PERIOD, DOUBLE).people[0] is None
    ten = next(f for f in zone_figures(store, site, PERIOD, DOUBLE) if f.zone == "S10")
    assert (ten.visits, ten.visitors, ten.dwell_mean_s, ten.suppressed) == (None, None, None, True)
    assert flows(store, site, PERIOD, None, DOUBLE).suppressed_links == 1
    assert heat(store, "F1", K, PERIOD, GRID, DOUBLE).index == []
    frame = Frames(site, GRID, DOUBLE).past(store, START_MS + 600_000, "F1")
    assert frame.present.suppressed
    assert frame.dots.id == frame.heat.index == []


@given(st.floats(0, 40), st.floats(0, 30), st.floats(0.2, 3), st.floats(0, 10), st.integers(2, 10))
def test_small_groups_stay_hidden(
    devices: float, variance: float, phones: float, nobodys: float, k: int
) -> None:
    """Whatever the model, neither fewer than k devices nor fewer than k people are told."""
    figures = PeopleFigures(k, MallPeople.of({PRESENT: sure(phones, nobodys)}))
    for count in (figures.present(devices, variance), figures.part(devices, variance)):
        if 0 < round(devices) < k:
            assert count.suppressed
        if count.suppressed:
            assert (count.people, count.low, count.high) == (None, None, None)
        else:
            assert count.people == 0 or (count.people or 0) >= k
            assert (count.low or 0) <= (count.people or 0) <= (count.high or 0)


def test_without_counts_the_interval_holds_the_doubt_about_phones(site: Site) -> None:
    """Uncalibrated, 200 devices for sure are still 130 to 270 people, and the plan says so in words."""
    count = PeopleFigures(K).present(200.0, 0.0)
    assert count.people == 200
    assert (count.low, count.high) == pytest.approx((132, 268), abs=3)
    said = plan(site, MallPeople.assumed()).people
    assert not said.calibrated
    assert "Uncalibrated" in said.note.en
    assert "未校准" in (said.note.zh or "")
    said = plan(site, HALF).people
    assert said.calibrated
    assert said.arrivals_calibrated
    assert "0.50 phones found a person" in said.note.en


def test_what_was_not_counted_is_assumed(tmp_path: Path) -> None:
    """A model of people present alone leaves arrivals as they are; a file gives the same model back."""
    path = tmp_path / "people.json"
    write_model(path, MALL, MallPeople.of({PRESENT: sure(0.5)}).to_dict(), "a test")
    model = read_people(path)
    assert model.calibrated == {PRESENT}
    assert PeopleFigures(K, model).present(10.0, 0.0).people == 20
    assert PeopleFigures(K, model).entered(10.0).people == 10


def test_files_that_are_no_model_of_a_mall(tmp_path: Path) -> None:
    """The model of a room, an empty one and a damaged one are refused with what to do."""
    path = tmp_path / "people.json"
    write_model(path, ROOM, {}, "a test")
    with pytest.raises(ConfigurationError, match=r"model of one room(.|\n)*Fit it again"):
        read_people(path)
    write_model(path, MALL, {}, "a test")
    with pytest.raises(ConfigurationError, match="neither present nor entered"):
        read_people(path)
    write_model(path, MALL, {PRESENT: {"line": [0.0, "many"]}}, "a test")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        read_people(path)
    assert json.loads(path.read_text(encoding="utf-8"))["made_from"] == "a test"
    with pytest.raises(ConfigurationError, match="cannot be written"):
        write_model(tmp_path, MALL, {}, "a test")
