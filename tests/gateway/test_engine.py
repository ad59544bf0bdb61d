"""The engine end to end on a small mall: what comes out, and that only what was observed matters."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import EventKind, PathEvent, VisitEvent, ZoneEvent
from contracts.messages import AgentState, ObservationBatch, decode, encode
from gateway.engine import Engine, StateError, Tick, build_engine
from gateway.engine.join import Columns
from tests.gateway.small_mall import (
    NODE_XY,
    START_MS,
    Sighting,
    batch,
    batches,
    device,
    everybody,
    small_mall,
    standing,
)

QUICK = {"tracking": {"vanish_s": 60}}
WEST, EAST, HALL = (6.0, 16.0), (34.0, 16.0), (20.0, 3.0)


def engine(**sections: Mapping[str, object]) -> Engine:
    """Return an engine whose nodes are all online."""
    made = build_engine(small_mall(**sections))
    made.status(everybody())
    return made


def run(machine: Engine, fed: Iterable[ObservationBatch]) -> list[Tick]:
    """Feed batches one by one and return all ticks that come out meanwhile."""
    ticks = []
    for one in fed:
        machine.feed(one)
        ticks += list(machine.advance())
    return ticks


def fingerprint(ticks: Sequence[Tick]) -> list[bytes]:
    """Return every bit of the ticks."""
    return [
        msgspec.msgpack.encode(
            (
                tick.t_ms,
                tick.tracks.device,
                [
                    a.tobytes()
                    for a in (tick.tracks.floor, tick.tracks.xy_m, tick.tracks.cov_m2, tick.tracks.heard)
                ],
                [a.tobytes() for a in (tick.occupancy.expected, tick.occupancy.variance)],
                [a.tobytes() for a in (tick.cells.floor, tick.cells.index, tick.cells.weight)],
                tick.present,
                tick.present_variance,
                tick.events,
            )
        )
        for tick in ticks
    ]


def events_of(ticks: Iterable[Tick]) -> list[ZoneEvent]:
    """Return the events of all ticks."""
    return [event for tick in ticks for event in tick.events]


def a_day_out() -> list[Sighting]:
    """Return three devices: one visits both shops, one walks past, one comes later and stays."""
    return [
        *standing(1, WEST, np.arange(0.2, 70, 7.3)),
        *standing(1, HALL, np.arange(71, 85, 7.3)),
        *standing(1, EAST, np.arange(86, 230, 7.3)),
        *standing(2, HALL, np.arange(3.7, 60, 5)),
        *standing(3, EAST, np.arange(100.1, 220, 11)),
    ]


def test_a_device_is_found_where_it_stands() -> None:
    """A standing device is located within a few metres, in its zone, inside its error ellipse."""
    tick = run(engine(), batches(standing(1, WEST, range(60)), 60))[-1]
    assert tick.tracks.device == [device(1)]
    error = tick.tracks.xy_m[0] - WEST
    assert np.hypot(*error) < 5.0
    assert error @ np.linalg.inv(tick.tracks.cov_m2[0]) @ error < 13.8  # 99.9 % of a normal's truths
    assert tick.occupancy.expected[0] > 0.8
    assert tick.occupancy.variance[0] == pytest.approx(
        tick.occupancy.expected[0] * (1 - tick.occupancy.expected[0]), abs=0.02
    )


def test_ticks_come_every_second_and_cover_what_was_heard_before_them() -> None:
    """Tick T holds what was heard in the second before T, and is told when every node is past it."""
    machine = engine()
    fed = batches(standing(1, WEST, [0.0, 0.999, 1.0]), 5)
    ticks = run(machine, fed)
    assert [tick.t_ms - START_MS for tick in ticks] == [1000, 2000, 3000, 4000, 5000]
    assert [bool(tick.tracks.heard[0]) for tick in ticks] == [True, True, False, False, False]
    assert machine.done_ms == machine.mall_ms == START_MS + 5000


def test_visits_and_paths_tell_the_day() -> None:
    """Two visits of the visitor, none of the passer-by, and a path for each device, in this order."""
    ticks = run(engine(**QUICK), batches(a_day_out(), 320))
    told = events_of(ticks)
    visits = [event for event in told if isinstance(event, VisitEvent)]
    ended = [event.data for event in visits if event.kind is EventKind.VISIT_ENDED]
    ended.sort(key=lambda data: (data.device, data.started_ms))
    assert [(data.device, data.zone) for data in ended] == [
        (device(1), "west"),
        (device(1), "east"),
        (device(3), "east"),
    ]
    assert [round(data.dwell_s) for data in ended] == pytest.approx([76, 146, 110], abs=20)
    paths = {event.data.device: event.data for event in told if isinstance(event, PathEvent)}
    assert {name: [step.zone for step in path.steps] for name, path in paths.items()} == {
        device(1): ["west", "east"],
        device(2): [],
        device(3): ["east"],
    }
    assert paths[device(1)].started_ms == START_MS + 1000
    assert paths[device(1)].ended_ms == START_MS + 225_000
    assert [step.visit for step in paths[device(1)].steps] == [data.visit for data in ended[:2]]


def test_the_mall_empties() -> None:
    """After everybody has vanished nobody is counted, tracked or drawn, and a minute passes between ticks."""
    ticks = run(engine(**QUICK), batches(a_day_out(), 600))
    tail = [tick for tick in ticks if tick.t_ms > START_MS + 300_000]
    assert all(len(tick.tracks) == len(tick.cells.index) == tick.present == 0 for tick in tail)
    assert not any(tick.occupancy.expected.any() for tick in tail)
    assert {later.t_ms - earlier.t_ms for earlier, later in pairwise(tail)} == {60_000}


def test_every_id_is_said_once_and_every_event_travels() -> None:
    """Event ids do not repeat, and every event survives its way through JSON."""
    told = events_of(run(engine(**QUICK), batches(a_day_out(), 320)))
    assert len({event.id for event in told}) == len(told) > 5
    for event in told:
        assert decode(encode(event), type(event)) == event


@settings(max_examples=5, deadline=None)
@given(st.data())
def test_neither_batches_nor_order_within_the_lateness_matter(data: st.DataObject) -> None:
    """However observations are cut, delayed by less than the lateness and mixed, every bit is the same."""
    heard = a_day_out()
    expected = fingerprint(run(engine(**QUICK), batches(heard, 260)))
    step_s = data.draw(st.sampled_from([1, 2, 4]))
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    cut = batches(heard, 260, step_s=step_s)
    mixed = [
        msgspec.structs.replace(one, **{name: [getattr(one, name)[i] for i in order] for name in COLUMNS})
        for one in cut
        for order in [random.permutation(len(one)).tolist()]
    ]
    arrival = dict.fromkeys(NODE_XY, 0.0)
    keyed = []
    for one in mixed:  # a node's batches keep their order; nodes overtake each other by up to 3 s
        at = max(arrival[one.node], one.watermark_ms + random.uniform(0, 3000))
        arrival[one.node] = at
        keyed.append((at, one))
    fed = [one for _, one in sorted(keyed, key=lambda pair: pair[0])]
    assert fingerprint(run(engine(**QUICK), fed)) == expected


COLUMNS = ("t_ms", "device", "address_kind", "rssi_dbm", "channel", "frame_kind", "sequence", "elements")


@settings(max_examples=5, deadline=None)
@given(cut=st.integers(0, 6 * 260))
def test_a_checkpoint_at_any_moment_changes_nothing(cut: int) -> None:
    """Killed after any batch and restored from its state, the engine goes on bit for bit."""
    fed = batches(a_day_out(), 270)
    first, second = engine(**QUICK), build_engine(small_mall(**QUICK))
    ticks = run(first, fed[:cut])
    second.restore(first.state())
    assert second.state() == first.state()
    ticks += run(second, fed[cut:])
    assert fingerprint(ticks) == fingerprint(run(engine(**QUICK), fed))


def test_a_slow_node_is_waited_for_and_a_dead_one_is_not() -> None:
    """Three seconds behind, a node still counts; a node that says nothing costs the lateness only."""
    heard = standing(1, WEST, range(30))
    fed = batches(heard, 30)
    late = [one for one in fed if one.node == "n1"]
    others = [one for one in fed if one.node != "n1"]
    delayed = sorted(
        [*((one.watermark_ms, one) for one in others), *((one.watermark_ms + 3000, one) for one in late)],
        key=lambda pair: pair[0],
    )
    slow = engine()
    ticks = run(slow, [one for _, one in delayed])
    assert fingerprint(ticks) == fingerprint(run(engine(), fed)[: len(ticks)])
    assert not slow.counters
    dead = engine()
    assert run(dead, others)[-1].t_ms == START_MS + 25_000
    dead.status(everybody(AgentState.OFFLINE, ["n1"]))
    assert [tick.t_ms for tick in dead.advance()][-1] == START_MS + 30_000


def test_too_late_is_counted_and_not_used() -> None:
    """What comes after its tick was computed is counted, and changes nothing."""
    heard = standing(1, WEST, range(30))
    fed = batches(heard, 30)
    others = [one for one in fed if one.node != "n1"]
    late = [one for one in fed if one.node == "n1"]
    machine, without = engine(), engine()
    ticks = run(machine, [*others, *late[:20]])
    assert machine.counters == {"late": 20}
    assert fingerprint(ticks) == fingerprint(run(without, others))


def test_a_clock_a_day_ahead_is_refused_and_does_not_move_the_mall() -> None:
    """One node whose clock is wrong is left out and counted; the others go on as without it."""
    heard = standing(1, WEST, range(30))
    day_ms = 86_400_000
    fed = batches(heard, 30)
    wrong = [
        msgspec.structs.replace(
            one, watermark_ms=one.watermark_ms + day_ms, t_ms=[t_ms + day_ms for t_ms in one.t_ms]
        )
        if one.node == "n1"
        else one
        for one in fed
    ]
    machine = engine()
    ticks = run(machine, wrong)
    assert machine.mall_ms == START_MS + 30_000
    assert machine.counters == {"clock_ahead": 30}
    assert ticks[-1].tracks.device == [device(1)]


@pytest.mark.parametrize("error_ms", [-86_400_000, 86_400_000])
def test_a_wrong_clock_that_speaks_first_is_found_out(error_ms: int) -> None:
    """A node whose clock is a day off and who speaks before all others leaves no trace."""
    heard = standing(1, WEST, range(30))
    fed = batches(heard, 30)
    first = batch("n1", START_MS + error_ms + 1000, [Sighting("n1", START_MS + error_ms, device(9), -50)])
    machine = engine()
    ticks = run(machine, [first, *(one for one in fed if one.node != "n1")])
    assert ticks[0].t_ms == START_MS + 1000
    assert all(device(9) not in tick.tracks.device for tick in ticks)
    assert machine.counters == {"clock_ahead" if error_ms > 0 else "clock_behind": 1}


def test_unknown_nodes_and_bad_pseudonyms_are_counted_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What cannot be used is left out; the log says once what to do about it."""
    machine = engine()
    with caplog.at_level(logging.WARNING):
        for second in range(3):
            machine.feed(batch("elsewhere", START_MS, [Sighting("elsewhere", START_MS, device(1), -60)]))
            machine.feed(batch("n1", START_MS + second, [Sighting("n1", START_MS, "not hexadecimal!", -60)]))
            machine.feed(batch("n1", START_MS + second, [Sighting("n1", START_MS, "abc", -60)]))
    assert machine.counters == {"unknown_node": 3, "bad_device": 6}
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "observations of node elsewhere are left out",
        "observations of node n1 are left out",
    ]


