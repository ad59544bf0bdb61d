"""Killed at any moment, a gateway comes back to the same stays, minutes and events of the car park."""

import random
from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from contracts.control import CarParkCount
from contracts.messages import AgentState, AgentStatus, ObservationBatch, encode
from gateway.engine import build_engine
from gateway.link import Delivery
from gateway.nodes import Nodes
from gateway.pipeline import Pipeline
from gateway.store.records import Input
from gateway.store.sqlite import SqliteStore
from tests.gateway.nowhere import Nowhere
from tests.gateway.parked import START_MS, Pass, all_reads, site_with_car_park
from tests.gateway.running import rows

SITE = site_with_car_park()
STEP_MS = 30_000
STEPS = 80
PASSAGES = [Pass(40 + 37 * i, "car-in", f"浙C{i:02d}A{i:02d}", 0.9) for i in range(30)]
PASSAGES += [Pass(700 + 41 * i, "car-out", f"浙C{i:02d}A{i:02d}", 0.8) for i in range(20)]
PASSAGES += [Pass(900 + 60 * i, "ramp", f"浙C{20 + i:02d}A{20 + i:02d}") for i in range(5)]
TABLES = {
    "stays": "*",
    "car_park_minutes": "*",
    "events": "cursor, id, kind, t_ms, zone, visit, dwell_s",
}


def inputs() -> list[Input | CarParkCount]:
    """Return what the cameras' node says in forty minutes, and a count in the middle."""
    reads = all_reads(PASSAGES)
    status = AgentStatus(agent="gate", nodes=["gate"], state=AgentState.ONLINE, since_ms=START_MS)
    found: list[Input | CarParkCount] = [Input(status, encode(status))]
    for number in range(1, STEPS + 1):
        end_ms = START_MS + number * STEP_MS
        plates = [read for read in reads if end_ms - STEP_MS <= read.t_ms < end_ms]
        batch = ObservationBatch(
            node="gate", boot="0" * 16, seq=number, watermark_ms=end_ms, plates=plates or UNSET
        )
        found.append(Input(batch, encode(batch)))
        if number == STEPS // 2:
            found.append(CarParkCount(t_ms=end_ms, cars=17, area="P1"))
    return found


def run(store: Path, items: Sequence[Input | CarParkCount], cuts: Sequence[int]) -> None:
    """Put everything through pipelines that end without a word at the cuts; commits come now and then."""
    draw = random.Random(3)
    kept = pipeline = None
    delivery = Delivery("", b"", 0, 1, 0)
    for number, item in enumerate(items):
        if pipeline is None or number in cuts:
            if kept is not None:
                kept.close()
            kept = SqliteStore(store)
            pipeline = Pipeline(
                site=SITE, engine=build_engine(SITE), store=kept, outlet=Nowhere(), nodes=Nodes(SITE),
                show=lambda *_: None,
            )  # fmt: skip
            pipeline.resume()
        if isinstance(item, CarParkCount):
            pipeline.count_cars([item])
        else:
            pipeline.take([(delivery, item)])
        if draw.random() < 0.2:
            pipeline.commit()
    assert pipeline is not None
    assert kept is not None
    pipeline.commit()
    kept.close()


def test_killed_between_any_two_messages(tmp_path: Path) -> None:
    """Six ends without a checkpoint later, everything stored equals that of a run without any."""
    items = inputs()
    run(tmp_path / "whole.db", items, [])
    run(tmp_path / "cut.db", items, random.Random(5).sample(range(5, len(items)), 6))
    for table, columns in TABLES.items():
        expected = rows(tmp_path / "whole.db", table, columns)
        assert len(expected) >= 30, table
        assert rows(tmp_path / "cut.db", table, columns) == expected, table
