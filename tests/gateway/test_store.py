"""What every store has to do; one suite for all of them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from contracts.messages import ObservationBatch, encode
from contracts.site import Retention
from gateway.store import Store
from gateway.store.records import (
    WHOLE_CAR_PARK,
    WHOLE_MALL,
    CarParkMinute,
    CrmItem,
    Input,
    NodeRecord,
    Outputs,
    ZoneMinute,
)
from tests.gateway.crowd import small_site, status
from tests.gateway.running import rows
from tests.gateway.stored import (
    DAY,
    GRID,
    HOUR,
    MINUTE,
    NOON,
    batch,
    cells,
    checkpoint,
    event,
    path,
    places,
    stay,
    visit,
)
from tests.gateway.stores import NAMES, make_store, server_of


@pytest.fixture(params=NAMES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Make a new, empty store."""
    made = make_store(request.param, tmp_path, server_of(request))
    yield made
    made.close()


def test_batch_is_kept_once(store: Store) -> None:
    """A batch delivered twice, at once or later, has one place in the journal."""
    first, second = store.append([batch(1), batch(1)])
    assert first is not None
    assert second is None
    later, again = store.append([batch(2), batch(1)])
    assert (later or 0) > first
    assert again is None


def test_journal_gives_back_what_it_was_given(store: Store) -> None:
    """Batches and statuses come back in their order, after the position asked for."""
    site = small_site()
    inputs = [batch(1), Input(status(site), encode(status(site))), batch(2), batch(1, "n2")]
    positions = store.append(inputs)
    assert [item for _, item in store.after(0)] == inputs
    assert [item for _, item in store.after(positions[1] or 0)] == inputs[2:]


def test_journal_pages_through_many(store: Store) -> None:
    """More messages than a page holds come back completely."""
    store.append([batch(i) for i in range(350)])
    assert [item.message.seq for _, item in store.after(0) if isinstance(item.message, ObservationBatch)] == [
        *range(350)
    ]


def test_checkpoint_is_the_last_one(store: Store) -> None:
    """Of several checkpoints the newest counts; a new store has none."""
    assert store.checkpoint() is None
    assert store.newest_ms() is None
    store.commit(Outputs(), checkpoint(1))
    store.commit(Outputs(), checkpoint(2, NOON + 1))
    assert store.checkpoint() == checkpoint(2, NOON + 1)
    assert store.newest_ms() == NOON + 1


def test_visit_keeps_its_newest_state(store: Store) -> None:
    """Written again, a visit is updated; an older state of it changes nothing."""
    early, late = visit(1, NOON, seen_ms=NOON + 10, ended=False), visit(1, NOON, seen_ms=NOON + 20)
    for state in (early, late, early):
        store.commit(Outputs(visits={state.visit: state}), None)
    assert store.visits(NOON, NOON + 1) == [late]
    assert store.visits(NOON + 1, NOON + HOUR) == []


def test_stay_keeps_its_newest_state(store: Store) -> None:
    """A car that moves on and leaves is updated; an older state changes nothing; ordered by start."""
    parked = stay(1, NOON, left=False)
    left = replace(stay(1, NOON, seen_ms=NOON + 2 * HOUR), area="P2")
    unseen = replace(stay(2, NOON - 1, seen_ms=NOON), entered_ms=None, left_ms=None)
    for state in (parked, unseen, left, parked):
        store.commit(Outputs(stays={state.stay: state}), None)
    assert store.stays(NOON - 1, NOON + 1) == [unseen, left]
    assert store.stays(NOON, NOON + 1) == [left]


def test_car_park_minutes_are_ordered(store: Store) -> None:
    """Minutes of the period come by minute and area."""
    minutes = [
        CarParkMinute(NOON + i * MINUTE, area, float(i), 2.0 * i, 0.5, i, 1, 0.25)
        for i in range(3)
        for area in (WHOLE_CAR_PARK, "P1", "P2")
    ]
    store.commit(Outputs(car_park_minutes=minutes[::-1]), None)
    found = store.car_park_minutes(NOON, NOON + 2 * MINUTE)
    assert found == sorted(minutes[:6], key=lambda row: (row.minute_ms, row.area))