def test_a_flood_of_addresses_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More devices than there is room for are counted and left out; those inside stay."""
    monkeypatch.setattr("gateway.engine.engine.MAX_DEVICES", 10)
    flood = [one for number in range(25) for one in standing(number, WEST, [0.5]) if one.node == "n1"]
    machine = engine()
    ticks = run(machine, batches([*standing(99, EAST, [1.5, 2.5]), *flood], 3))
    assert machine.counters["too_many_devices"] == 15 + 12
    assert len(ticks[-1].tracks) == 10


def test_waiting_observations_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that never sends a useful watermark cannot fill the memory."""
    monkeypatch.setattr("gateway.engine.join.MAX_PENDING", 100)
    machine = engine()
    for second in range(20):
        heard = [Sighting("n1", START_MS + second * 1000, device(i), -60) for i in range(10)]
        machine.feed(batch("n1", START_MS + second * 1000, heard))
    assert machine.counters == {"buffer_full": 100}


def test_an_hour_without_anybody_costs_nothing() -> None:
    """Between two visitors ticks come once a minute, and paths still end when they should."""
    heard = [*standing(1, WEST, range(60)), *standing(2, EAST, range(7200, 7205))]
    machine = engine(**QUICK)
    fed = [*batches(heard, 65)]
    for node in NODE_XY:
        part = [s for s in heard if s.node == node and s.t_ms >= START_MS + 7_200_000]
        fed.append(batch(node, START_MS + 7_210_000, part))
    ticks = run(machine, fed)
    assert len(ticks) < 60 + 60 + 120 + 20
    path = next(event for event in events_of(ticks) if isinstance(event, PathEvent))
    assert path.data.ended_ms == START_MS + 60_000
    assert path.time == "2025-06-15T15:08:40.000Z"  # a minute after it was last heard
    assert device(2) in ticks[-1].tracks.device


