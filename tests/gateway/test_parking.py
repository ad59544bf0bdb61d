"""What the car park makes of passages: stays, counts, doubles, missed and misread plates."""

from itertools import product

import pytest
from msgspec import UNSET, UnsetType, convert, to_builtins
from msgspec.structs import replace

from contracts.control import CarParkCount
from contracts.events import CarEvent, CarParkEvent, EventKind
from contracts.messages import AgentState, AgentStatus, ObservationBatch
from gateway.engine import build_engine
from gateway.parking.reading import Reading
from tests.gateway.parked import (
    HOUR_MS,
    MINUTE_MS,
    START_MS,
    Pass,
    all_reads,
    car_park,
    events,
    left,
    play,
    reads,
    site_with_car_park,
)

HOUR, MINUTE = 3600.0, 60.0
DAY = 24 * HOUR
DIGEST = "f" * 32


def counted(cars: int = 0, area: str | None = None, t_s: float = 0) -> CarParkCount:
    """Return a count by somebody."""
    return CarParkCount(t_ms=START_MS + round(t_s * 1000), cars=cars, area=area)


def test_an_entry_and_an_exit_are_a_stay() -> None:
    """The car is there between them; its stay has both times, its area and a certainty."""
    park = car_park()
    park.count(counted(0))
    ticks = play(park, [Pass(60, "car-in", "浙A12345"), Pass(HOUR, "car-out", "浙A12345")], HOUR + 600)
    during, after = ticks[30], ticks[-1]
    assert during.whole.cars == pytest.approx(1.0, abs=0.1)
    assert during.areas[0].free == 39
    assert after.whole.cars == pytest.approx(0.0, abs=0.1)
    (entered,) = events(ticks, EventKind.CAR_ENTERED)
    (gone,) = left(ticks)
    assert gone.data.stay == entered.data.stay  # type: ignore[union-attr]
    assert gone.data.entered_ms == START_MS + 64_000
    assert gone.data.dwell_s == HOUR - 60
    assert gone.data.confidence > 0.95
    assert gone.data.region == "local"


@pytest.mark.parametrize(("at_entry", "at_exit"), [(DIGEST, UNSET), (UNSET, DIGEST), (DIGEST, DIGEST)])
def test_a_members_car_is_named_by_whichever_camera_knew_it(
    at_entry: str | UnsetType, at_exit: str | UnsetType
) -> None:
    """Its events carry the digest of the entry, and where that has none, of the exit; a restart keeps it."""
    park, cars = car_park(), [Pass(60, "car-in", "浙A12345"), Pass(HOUR, "car-out", "浙A12345")]
    told: list[CarEvent | CarParkEvent] = []
    for read in all_reads(cars):
        name = at_entry if read.camera == "car-in" else at_exit
        park.feed(replace(read, enrolled_digest=name))
        told += park.step(read.t_ms + 1_000).events
        state, park = park.state(), car_park()
        park.restore(state)
    told += park.step(START_MS + HOUR_MS + 600_000).events
    named = {event.kind: event.data.enrolled_digest for event in told if isinstance(event, CarEvent)}
    assert named == {EventKind.CAR_ENTERED: at_entry, EventKind.CAR_LEFT: DIGEST}


def test_a_checkpoint_from_before_there_were_members_is_read() -> None:
    """A reading without a word of a digest has none."""
    old = to_builtins(Reading.of(all_reads([Pass(60, "car-in", "浙A12345")])[0]))
    del old["enrolled_digest"]
    assert convert(old, Reading).enrolled_digest == ""


@pytest.mark.parametrize(
    ("exit_plate", "confidence", "other"),
    [("浙A12345", 0.5, ""), ("浙A1234S", 0.7, ""), ("浙B99999", 0.6, "浙A12345")],
    ids=["unsure", "one character wrong", "right as an alternative"],
)
def test_a_misread_exit_is_still_its_stay(exit_plate: str, confidence: float, other: str) -> None:
    """A car whose exit is read badly is recognised among thirty others."""
    cars = [Pass(60 + 20 * i, "car-in", f"浙C{i:02d}A{i:02d}") for i in range(30)]
    cars += [Pass(700, "car-in", "浙A12345"), Pass(HOUR, "car-out", exit_plate, confidence, other=other)]
    park = car_park()
    park.count(counted(0))
    (gone,) = left(play(park, cars, HOUR + 600))
    assert gone.data.entered_ms == START_MS + 704_000