def test_everything_written_twice_is_there_once(store: Store) -> None:
    """Every kind of record has an identity, so writing it again changes nothing."""
    outputs = Outputs(
        visits={"v1": visit(1, NOON)},
        paths=[path(1, NOON)],
        events=[event(1), event(2)],
        positions=[places(NOON, "a" * 16)],
        zone_minutes=[ZoneMinute(NOON, "S10", 3.0, 4.0, 1.0, 2, 1)],
        cell_minutes=[cells(NOON)],
        nodes={"n1": NodeRecord("n1", NOON, b"{}")},
        stays={"s1": stay(1, NOON)},
        car_park_minutes=[CarParkMinute(NOON, WHOLE_CAR_PARK, 3.0, 4.0, 1.0, 2, 1, 0.5)],
    )
    store.commit(outputs, None)
    store.commit(outputs, None)
    assert store.stays(NOON, NOON + 1) == [stay(1, NOON)]
    assert store.car_park_minutes(NOON, NOON + MINUTE) == outputs.car_park_minutes
    assert len(store.visits(NOON, NOON + 1)) == len(store.paths(NOON, NOON + 1)) == 1
    assert [e.cursor for e in store.events(0, 10)] == [1, 2]
    assert store.zone_minutes(NOON, NOON + MINUTE, MINUTE) == outputs.zone_minutes
    found = store.heat("F1", NOON, NOON + MINUTE)
    assert found is not None
    assert found[1].sum() == 60.0
    snapshot = store.positions("F1", NOON + 5, 10)
    assert snapshot is not None
    assert snapshot.device == ["a" * 16]
    assert snapshot.xy_m.tolist() == [[pytest.approx(0.0), pytest.approx(2.5)]]


def test_positions_are_the_last_before_a_moment(store: Store) -> None:
    """The snapshot at or before a moment is found, unless it is too old or of another floor."""
    here = [places(NOON + t, f"{t:016x}") for t in (0, 10_000)]
    store.commit(Outputs(positions=here), None)
    for t_ms, device in ((9_999, 0), (10_000, 10_000), (40_000, 10_000)):
        found = store.positions("F1", NOON + t_ms, 30_000)
        assert found is not None
        assert found.device == [f"{device:016x}"]
    assert store.positions("F1", NOON + 40_001, 30_000) is None
    assert store.positions("F2", NOON, 30_000) is None


def test_events_are_paged_by_cursor(store: Store) -> None:
    """A page starts after its cursor; without a cursor it is the newest one; payloads stay in the store."""
    store.commit(Outputs(events=[event(i, NOON + i) for i in range(1, 8)]), None)
    assert [e.cursor for e in store.events(0, 3)] == [1, 2, 3]
    assert [e.cursor for e in store.events(3, 100)] == [4, 5, 6, 7]
    assert [e.cursor for e in store.events(None, 2)] == [6, 7]
    assert [e.cursor for e in store.events_between(NOON + 2, NOON + 5, 2)] == [3, 4]
    assert {e.payload for e in store.events(0, 9)} == {b""}


def test_events_are_unpublished_until_the_broker_has_them(store: Store) -> None:
    """What is not marked as published comes back with its payload, also when it is marked later."""
    store.commit(Outputs(events=[event(1), event(2), event(3)], published=["e1"]), None)
    assert [(e.id, e.payload) for e in store.unpublished()] == [("e2", b"{}"), ("e3", b"{}")]
    store.commit(Outputs(published=["e3"]), None)
    assert [e.id for e in store.unpublished()] == ["e2"]


def test_zone_minutes_add_up_to_steps(store: Store) -> None:
    """Means are over all minutes of a step, empty ones included; maxima and counts as one expects."""
    minutes = [
        ZoneMinute(NOON, "S10", 10.0, 12.0, 1.0, 3, 0),
        ZoneMinute(NOON + MINUTE, "S10", 20.0, 21.0, 3.0, 1, 2),
        ZoneMinute(NOON, WHOLE_MALL, 50.0, 60.0, 0.0, 9, 0),
    ]
    store.commit(Outputs(zone_minutes=minutes), None)
    step = 4 * MINUTE
    assert store.zone_minutes(NOON, NOON + step, step, ["S10"]) == [
        ZoneMinute(NOON, "S10", 7.5, 21.0, 1.0, 4, 2)
    ]
    assert {row.zone for row in store.zone_minutes(NOON, NOON + step, step)} == {"S10", WHOLE_MALL}


def test_heat_is_the_same_with_and_without_hours(store: Store) -> None:
    """Over any period, hours and minutes together give the sum of the minutes in it."""
    rng = np.random.default_rng(1)
    values = rng.integers(1, 60, 200).astype(np.float32)
    minutes = [cells(NOON + i * MINUTE, i % 100, values[i]) for i in range(200)]
    for start in range(0, 200, 7):
        store.commit(Outputs(cell_minutes=minutes[start : start + 7]), None)
    for first, last in ((0, 200), (0, 60), (1, 60), (30, 150), (59, 121), (119, 181), (5, 6)):
        found = store.heat("F1", NOON + first * MINUTE, NOON + last * MINUTE)
        assert found is not None
        assert found[1].sum() == pytest.approx(values[first:last].sum())
    assert store.heat("F2", NOON, NOON + HOUR) is None


