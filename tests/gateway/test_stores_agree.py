"""After the same commits, in any grouping and made once or twice, every store gives the same answers."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.store import Store
from gateway.store.records import (
    WHOLE_CAR_PARK,
    WHOLE_MALL,
    CarParkMinute,
    CellMinute,
    Outputs,
    Path,
    Positions,
    Stay,
    Visit,
    ZoneMinute,
)
from tests.gateway.stored import DAY, GRID, HOUR, MINUTE, NOON, stay, visit
from tests.gateway.stores import NAMES, make_store, server_of

SPAN_MIN = 130
VISIT_MS, STAY_MS, PATH_MS, SNAPSHOT_MS = 61_007, 59_003, 53_001, 47_000
"""How far the starts of records are apart."""
ZONES = ("S1", "S2", WHOLE_MALL)
FLOORS = ("F1", "F2")
Record = Visit | Stay | Path | Positions | ZoneMinute | CellMinute | CarParkMinute

# What a record says follows from its identity, as in a gateway that computes it again. Numbers
# are multiples of an eighth, so sums are exact in whatever order they are added up.


def visits(number: int, state: int) -> Visit:
    """The visit `number` in a later and later state; the last one is its end."""
    first = visit(number, NOON + number * VISIT_MS, zone=ZONES[number % 2])
    seen_ms = first.started_ms + state * 1000
    return replace(first, seen_ms=seen_ms, ended_ms=seen_ms if state == 3 else None, dwell_s=float(state))


def stays(number: int, state: int) -> Stay:
    """The stay `number` in a later and later state; of some, the entry was not seen."""
    first = stay(number, NOON + number * STAY_MS)
    seen_ms = first.started_ms + state * 1000
    entered_ms = first.started_ms if number % 3 else None
    left_ms = seen_ms if state == 3 else None
    return replace(first, area=f"P{state}", seen_ms=seen_ms, entered_ms=entered_ms, left_ms=left_ms)


def walks(number: int, _: str) -> Path:
    """The path `number`."""
    started_ms = NOON + number * PATH_MS
    steps = f'[{{"zone":"S{number}"}}]'.encode()
    return Path(f"p{number}", f"{number % 7:016x}", started_ms, started_ms + HOUR, steps)


def snapshot(number: int, floor: str) -> Positions:
    """Where the devices of a floor were at the moment `number`."""
    count = 1 + number % 5
    xy = np.arange(2 * count).reshape(count, 2) / 2 + number % 3
    return Positions(
        NOON + number * SNAPSHOT_MS,
        floor,
        [f"{i:016x}" for i in range(count)],
        xy,
        np.tile(np.eye(2), (count, 1, 1)),
    )


def zone_minute(minute: int, zone: str) -> ZoneMinute:
    """A zone's minute."""
    return ZoneMinute(NOON + minute * MINUTE, zone, minute / 8, minute / 4, 0.125, minute % 4, minute % 3)


def car_park_minute(minute: int, area: str) -> CarParkMinute:
    """A minute of the car park."""
    return CarParkMinute(
        NOON + minute * MINUTE, area, minute / 8, minute / 4, 0.125, minute % 4, minute % 3, 0.5
    )


def cell_minute(minute: int, floor: str) -> CellMinute:
    """Cells of a floor."""
    index = np.unique(np.array([minute, minute * 7, 5]) % GRID.size).astype(np.int32)
    return CellMinute(NOON + minute * MINUTE, floor, GRID, index, (index / 8 + 1).astype(np.float32))


def run(make: Callable[..., Record], *more: str | int) -> st.SearchStrategy[list[Record]]:
    """Some records of one kind in a row: as many as a gateway writes in a commit, or an hour of them."""
    return st.builds(
        lambda first, count, what: [make(number, what) for number in range(first, first + count)],
        st.integers(0, SPAN_MIN),
        st.sampled_from((1, 2, 9, 70)),
        st.sampled_from(more),
    )


records = st.one_of(
    run(visits, 0, 1, 2, 3),
    run(stays, 0, 1, 2, 3),
    run(walks, ""),
    run(snapshot, *FLOORS),
    run(zone_minute, *ZONES),
    run(car_park_minute, "P1", WHOLE_CAR_PARK),
    run(cell_minute, *FLOORS),
)
commits = st.lists(st.tuples(st.lists(records, max_size=6), st.booleans()), min_size=1, max_size=6)


@dataclass
class Question:
    """A period and what else is asked about it."""

    from_ms: int
    length_ms: int
    step_min: int
    zones: list[str] | None
    zone: str | None
    floor: str