def test_an_exit_that_matches_nobody_has_no_entry() -> None:
    """It is a stay with unknown entry, and nobody else's stay ends by it."""
    park = car_park()
    park.count(counted(5))
    ticks = play(park, [Pass(60, "car-in", "浙A12345"), Pass(HOUR, "car-out", "苏E77777")], HOUR + 600)
    (gone,) = left(ticks)
    assert gone.data.entered_ms is None
    assert gone.data.dwell_s is None
    assert ticks[-1].whole.cars == pytest.approx(5.0, abs=2.5)  # of the five some may have left unseen


def test_two_who_may_be_meant_are_told_apart_by_who_leaves_next() -> None:
    """An exit read so that it may be either of two waits; the other one leaves, and so it was the first."""
    first, second, between = "浙A12345", "浙A12346", "浙A12347"
    cars = [Pass(60, "car-in", first, 0.9), Pass(600, "car-in", second, 0.9)]
    cars += [Pass(HOUR, "car-out", between, 0.6), Pass(HOUR + 240, "car-out", second)]
    park = car_park()
    park.count(counted(0))
    gone = left(play(park, cars, HOUR + 900))
    assert {(one.data.entered_ms, one.data.left_ms) for one in gone} == {
        (START_MS + 64_000, START_MS + 3_604_000),
        (START_MS + 604_000, START_MS + 3_844_000),
    }


def test_one_passage_told_twice_counts_once() -> None:
    """A track that breaks, and a car that waits in a queue and is told of again, are one car."""
    cars = [
        Pass(60, "car-in", "浙A12345"),
        Pass(66, "car-in", "浙A12345", 0.7),
        Pass(180, "car-in", "浙A12345"),
    ]
    park = car_park()
    park.count(counted(0))
    ticks = play(park, cars, 600)
    assert ticks[-1].whole.cars == pytest.approx(1.0, abs=0.1)
    assert len(events(ticks, EventKind.CAR_ENTERED)) == 1
    assert sum(tick.entered[-1] for tick in ticks if tick.entered) == 1


def test_cars_move_between_areas() -> None:
    """The ramp takes a car from the upper level to the lower one, and back the other way."""
    cars = [Pass(60, "car-in", "浙A12345"), Pass(90, "ramp", "浙A12345")]
    cars += [Pass(HOUR, "ramp", "浙A12345", direction="out")]
    park = car_park()
    park.count(counted(0))
    ticks = play(park, cars, HOUR + 600)
    below = [round(tick.areas[1].cars) for tick in ticks]
    assert (below[8], below[12], below[-1]) == (0, 1, 0)
    assert ticks[-1].places[0].area == "P1"


def test_a_car_overnight_is_recognised_under_the_former_salt() -> None:
    """Pseudonyms change at four; a car that leaves at nine the next morning is the one that came."""
    cars = [Pass(10 * HOUR, "car-in", "浙A12345"), Pass(DAY + HOUR, "car-out", "浙A1Z345", 0.8)]
    park = car_park()
    park.count(counted(0))
    (gone,) = left(play(park, cars, DAY + 2 * HOUR, step_s=300))
    assert gone.data.entered_ms == START_MS + 36_004_000


def test_a_car_that_left_unseen_fades_and_comes_back_as_another_stay() -> None:
    """Its presence falls with its age; when its plate enters again, the old stay is given up."""
    park = car_park()
    park.count(counted(0))
    ticks = play(
        park,
        [Pass(60, "car-in", "浙A12345"), Pass(10 * HOUR, "car-in", "浙A12345")],
        10 * HOUR + 60,
        step_s=60,
    )
    cars = [tick.whole.cars for tick in ticks]
    assert cars[60] > 0.95
    assert cars[590] < 0.9
    assert ticks[590].whole.variance > ticks[60].whole.variance
    (given_up,) = left(ticks)
    assert given_up.data.left_ms is None
    assert cars[-1] == pytest.approx(1.0, abs=0.1)


