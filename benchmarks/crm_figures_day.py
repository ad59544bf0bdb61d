"""A simulated day as figures are asked for it: the gateway's store, and the truth beside it.

Frames go through pseudonyms, engine and recorder in this process, as they do over MQTT, into a SQLite store;
tills sell to some of the people who really visited their shop. A day is kept in a folder: the next run
with the same arguments finds it there.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.site import Crm, Site, ZoneKind
from edge_agent.pseudonym import KEY_BYTES, Pseudonyms
from edge_agent.rotation import SaltRotation
from gateway.engine import build_engine
from gateway.pipeline import cell_grid
from gateway.recorder import Recorder
from gateway.store.records import MINUTE_MS, Checkpoint, Outputs
from gateway.store.sqlite import SqliteStore
from mallsense import in_process
from mallsense.simulated import simulated_calibration
from simulators import mall
from simulators.passers_by import FIRST_ID
from simulators.phones import Habits
from simulators.source import SimulatedSource
from simulators.truth import TrueVisit, Truth

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

START = "2026-03-14T12:00"
"""A Saturday at noon, one of the fullest hours."""
HABITS = Habits(off=0.15, second=0.1)
"""Some phones are off, and some people have two: as in `benchmarks.people_in_mall`."""
COMMIT_MS = 5 * MINUTE_MS
BUY_FROM_S = 90
"""Nobody buys in less."""
BUYS = {ZoneKind.SHOP: 0.35}
"""Share of visits with a receipt: between fashion and groceries."""
AMOUNT = (8_000, 0.9)
"""Median of an amount, in the currency's smallest unit, and standard deviation of its logarithm."""


@dataclass(frozen=True)
class Sale:
    """A receipt of the truth."""

    zone: str
    t_ms: int
    amount: int


@dataclass(frozen=True)
class TrueDay:
    """What really happened from `from_ms` to `to_ms`."""

    from_ms: int
    to_ms: int
    stays: list[tuple[int, float, float]]
    """Person, and when they came and left, in epoch seconds."""
    visits: list[TrueVisit]
    zones: list[str]
    hours: list[float]
    """Person-hours in each of them."""
    passers_by: int
    sales: list[Sale]


def simulated(
    folder: Path, *, shoppers: int, passers_by: int, hours: float, seed: int
) -> tuple[Path, TrueDay]:
    """Give the store and the truth of a day, made now where they are not there yet."""
    name = f"{shoppers}-{passers_by}-{hours:g}-{seed}"
    store, truth = folder / f"{name}.db", folder / f"{name}.json"
    if not truth.exists():
        folder.mkdir(parents=True, exist_ok=True)
        store.unlink(missing_ok=True)
        found = _play(store, shoppers, passers_by, hours, seed)
        truth.write_bytes(msgspec.json.encode(found))
    return store, msgspec.json.decode(truth.read_bytes(), type=TrueDay)


def site() -> Site:
    """The simulated mall, with a CRM."""
    return mall.site().model_copy(update={"crm": Crm()})


def _play(path: Path, shoppers: int, passers_by: int, hours: float, seed: int) -> TrueDay:
    here = site()
    start = datetime.fromisoformat(START).replace(tzinfo=ZoneInfo(here.mall.timezone))
    start_ms = round(start.timestamp()) * 1000
    end_ms = start_ms + round(hours * 3_600_000)
    truth = Truth(here, positions_every_s=0)
    source = SimulatedSource(
        shoppers=shoppers, passers_by=passers_by, start_ms=start_ms, duration_s=round(hours * 3600),
        seed=seed, site=here, habits=HABITS, truth=truth,
    )  # fmt: skip
    engine = build_engine(here, simulated_calibration(here, seed=1).to_dict())
    recorder = Recorder(here, cell_grid(engine))
    store = SqliteStore(path)
    pseudonyms = Pseudonyms(bytes(KEY_BYTES), SaltRotation.of(here))
    kept_ms = last_ms = start_ms
    for tick in in_process.play(source, pseudonyms, engine):
        recorder.add(tick)
        last_ms = tick.t_ms
        if last_ms - kept_ms >= COMMIT_MS:
            _commit(store, recorder, last_ms)
            kept_ms = last_ms
    _commit(store, recorder, last_ms)
    store.close()
    visits = [visit for visit in truth.visits if start_ms <= visit.enter_s * 1000 < end_ms]
    person_hours: list[float] = (truth.headcount.sum(axis=0) / 60.0).tolist()
    people = truth.census._stays  # noqa: SLF001  # every stay, not only who was there in a period
    stays = [
        (int(person), float(enter_s), float(leave_s))
        for persons, enters, leaves in people
        for person, enter_s, leave_s in zip(persons, enters, leaves, strict=True)
        if enter_s * 1000 < end_ms
    ]
    passed = int(source.passers_by.id.max(initial=FIRST_ID - 1)) - FIRST_ID + 1
    return TrueDay(
        start_ms, end_ms, stays, visits, truth.zone_ids, person_hours, passed,
        _sales(here, visits, truth.zone_ids, seed),
    )  # fmt: skip


def _commit(store: SqliteStore, recorder: Recorder, t_ms: int) -> None:
    outputs = recorder.outputs
    outputs.positions.clear()
    outputs.cell_minutes.clear()
    store.commit(outputs, Checkpoint(0, t_ms, recorder.next_cursor, "", b"", b""))
    recorder.outputs = Outputs()


def _sales(here: Site, visits: list[TrueVisit], zones: list[str], seed: int) -> list[Sale]:
    """Draw receipts for visits, each at the end of one."""
    rng = np.random.default_rng([seed, 8])
    kind = {zone.id: zone.kind for _, zone in here.zones()}
    sales = []
    for visit in visits:
        zone = zones[visit.zone]
        draw, size = rng.random(), rng.lognormal(np.log(AMOUNT[0]), AMOUNT[1])
        if visit.leave_s - visit.enter_s >= BUY_FROM_S and draw < BUYS.get(kind[zone], 0.0):
            sales.append(Sale(zone, visit.leave_s * 1000 - 1, round(size)))
    return sales


def main() -> None:
    """Make days ahead."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shoppers", type=int, default=150)
    parser.add_argument("--passers-by", type=int, default=15)
    parser.add_argument("--hours", type=float, default=1.5)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    args = parser.parse_args()
    for seed in args.seeds:
        path, truth = simulated(
            args.folder, shoppers=args.shoppers, passers_by=args.passers_by, hours=args.hours, seed=seed
        )
        print(
            path,
            len(truth.stays),
            "people",
            len(truth.visits),
            "visits",
            len(truth.sales),
            "sales",
            flush=True,
        )


if __name__ == "__main__":
    main()
