"""What the SQLite store executes to keep records: written again, each record stays one row."""

from collections.abc import Iterable
from typing import Any

from gateway.store import columns
from gateway.store.records import CellMinute, Outputs

CELLS = "INSERT OR REPLACE INTO {} VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

_VISIT = """
    INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (visit) DO UPDATE SET seen_ms = excluded.seen_ms, ended_ms = excluded.ended_ms,
        dwell_s = excluded.dwell_s, confidence = excluded.confidence
    WHERE excluded.seen_ms >= visits.seen_ms
"""

_STAY = """
    INSERT INTO stays VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (stay) DO UPDATE SET area = excluded.area, seen_ms = excluded.seen_ms,
        entered_ms = excluded.entered_ms, left_ms = excluded.left_ms, confidence = excluded.confidence,
        region = excluded.region, energy = excluded.energy
    WHERE excluded.seen_ms >= stays.seen_ms
"""

_NODE = """
    INSERT INTO nodes VALUES (?, ?, ?)
    ON CONFLICT (node) DO UPDATE SET last_ms = excluded.last_ms,
        health = CASE WHEN length(excluded.health) THEN excluded.health ELSE health END
"""


def statements(outputs: Outputs) -> Iterable[tuple[str, list[tuple[Any, ...]]]]:
    """What to execute for some outputs; one that is written twice is one row, but not what the CRM gets."""
    yield (
        _VISIT,
        [
            (v.visit, v.device, v.zone, v.floor, v.started_ms, v.seen_ms, v.ended_ms, v.dwell_s, v.confidence)
            for v in outputs.visits.values()
        ],
    )
    yield (
        "INSERT OR REPLACE INTO paths VALUES (?, ?, ?, ?, ?)",
        [(p.path, p.device, p.started_ms, p.ended_ms, p.steps) for p in outputs.paths],
    )
    yield (
        "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (e.cursor, e.id, e.kind, e.t_ms, e.zone, e.floor, e.visit, e.dwell_s, e.payload)
            for e in outputs.events
        ],
    )
    yield "UPDATE events SET payload = NULL WHERE id = ?", [(an_id,) for an_id in outputs.published]
    yield (
        "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)",
        [(p.t_ms, p.floor, columns.pack_positions(p)) for p in outputs.positions],
    )
    yield (
        "INSERT OR REPLACE INTO zone_minutes VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (z.minute_ms, z.zone, z.people_mean, z.people_max, z.variance_mean, z.started, z.ended)
            for z in outputs.zone_minutes
        ],
    )
    yield CELLS.format("cell_minutes"), [cells_row(c) for c in outputs.cell_minutes]
    yield (
        _STAY,
        [
            (
                s.stay, s.plate, s.area, s.started_ms, s.seen_ms, s.entered_ms, s.left_ms, s.confidence,
                s.region, s.energy,
            )
            for s in outputs.stays.values()
        ],
    )  # fmt: skip
    yield (
        "INSERT OR REPLACE INTO car_park_minutes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (m.minute_ms, m.area, m.cars_mean, m.cars_max, m.variance_mean, m.entered, m.left, m.queue_mean)
            for m in outputs.car_park_minutes
        ],
    )
    yield (
        "INSERT INTO crm_inbox (kind, payload) VALUES (?, ?)",
        [(item.kind, item.payload) for item in outputs.crm],
    )
    yield (
        _NODE,
        [(n.node, n.last_ms, n.health) for n in outputs.nodes.values()],
    )


def cells_row(cells: CellMinute) -> tuple[Any, ...]:
    """The row of a minute's or an hour's cells, for `CELLS`."""
    grid = cells.grid
    return (
        cells.minute_ms, cells.floor, grid.cell_m, grid.x0_m, grid.y0_m, grid.nx, grid.ny,
        columns.pack_cells(cells.index, cells.device_s),
    )  # fmt: skip