def test_nobody_knows_how_many_cars_were_there_at_the_start() -> None:
    """Before a count anything up to the capacity is possible; a count settles it."""
    park = car_park()
    low, high = park.step(START_MS).whole.bounds
    assert low <= 10
    assert high >= 50
    park.count(counted(17))
    now = park.step(START_MS + 1000).whole
    assert now.cars == pytest.approx(17.0, abs=0.1)
    assert now.bounds[1] - now.bounds[0] <= 2


def test_a_count_of_one_area_leaves_the_others() -> None:
    """Cars that are not among those counted are hidden ones; those counted too often become less likely."""
    park = car_park()
    park.count(counted(0))
    play(park, [Pass(60 + 20 * i, "car-in", f"浙C{i:02d}A{i:02d}") for i in range(20)], HOUR)
    park.count(counted(12, "P1", HOUR))
    park.count(counted(5, "P2", HOUR))
    now = park.step(START_MS + HOUR_MS + MINUTE_MS)
    assert now.areas[0].cars == pytest.approx(12.0, abs=0.5)
    assert now.areas[1].cars == pytest.approx(5.0, abs=0.5)


def test_a_closed_car_park_is_empty_at_its_hour() -> None:
    """Cars that were not seen to leave are given up when it is known that nobody is there."""
    park = car_park(empty_at_h=2)
    park.count(counted(0))
    ticks = play(park, [Pass(60, "car-in", "浙A12345")], 20 * HOUR, step_s=300)
    before, after = ticks[17 * 12], ticks[18 * 12 + 2]
    assert before.whole.cars > 0.05
    assert after.whole.cars == 0.0
    assert after.whole.bounds == (0, 0)


def test_a_wrong_count_does_not_lose_cars() -> None:
    """Somebody says that nobody is there, though ten cars are: they leave, and each is recognised."""
    cars = [Pass(60 + 20 * i, "car-in", f"浙C{i:02d}A{i:02d}") for i in range(10)]
    cars += [Pass(HOUR + 20 * i, "car-out", f"浙C{i:02d}A{i:02d}") for i in range(10)]
    park = car_park()
    ticks = play(park, cars[:10], 1800)
    park.count(counted(0, t_s=1801))
    assert park.step(START_MS + 1_810_000).whole.cars == 0.0
    for read in all_reads(cars)[20:]:
        park.feed(read)
    ticks = [park.step(START_MS + HOUR_MS + 60_000 * minute) for minute in range(15)]
    assert [one.data.entered_ms is not None for one in left(ticks)] == [True] * 10
    assert ticks[-1].whole.cars == 0.0


def test_a_car_of_unknown_direction_leaves_if_it_is_there() -> None:
    """At a gate with lanes both ways: a plate that is in the car park drives out, another one in."""
    cars = [
        Pass(60, "both", "浙A12345", direction="unknown"),
        Pass(HOUR, "both", "浙A12345", direction="unknown"),
    ]
    park = car_park(gates=[{"camera": "both", "area": "P1"}, {"camera": "ramp", "area": "P2", "from": "P1"}])
    park.count(counted(0))
    ticks = play(park, cars, HOUR + 600)
    assert ticks[30].whole.cars == pytest.approx(1.0, abs=0.1)
    assert [one.data.dwell_s for one in left(ticks)] == [HOUR - 60]
    assert ticks[-1].whole.cars == pytest.approx(0.0, abs=0.1)


def test_full_is_said_once_and_free_after_a_gap() -> None:
    """Full soon, full, free: each once, though cars come and go at the border."""
    cars = [Pass(60 + 30 * i, "car-in", f"浙C{i:02d}A{i:02d}") for i in range(59)]
    cars += [Pass(2000 + 30 * i, "car-out", f"浙C{i:02d}A{i:02d}") for i in range(10)]
    park = car_park()
    park.count(counted(0))
    ticks = play(park, cars, 2700)
    said = [event for event in events(ticks) if isinstance(event, CarParkEvent)]
    of_all = [str(event.kind) for event in said if event.data.area == "car-park"]
    assert of_all == ["car_park.full_soon", "car_park.full", "car_park.free"]
    assert said[-1].data.free > 0


