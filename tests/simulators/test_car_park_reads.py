"""The simulated day at the car park, as reads: what is promised of its truth, its errors and its blocks."""

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from contracts.errors import ConfigurationError
from contracts.plates import Direction, PlateChange
from contracts.site import dump_site, parse_site
from edge_agent.plate_hashes import PlateHashes
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import PlateSighting
from simulators import mall
from simulators.car_park.day import simulate_day
from simulators.car_park.layout import Ways, car_park_site
from simulators.car_park.reading_errors import ReadingErrors
from simulators.car_park.reads import CarParkReads

T0_MS = 1_773_007_200_000  # 2026-03-09 06:00 in Shanghai
NONE = ReadingErrors(missed=0, unsure=0, lost=0, no_direction=0, ghost=0)


@pytest.fixture(scope="module")
def busy() -> CarParkReads:
    """A day of 1,500 cars."""
    return CarParkReads(start_ms=T0_MS, seed=3)


@pytest.fixture(scope="module")
def said(busy: CarParkReads) -> dict[str, list[PlateSighting]]:
    """What the cameras say of it, by track."""
    tracks: dict[str, list[PlateSighting]] = defaultdict(list)
    for _, sighting in busy.sightings():
        tracks[sighting.track].append(sighting)
    return tracks


def test_the_same_seed_gives_the_same_day() -> None:
    """Truth and reads are the same to the bit."""
    first, second = (CarParkReads(start_ms=T0_MS, duration_s=14_400, cars=60, seed=5) for _ in range(2))
    assert first.day == second.day
    assert list(first.sightings()) == list(second.sightings())
    assert list(first.sightings()) != list(CarParkReads(start_ms=T0_MS, cars=60, seed=6).sightings())


def test_no_area_is_fuller_than_it_can_be_and_no_car_is_there_twice(busy: CarParkReads) -> None:
    """Cars go where there is room; each is in one place at a time, and passes a camera at both ends."""
    for t_ms in range(T0_MS, busy.end_ms, 600_000):
        for area, capacity in Ways(busy.site).areas.items():
            assert busy.day.cars_at(t_ms, area) <= capacity
    by_plate = defaultdict(list)
    for stay in busy.day.stays:
        by_plate[stay.plate].append((stay.entered_ms, stay.left_ms))
    for times in by_plate.values():
        assert all(left < entered for (_, left), (entered, _) in pairwise(times))
    assert max(busy.day.cars_at(t, "P2") for t in range(T0_MS, busy.end_ms, 600_000)) > 60


def test_a_car_of_the_lower_level_passes_the_ramp(busy: CarParkReads) -> None:
    """Its ways in and out are two cameras each, in turn; those of the upper level one."""
    passed = defaultdict(list)
    for passage in busy.day.passages:
        passed[passage.stay].append((passage.step.camera.partition("-")[0], passage.step.direction))
    areas = {stay.stay: stay.area for stay in busy.day.stays}
    for stay, steps in passed.items():
        ways = [direction for _, direction in steps]
        assert ways == sorted(ways)  # in, then out
        assert [camera == "ramp" for camera, _ in steps] == (
            [False, True, True, False] if areas[stay] == "P2" else [False, False]
        )


def test_confidence_is_calibrated_and_errors_are_as_asked_for(
    busy: CarParkReads, said: dict[str, list[PlateSighting]]
) -> None:
    """Of what is said last, as many are right as the confidence promises; misses and doubles are counted."""
    truth = {passage.passage: passage.plate for passage in busy.day.passages}
    final = {busy.passage_of[track]: told[-1] for track, told in said.items() if track in busy.passage_of}
    right = [final[n].candidates[0][0] == truth[n] for n in final]
    promised = [one.candidates[0][1] for one in final.values()]
    assert abs(sum(right) - sum(promised)) < 4 * sum(p * (1 - p) for p in promised) ** 0.5
    assert 0.97 < sum(right) / len(truth) < 0.995
    assert 0.005 < 1 - len(final) / len(truth) < 0.015
    assert 1 <= len([t for t in said if t in busy.passage_of]) - len(final) < 0.008 * len(truth)


def test_each_track_begins_and_ends_once(said: dict[str, list[PlateSighting]]) -> None:
    """First `new`, last `end`, `update` between, in order of time."""
    for told in said.values():
        changes = [one.change for one in told]
        assert changes[0] is PlateChange.NEW
        assert changes[-1] is PlateChange.END
        assert set(changes[1:-1]) <= {PlateChange.UPDATE}
        assert [one.t_ms for one in told] == sorted(one.t_ms for one in told)
    assert Counter(len(told) for told in said.values())[3] > 100


def test_without_errors_every_passage_is_said_once_with_its_plate_and_direction() -> None:
    """Only confidence remains, and it is high."""
    source = CarParkReads(start_ms=T0_MS, duration_s=28_800, cars=80, errors=NONE)
    ends = [one for _, one in source.sightings() if one.change is PlateChange.END]
    assert len(ends) == len(source.day.passages)
    truth = {passage.passage: passage for passage in source.day.passages}
    for one in ends:
        passage = truth[source.passage_of[one.track]]
        assert (one.camera, one.direction) == (passage.step.camera, passage.step.direction)
        assert one.candidates[0][1] > 0.97


def test_blocks_of_all_nodes_come_in_step_and_hold_everything() -> None:
    """As every source promises: heartbeats too, and nothing older than what a block is complete up to."""
    source = CarParkReads(start_ms=T0_MS, duration_s=7_200, cars=20, block_ms=60_000)
    complete: dict[str, int] = {}
    count = 0
    for block in source.blocks():
        assert block.complete_to_ms == complete.get(block.node, block.complete_to_ms - 60_000) + 60_000
        for one in block.plates:
            assert block.complete_to_ms - 60_000 <= one.t_ms < block.complete_to_ms
        complete[block.node] = block.complete_to_ms
        count += len(block.plates)
    assert set(complete) == set(source.nodes) == {"gate-n", "gate-s", "ramp"}
    assert count == len(list(CarParkReads(start_ms=T0_MS, duration_s=7_200, cars=20).sightings()))


def test_reads_are_what_goes_over_the_wire() -> None:
    """Hashes instead of plates, of the node whose camera it was."""
    site = car_park_site()
    hashes = PlateHashes(bytes(32), SaltRotation.of(site), province="浙")
    source = CarParkReads(start_ms=T0_MS, duration_s=7_200, cars=5, errors=NONE)
    reads = list(source.reads(hashes))
    assert {read.camera for node, read in reads if node == "ramp"} <= {"ramp-down", "ramp-up"}
    assert {read.direction for _, read in reads} == {Direction.IN, Direction.OUT}
    assert len({read.plate for _, read in reads}) <= 10  # two days' salts at most


def test_a_closed_car_park_has_no_cars() -> None:
    """Nobody comes at night."""
    assert simulate_day(car_park_site(), start_ms=T0_MS - 5 * 3_600_000, duration_s=3600, cars=10).stays == []


def test_the_site_with_a_car_park_can_be_written_and_a_site_without_is_refused() -> None:
    """The layout is a site like any other."""
    assert parse_site(dump_site(car_park_site()), "x").car_park == car_park_site().car_park
    with pytest.raises(ConfigurationError, match="no car park"):
        CarParkReads(start_ms=T0_MS, site=mall.site())