def test_an_address_of_one_burst_has_no_path() -> None:
    """Heard for less than a visit takes, and without a visit: nobody is told that it left."""
    machine = engine(**QUICK)
    ticks = run(machine, batches([*standing(1, WEST, range(5)), *standing(2, EAST, range(60))], 300))
    paths = [event.data.device for event in events_of(ticks) if isinstance(event, PathEvent)]
    assert paths == [device(2)]


def test_a_year_without_anybody_is_passed_over() -> None:
    """When all clocks jump by a year, nobody computes half a million empty minutes."""
    machine = engine(**QUICK)
    run(machine, batches(standing(1, WEST, range(5)), 300))
    year_ms = 365 * 86_400_000
    ticks = run(machine, [batch(node, START_MS + year_ms) for node in NODE_XY])
    assert len(ticks) <= 1


def test_flush_ends_everything() -> None:
    """At the end of a recording all observations are used and every visit and path ends, as last seen."""
    machine = engine()
    ticks = run(machine, batches(standing(1, WEST, range(0, 100, 5)), 98))
    rest = list(machine.flush())
    told = events_of([*ticks, *rest])
    assert [event.kind for event in told][-2:] == [EventKind.VISIT_ENDED, EventKind.PATH_ENDED]
    assert len(rest[-1].tracks) == 0
    assert events_of(machine.flush()) == []