def test_cars_at_the_barrier_are_a_queue() -> None:
    """A passage that has begun and not ended is a car that waits; it is not in the car park yet."""
    park = car_park()
    park.count(counted(0))
    waits = all_reads([Pass(60, "car-in", "浙A12345"), Pass(70, "car-in", "浙B54321")])
    for read in waits[:3]:
        park.feed(read)
    now = park.step(START_MS + 2 * MINUTE_MS)
    assert now.whole.queue == 1
    assert now.whole.cars == pytest.approx(1.0, abs=0.1)


def test_what_comes_late_counts_all_the_same() -> None:
    """A node that was cut off tells of an exit an hour late: the car is gone from then on."""
    park = car_park()
    park.count(counted(0))
    play(park, [Pass(60, "car-in", "浙A12345")], 2 * HOUR)
    for read in all_reads([Pass(HOUR, "car-in", "浙B00000"), Pass(HOUR, "car-out", "浙A12345")])[2:]:
        park.feed(read)
    gone = left([park.step(START_MS + 2 * HOUR_MS + MINUTE_MS)])
    assert [one.data.left_ms for one in gone] == [START_MS + HOUR_MS + 4_000]


def test_cameras_at_no_gate_are_counted_and_left_out() -> None:
    """A camera that the car park does not name changes nothing."""
    park = car_park(
        gates=[{"camera": "car-in", "area": "P1"}, {"camera": "ramp", "area": "P2", "from": "P1"}]
    )
    play(park, [Pass(60, "car-out", "浙A12345")], 600)
    assert park.counters == {"camera_at_no_gate": 2}


def test_a_track_that_is_told_again_hours_later_is_the_same_car() -> None:
    """Its plate may be another one then: the car that is there stays, and every exit finds its way."""
    park = car_park()
    for number, (t_s, camera, plate) in enumerate(
        [(60, "car-in", "浙A12345"), (2 * HOUR, "car-in", "浙B77777"),
         (3 * HOUR, "car-out", "浙B77777"), (4 * HOUR, "car-out", "浙A12345")]
    ):  # fmt: skip
        for read in reads(number, Pass(t_s, camera, plate)):
            park.feed(replace(read, track="0" * 16) if camera == "car-in" else read)
    ticks = [park.step(START_MS + minute * MINUTE_MS) for minute in range(300)]
    assert len(events(ticks, EventKind.CAR_ENTERED)) == 1
    assert [gone.data.entered_ms for gone in left(ticks)] == [None, START_MS + 64_000]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that makes up cars fills neither the list of tracks nor that of cars; the rest is counted."""
    monkeypatch.setattr("gateway.parking.passages.MOST_OPEN", 5)
    monkeypatch.setattr("gateway.parking.stays.MOST_CARS", 4)
    park = car_park()
    for number in range(8):
        begun, _ = reads(number, Pass(60, "car-in", f"浙C{number:02d}A{number:02d}"))
        park.feed(begun)
    tick = park.step(START_MS + MINUTE_MS + 30_000)
    assert tick.areas[0].queue == 5
    assert park.counters == {"plates_full": 3}
    for number in range(8, 16):
        for read in reads(number, Pass(100 + 5 * number, "car-in", f"浙C{number:02d}A{number:02d}")):
            park.feed(replace(read, track=f"{number % 5:016x}") if number < 13 else read)
    tick = park.step(START_MS + 5 * MINUTE_MS)
    assert len(tick.places) == 4


def test_a_node_speaks_of_its_own_cameras_alone() -> None:
    """What another node says of a camera is counted and left out."""
    site = site_with_car_park()
    engine = build_engine(site)
    said = reads(1, Pass(2, "car-in", "浙A12345"))
    nodes = [node.id for node in site.nodes]
    engine.status(AgentStatus(agent="all", nodes=nodes, state=AgentState.ONLINE, since_ms=START_MS))
    for seq, node in product(range(3), nodes):
        engine.feed(ObservationBatch(node=node, boot="0" * 16, seq=seq, watermark_ms=START_MS + seq * 10_000))
    batch = ObservationBatch(node=nodes[0], boot="0" * 16, seq=3, watermark_ms=START_MS + 20_000, plates=said)
    engine.feed(batch)
    assert engine.counters == {"foreign_camera": 2}
    engine.feed(replace(batch, node="gate"))
    entered = [event for tick in engine.flush() if tick.parking for event in tick.parking.events]
    assert [event.kind for event in entered] == [EventKind.CAR_ENTERED]
