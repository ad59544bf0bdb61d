"""Ticks made by hand: tests of what happens after the engine need none."""

from collections.abc import Sequence

import numpy as np

from contracts.events import TYPE_PREFIX, TYPE_VERSION, EventKind, VisitData, VisitEvent, stable_id
from contracts.site import Site
from gateway.engine import Cells, Occupancy, Tick, Tracks
from gateway.store.records import CellGrid

GRID = CellGrid(cell_m=2.0, x0_m=-2.0, y0_m=-2.0, nx=32, ny=22)


def pseudonym(number: int) -> str:
    """A device."""
    return f"{number:016x}"


def tick(
    site: Site,
    t_ms: int,
    people: Sequence[tuple[int, int, float, float]],
    *,
    events: Sequence[VisitEvent] = (),
    zone_people: dict[str, float] | None = None,
) -> Tick:
    """Return a tick with these people: number, floor, x, y; each certain to be where it is."""
    floor = np.array([p[1] for p in people], dtype=np.int64)
    xy = np.array([p[2:] for p in people], dtype=np.float64).reshape(-1, 2)
    cells = ((xy - (GRID.x0_m, GRID.y0_m)) // GRID.cell_m).astype(np.int64)
    expected = np.array([(zone_people or {}).get(zone.id, 0.0) for _, zone in site.zones()])
    return Tick(
        t_ms=t_ms,
        tracks=Tracks(
            [pseudonym(p[0]) for p in people], floor, xy, np.tile(np.eye(2), (len(people), 1, 1)),
            np.ones(len(people), dtype=bool), np.ones(len(people)), np.zeros(len(people), dtype=bool),
        ),
        occupancy=Occupancy(expected, expected * 0.5),
        cells=Cells(floor, cells[:, 1] * GRID.nx + cells[:, 0], np.ones(len(people))),
        events=list(events),
        present=float(len(people)),
        present_variance=0.0,
    )  # fmt: skip


def visit_event(
    kind: EventKind, number: int, zone: str, started_ms: int, seen_ms: int, floor: str = "F1"
) -> VisitEvent:
    """Return the event of a visit of device `number`, which ends at `seen_ms` where it ends."""
    visit = stable_id(number, zone, started_ms)
    return VisitEvent(
        id=stable_id(kind, visit, seen_ms),
        source="/test",
        type=f"{TYPE_PREFIX}{kind}{TYPE_VERSION}",
        subject=zone,
        time="2025-10-09T09:00:00.000Z",
        data=VisitData(
            visit=visit, device=pseudonym(number), zone=zone, floor=floor, started_ms=started_ms,
            seen_ms=seen_ms, ended_ms=seen_ms if kind is EventKind.VISIT_ENDED else None,
            dwell_s=(seen_ms - started_ms) / 1000, confidence=0.9,
        ),
    )  # fmt: skip