def test_flush_uses_what_was_not_complete() -> None:
    """Observations that still wait for a slow node are computed by a flush."""
    machine = engine()
    others = [one for one in batches(standing(1, WEST, range(30)), 30) if one.node != "n6"]
    before = run(machine, others)
    ticks = list(machine.flush())
    assert before[-1].t_ms == START_MS + 25_000
    assert [tick.t_ms - START_MS for tick in ticks][:5] == [26_000, 27_000, 28_000, 29_000, 30_000]


def test_flush_of_nothing_is_nothing() -> None:
    """An engine that was never fed has nothing to say."""
    assert list(engine().flush()) == []


Damage = Callable[[bytes], bytes]


def _version_two(state: bytes) -> bytes:
    content = msgspec.msgpack.decode(state)
    content["version"] = 2
    return msgspec.msgpack.encode(content)


def _without_visits(state: bytes) -> bytes:
    content = msgspec.msgpack.decode(state)
    del content["parts"]["visits"]
    return msgspec.msgpack.encode(content)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_version_two, "mallsense-engine version 2; expected mallsense-engine version 1"),
        (lambda state: state[: len(state) // 2], "damaged"),
        (lambda _: b"", "damaged"),
        (lambda _: msgspec.msgpack.encode({"format": "other"}), "other version 0"),
        (_without_visits, "does not fit: 'visits'"),
    ],
)
def test_a_checkpoint_that_cannot_be_used_is_refused(damage: Damage, said: str) -> None:
    """Another version or a damaged file is refused with a clear message, and the engine works on."""
    fed = batches(a_day_out(), 60)
    first, second = engine(), engine()
    run(first, fed)
    with pytest.raises(StateError, match=said):
        second.restore(damage(first.state()))
    assert fingerprint(run(second, fed)) == fingerprint(run(engine(), fed))


def test_a_checkpoint_of_another_site_is_refused() -> None:
    """After the site file has changed its zones or nodes, indices mean something else."""
    first = engine()
    with pytest.raises(StateError, match="another site file"):
        engine(tracking={"tick_s": 2.0}).restore(first.state())


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([*NODE_XY, "nobody"]),
            st.integers(0, 4_102_444_800_000) | st.integers(START_MS - 10_000, START_MS + 100_000),
            st.lists(
                st.tuples(
                    st.integers(0, 4_102_444_800_000) | st.integers(START_MS - 10_000, START_MS + 100_000),
                    st.integers(0, 5),
                    st.integers(-127, 20),
                ),
                max_size=5,
            ),
        ),
        max_size=30,
    )
)
def test_no_batch_stops_the_engine(garbage: list[tuple[str, int, list[tuple[int, int, int]]]]) -> None:
    """Whatever valid messages say (clocks from 1970 to 2100), ticks are ordered and numbers finite."""
    machine = engine(**QUICK)
    fed = [
        batch(node, watermark_ms, [Sighting(node, t_ms, device(who), rssi) for t_ms, who, rssi in heard])
        for node, watermark_ms, heard in garbage
    ]
    ticks = [*run(machine, fed), *machine.flush()]
    assert all(earlier.t_ms < later.t_ms for earlier, later in pairwise(ticks))
    for tick in ticks:
        assert np.isfinite(tick.tracks.xy_m).all()
        assert np.isfinite(tick.cells.weight).all()
        assert 0 <= tick.occupancy.expected.sum() <= tick.present + 1e-6


def test_columns_join() -> None:
    """Columns put together keep their rows."""
    one = Columns(
        np.array([1]),
        np.array([2], dtype=np.uint64),
        np.array([3], dtype=np.int32),
        np.array([4], dtype=np.int16),
        np.array([5], dtype=np.int16),
        np.array([6], dtype=np.uint64),
        np.array([True]),
        np.array([0], dtype=np.uint64),
    )
    assert len(Columns.join([one, one])) == 2