starts = st.one_of(
    st.integers(-1000, SPAN_MIN * MINUTE + 1000),
    st.builds(
        lambda number, period_ms, off: number * period_ms + off,
        st.integers(0, SPAN_MIN),
        st.sampled_from((MINUTE, HOUR, SNAPSHOT_MS, VISIT_MS, STAY_MS, PATH_MS)),
        st.integers(-1, 1),
    ),
)
lengths = st.sampled_from((0, 1, 10_000, 7 * MINUTE, 62 * MINUTE, HOUR, 2 * HOUR, 5 * HOUR))
questions = st.builds(
    Question,
    starts,
    lengths,
    st.sampled_from((1, 5, 60)),
    st.none() | st.lists(st.sampled_from(ZONES), unique=True),
    st.none() | st.sampled_from(ZONES),
    st.sampled_from(FLOORS),
)


def moved(record: Record, by_ms: int) -> Record:
    """The same on another day, with ids of its own."""
    day = f"{by_ms // DAY}-"
    match record:
        case Visit():
            ended_ms = None if record.ended_ms is None else record.ended_ms + by_ms
            return replace(
                record, visit=day + record.visit, started_ms=record.started_ms + by_ms,
                seen_ms=record.seen_ms + by_ms, ended_ms=ended_ms,
            )  # fmt: skip
        case Stay():
            entered_ms = None if record.entered_ms is None else record.entered_ms + by_ms
            left_ms = None if record.left_ms is None else record.left_ms + by_ms
            return replace(
                record, stay=day + record.stay, started_ms=record.started_ms + by_ms,
                seen_ms=record.seen_ms + by_ms, entered_ms=entered_ms, left_ms=left_ms,
            )  # fmt: skip
        case Path():
            return replace(
                record, path=day + record.path, started_ms=record.started_ms + by_ms,
                ended_ms=record.ended_ms + by_ms,
            )  # fmt: skip
        case Positions():
            return replace(record, t_ms=record.t_ms + by_ms)
    return replace(record, minute_ms=record.minute_ms + by_ms)


def put_together(found: list[Record]) -> Outputs:
    """Records of one commit; of several states of a visit the newest, as the recorder keeps them."""
    outputs = Outputs()
    for record in found:
        match record:
            case Visit():
                known = outputs.visits.get(record.visit, record)
                outputs.visits[record.visit] = max(known, record, key=lambda one: one.seen_ms)
            case Stay():
                parked = outputs.stays.get(record.stay, record)
                outputs.stays[record.stay] = max(parked, record, key=lambda one: one.seen_ms)
            case Path():
                outputs.paths.append(record)
            case Positions():
                outputs.positions.append(record)
            case ZoneMinute():
                outputs.zone_minutes.append(record)
            case CellMinute():
                outputs.cell_minutes.append(record)
            case CarParkMinute():
                outputs.car_park_minutes.append(record)
    return outputs


def answers(store: Store, question: Question, by_ms: int) -> dict[str, object]:
    """Everything a store says to a question, with positions and heat as plain numbers."""
    start = NOON + question.from_ms + by_ms
    end = start + question.length_ms
    begin, over = start // MINUTE * MINUTE, end // MINUTE * MINUTE
    heat = store.heat(question.floor, begin, over)
    places = store.positions(question.floor, end, 5 * MINUTE)
    return {
        "visits": store.visits(start, end, question.zone),
        "paths": store.paths(start, end),
        "stays": store.stays(start, end),
        "car park": store.car_park_minutes(start, end),
        "zones": store.zone_minutes(begin, over, question.step_min * MINUTE, question.zones),
        "heat": None if heat is None else (heat[0], heat[1].tolist()),
        "positions": None if places is None else (
            places.t_ms, places.device, places.xy_m.round(3).tolist(), places.cov_m2.round(3).tolist()
        ),
    }  # fmt: skip


@dataclass
class World:
    """All stores, and the day that the next example has for itself."""

    stores: list[Store]
    days: int = field(default=0)

    def next_day(self) -> int:
        """Move on to where nothing is yet; a reproduced example finds an empty day, too."""
        self.days += 2
        return self.days * DAY


@pytest.fixture(scope="module")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Make one store of each kind."""
    stores = [make_store(name, tmp_path_factory.mktemp("agree"), server_of(request)) for name in NAMES]
    yield World(stores)
    for store in stores:
        store.close()


@given(written=commits, asked=st.lists(questions, min_size=1, max_size=4))
@settings(max_examples=40)
def test_stores_agree(
    world: World, written: list[tuple[list[list[Record]], bool]], asked: list[Question]
) -> None:
    """Whatever is written, in whatever order and however often, is the same to whoever asks."""
    by_ms = world.next_day()
    for runs, twice in written:
        found = [moved(record, by_ms) for one in runs for record in one]
        for _ in range(1 + twice):
            for store in world.stores:
                store.commit(put_together(found), None)
    for question in asked:
        first, *others = (answers(store, question, by_ms) for store in world.stores)
        for other in others:
            assert other == first
