"""From ticks to records to figures: what is added up, and what is hidden."""

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from contracts.events import EventKind
from contracts.site import Site
from gateway.engine import Tick
from gateway.figures.flows import flows
from gateway.figures.footfall import footfall, timeline
from gateway.figures.heat import heat
from gateway.figures.period import HOUR_MS, Period, day_until, hour_of
from gateway.figures.zones import zone_figures, zone_hours
from gateway.frames import MAX_DOTS, Frames
from gateway.recorder import Recorder
from gateway.store.records import MINUTE_MS, WHOLE_MALL, Checkpoint, Outputs, whole_floor
from gateway.store.sqlite import SqliteStore
from tests.gateway.crowd import START_MS, small_site
from tests.gateway.ticks import GRID, pseudonym, tick, visit_event

K = 5
SHANGHAI = ZoneInfo("Asia/Shanghai")
PERIOD = Period(START_MS, START_MS + HOUR_MS)


@pytest.fixture
def site() -> Site:
    """The small mall, where groups of fewer than five are hidden."""
    return small_site(k=K)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """Make a new store."""
    made = SqliteStore(tmp_path / "store.db")
    yield made
    made.close()


def record(store: SqliteStore, site: Site, ticks: list[Tick]) -> None:
    """Write what some ticks give."""
    recorder = Recorder(site, GRID)
    for each in ticks:
        recorder.add(each)
    store.commit(
        recorder.outputs, Checkpoint(0, ticks[-1].t_ms, recorder.next_cursor, "", b"", recorder.state())
    )


def crowd(number: int, floor: int = 0) -> list[tuple[int, int, float, float]]:
    """So many people in one shop."""
    return [(i, floor, 10.0 + 0.01 * i, 7.0) for i in range(number)]


def visits(number: int, zone: str, start_ms: int, dwell_s: int = 60) -> list[Tick]:
    """Two ticks: visits of so many devices start in one, and end in the other."""
    site = small_site()
    end_ms = start_ms + 1000 * dwell_s
    started = [visit_event(EventKind.VISIT_STARTED, i, zone, start_ms, start_ms) for i in range(number)]
    ended = [visit_event(EventKind.VISIT_ENDED, i, zone, start_ms, end_ms) for i in range(number)]
    return [
        tick(site, start_ms + 1000, crowd(number), events=started),
        tick(site, end_ms + 1000, crowd(number), events=ended),
    ]


@pytest.mark.parametrize(("people", "shown"), [(0, True), (1, False), (4, False), (5, True)])
def test_live_frame_hides_small_groups(site: Site, people: int, shown: bool) -> None:
    """Of one to four people on a floor nothing is shown: no number, no dot, no heat, no zone."""
    now = tick(site, START_MS, crowd(people), zone_people={"S10": float(people)})
    frame = Frames(site, GRID).live(now, "F1", 0, [])
    zone = next(z for z in frame.zones if z.zone == "S10")
    expected = people if shown else None
    assert frame.present.people == frame.floors[0].people == zone.people == expected
    assert zone.suppressed is not shown
    assert bool(frame.dots.id) == bool(frame.heat.index) == (shown and people > 0)


def test_dots_are_few_and_steady(site: Site) -> None:
    """Of a large crowd a steady sample is drawn, under ids that another run does not share."""
    now = tick(site, START_MS, crowd(MAX_DOTS + 500))
    frames = Frames(site, GRID)
    first, again = frames.live(now, "F1", 0, []).dots, frames.live(now, "F1", 0, []).dots
    assert len(set(first.id)) == MAX_DOTS
    assert first == again
    assert not {*first.id} & {*Frames(site, GRID).live(now, "F1", 0, []).dots.id}
    assert not {*first.id} & {int(pseudonym(i), 16) for i in range(MAX_DOTS + 500)}


def test_floor_that_is_not_there(site: Site) -> None:
    """A frame of an unknown floor is refused."""
    with pytest.raises(KeyError):
        Frames(site, GRID).live(tick(site, START_MS, []), "F9", 0, [])