def test_heat_is_of_the_newest_floor_plan(store: Store) -> None:
    """When cells are cut anew, those of the plan before are left out, wherever in the period they are."""
    finer = replace(GRID, cell_m=1.0)
    old = [cells(NOON + i * MINUTE) for i in range(50, 120)]
    new = [cells(NOON + i * MINUTE, grid=finer) for i in range(120, 250)]
    store.commit(Outputs(cell_minutes=old), None)
    store.commit(Outputs(cell_minutes=new), None)
    for first, last, expected in ((50, 250, 130), (50, 240, 120), (50, 130, 10), (0, 120, 70), (55, 58, 3)):
        found = store.heat("F1", NOON + first * MINUTE, NOON + last * MINUTE)
        assert found is not None
        assert found[1].sum() == expected * 60
        assert found[0] == (finer if last > 120 else GRID)


def test_retention_of_what_is_in_the_file(store: Store) -> None:
    """Messages and events leave when their time is over, by event time, and not before."""
    retention = Retention(observations_h=1, positions_d=1)
    for number, back in ((5, HOUR // 2), (15, DAY + HOUR // 2)):
        store.append([batch(number, t_ms=NOON - back)])
        store.commit(Outputs(events=[event(number, NOON - back)]), None)
    newest = max(position for position, _ in store.after(0))
    store.commit(Outputs(), checkpoint(newest))
    assert store.expire(NOON, retention) == 2
    assert [e.cursor for e in store.events(0, 9)] == [5]
    assert [item for _, item in store.after(0)] == [batch(5, t_ms=NOON - HOUR // 2)]
    assert store.expire(NOON, retention) == 0


def test_retention_keeps_what_a_restart_needs(store: Store) -> None:
    """However old, a message that the checkpoint has not seen stays in the journal."""
    first, _ = store.append([batch(1, t_ms=NOON - 100 * HOUR), batch(2, t_ms=NOON - 99 * HOUR)])
    store.commit(Outputs(), checkpoint(first or 0))
    store.expire(NOON, Retention(observations_h=1))
    assert [item.message.seq for _, item in store.after(0) if isinstance(item.message, ObservationBatch)] == [
        2
    ]


def test_positions_of_the_journal_are_never_used_again(store: Store) -> None:
    """After the whole journal has left, new messages come after the old checkpoint all the same."""
    (position,) = store.append([batch(1, t_ms=NOON - 100 * HOUR)])
    store.commit(Outputs(), checkpoint(position or 0))
    store.expire(NOON, Retention(observations_h=1))
    (after,) = store.append([batch(2)])
    assert (after or 0) > (position or 0)


def test_open_visits_can_be_abandoned(store: Store) -> None:
    """When the engine's state is lost, open visits end where their devices were last seen."""
    still = visit(1, NOON, ended=False)
    store.commit(Outputs(visits={"v1": still, "v2": visit(2, NOON)}), None)
    assert store.abandon_open_visits() == 1
    assert store.visits(NOON, NOON + 1)[0] == replace(still, ended_ms=still.seen_ms)


def test_node_keeps_its_health(store: Store) -> None:
    """A record without health leaves the one that is there."""
    store.commit(Outputs(nodes={"n1": NodeRecord("n1", NOON, b"{1}")}), None)
    store.commit(Outputs(nodes={"n1": NodeRecord("n1", NOON + 1)}), None)
    assert store.nodes() == {"n1": NodeRecord("n1", NOON + 1, b"{1}")}


def test_secret_stays(store: Store) -> None:
    """The secret is 32 bytes and the same every time."""
    assert len(store.secret()) == 32
    assert store.secret() == store.secret()


def test_what_the_crm_is_given_comes_with_the_checkpoint(store: Store, tmp_path: Path) -> None:
    """Items for the CRM are in its inbox in their order, once for each commit that has them."""
    items = [CrmItem(CrmItem.EVENT, b"1"), CrmItem(CrmItem.SIGHTING, b"2"), CrmItem(CrmItem.EVENT, b"3")]
    store.commit(Outputs(crm=items[:2]), checkpoint(1))
    store.commit(Outputs(), checkpoint(2))
    store.commit(Outputs(crm=items[2:]), checkpoint(3))
    assert rows(tmp_path / "store", "crm_inbox", "item, kind, payload") == [
        (number + 1, item.kind, item.payload) for number, item in enumerate(items)
    ]