def test_zone_figures(store: SqliteStore, site: Site) -> None:
    """Visits, visitors and dwell of a zone; four visitors are hidden with everything about them."""
    record(store, site, [*visits(6, "S10", START_MS, 60), *visits(4, "S11", START_MS + 200_000)])
    figures = {f.zone: f for f in zone_figures(store, site, PERIOD)}
    ten, eleven, twelve = figures["S10"], figures["S11"], figures["S12"]
    assert (ten.visits, ten.visitors, ten.dwell_median_s, ten.dwell_mean_s, ten.open) == (6, 6, 60, 60, 0)
    assert (eleven.visits, eleven.visitors, eleven.dwell_p90_s, eleven.open) == (None, None, None, None)
    assert eleven.suppressed
    assert (twelve.visits, twelve.dwell_mean_s, twelve.suppressed) == (0, None, False)


def test_dwell_of_few_who_left_is_hidden(store: SqliteStore, site: Site) -> None:
    """Eight came, two have left: the dwell would be that of two people, so it is hidden."""
    events = [visit_event(EventKind.VISIT_STARTED, i, "S10", START_MS, START_MS) for i in range(8)]
    events += [visit_event(EventKind.VISIT_ENDED, i, "S10", START_MS, START_MS + 9000) for i in range(2)]
    record(store, site, [tick(site, START_MS + 10_000, crowd(8), events=events)])
    ten = next(f for f in zone_figures(store, site, PERIOD) if f.zone == "S10")
    assert (ten.visits, ten.dwell_median_s, ten.dwell_mean_s, ten.open) == (8, None, None, 6)


def test_zone_by_the_hour(store: SqliteStore, site: Site) -> None:
    """Visits stand in the hour they started in; an hour with few visitors is hidden."""
    record(store, site, [*visits(6, "S10", START_MS), *visits(3, "S10", START_MS + HOUR_MS)])
    period = Period(START_MS - HOUR_MS, START_MS + 2 * HOUR_MS)
    hours = zone_hours(store, "S10", K, period, SHANGHAI)
    assert [(h.visits, h.suppressed) for h in hours] == [(0, False), (6, False), (None, True)]


def test_mean_of_an_hour_tells_nothing_of_one_person(store: SqliteStore, site: Site) -> None:
    """Who came the hour before and stayed for twenty minutes is not seen in an hour without visits."""
    alone = {"S10": 1.0}
    ticks = [tick(site, START_MS + 1000 * s, crowd(1), zone_people=alone) for s in range(1, 1201)]
    record(store, site, [*ticks, tick(site, START_MS + HOUR_MS + 60_000, [])])
    kept = store.zone_minutes(START_MS, START_MS + HOUR_MS, HOUR_MS, ["S10"])
    assert [round(step.people_mean, 2) for step in kept] == [0.33]
    (hour,) = zone_hours(store, "S10", K, PERIOD, SHANGHAI)
    assert (hour.visits, hour.people_mean, hour.suppressed) == (0, 0.0, False)


def test_flows_follow_one_stay(store: SqliteStore, site: Site) -> None:
    """Links are between consecutive visits of a stay; a long absence breaks them; few people are left out."""
    leave = START_MS + 60_000
    ticks = [
        *visits(6, "S10", START_MS),
        *visits(6, "S11", leave + 30_000),  # 30 s later: the same stay
        *visits(6, "S13", leave + 600_000),  # after vanishing: another one
        *visits(3, "S14", leave + 690_000),
    ]
    record(store, site, ticks)
    found = flows(store, site, PERIOD)
    assert [(link.source, link.target, link.people) for link in found.links] == [("S10", "S11", 6)]
    assert found.suppressed_links == 1
    assert flows(store, site, PERIOD, "F2").links == []


def test_footfall_and_timeline(store: SqliteStore, site: Site) -> None:
    """Eight people for half an hour are four on average, and eight arrivals."""
    seconds = range(1, 1801)
    record(store, site, [tick(site, START_MS + 1000 * s, crowd(8)) for s in seconds]
           + [tick(site, START_MS + HOUR_MS + 60_000, [])])  # fmt: skip
    (hour,) = footfall(store, 2, PERIOD, SHANGHAI)
    assert (hour.hour_ms, hour.people, hour.arrivals) == (START_MS, 4, 8)
    line = timeline(store, 2, PERIOD)
    assert line.step_ms == MINUTE_MS
    assert line.people == [8] * 30 + [0] * 30
    (hidden,) = footfall(store, K, PERIOD, SHANGHAI)
    assert (hidden.people, hidden.low, hidden.arrivals, hidden.suppressed) == (None, None, 8, True)


def test_running_minute_is_not_mistaken_for_an_empty_one(store: SqliteStore, site: Site) -> None:
    """In the middle of a minute, timeline and means end with the last whole one."""
    record(store, site, [tick(site, START_MS + 1000 * s, crowd(8)) for s in range(1, 151)])
    now = START_MS + 150_000
    assert timeline(store, K, Period(START_MS, now)).people == [8, 8]
    assert footfall(store, K, Period(START_MS, now), SHANGHAI)[0].people == 8
    assert Frames(site, GRID).past(store, now, "F1").present.people == 8


@pytest.mark.parametrize(("people", "shown"), [(4, False), (8, True)])
def test_heat_of_a_period(store: SqliteStore, site: Site, people: int, shown: bool) -> None:
    """The map holds people times minutes, unless there were never k people on the floor."""
    record(store, site, [tick(site, START_MS + 1000 * s, crowd(people)) for s in range(1, 122)])
    found = heat(store, "F1", K, Period(START_MS, START_MS + 2 * MINUTE_MS), GRID)
    assert sum(found.value) == (pytest.approx(2 * people, abs=0.1) if shown else 0)
    assert heat(store, "F2", K, PERIOD, GRID).index == []


def test_rollups_do_not_care_where_a_checkpoint_falls(site: Site) -> None:
    """A recorder restored in the middle of a minute gives the same records as one that ran through."""
    rng = np.random.default_rng(3)
    ticks = []
    for second in range(1, 200):
        people = [(i, 0, *rng.uniform(1, 39, 2).tolist()) for i in range(int(rng.integers(0, 9)))]
        ticks.append(tick(site, START_MS + 1000 * second, people, zone_people={"S10": float(len(people))}))
    whole, pieces = Recorder(site, GRID), [Recorder(site, GRID)]
    outputs = Outputs()
    for number, each in enumerate(ticks):
        whole.add(each)
        pieces[-1].add(each)
        if number % 37 == 0:
            restored = Recorder(site, GRID)
            restored.restore(pieces[-1].state())
            for name in ("zone_minutes", "positions"):
                setattr(outputs, name, getattr(outputs, name) + getattr(pieces[-1].outputs, name))
            pieces.append(restored)
    outputs.zone_minutes += pieces[-1].outputs.zone_minutes
    outputs.positions += pieces[-1].outputs.positions
    assert outputs.zone_minutes == whole.outputs.zone_minutes
    assert [p.t_ms for p in outputs.positions] == [p.t_ms for p in whole.outputs.positions]
    zones = {row.zone for row in outputs.zone_minutes}
    assert {WHOLE_MALL, whole_floor("F1"), "S10"} <= zones


def test_hours_and_days_are_the_malls_own() -> None:
    """Days begin at the mall's midnight; hours of a zone half an hour off begin on its own hour."""
    assert day_until(START_MS, SHANGHAI).from_ms == START_MS - 17 * HOUR_MS
    assert hour_of(START_MS + 1, SHANGHAI) == START_MS
    assert hour_of(START_MS, ZoneInfo("Asia/Kolkata")) == START_MS - HOUR_MS // 2
    spring = 1_743_310_800_000  # 30 March 2025, 05:00 UTC: clocks in Berlin went forward this morning
    assert day_until(spring, ZoneInfo("Europe/Berlin")).from_ms == 1_743_289_200_000
