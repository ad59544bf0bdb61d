"""Records as tests of stores write them: short to make, and never the same by accident."""

import numpy as np

from contracts.messages import ObservationBatch, encode
from gateway.store.records import (
    CellGrid,
    CellMinute,
    Checkpoint,
    Event,
    Input,
    Path,
    Positions,
    Stay,
    Visit,
)
from tests.gateway.crowd import BOOT

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
NOON = 1_760_000_400_000 // HOUR * HOUR
GRID = CellGrid(2.0, 0.0, 0.0, 10, 10)


def batch(seq: int, node: str = "n1", t_ms: int = NOON) -> Input:
    """Make an empty batch."""
    message = ObservationBatch(node=node, boot=BOOT, seq=seq, watermark_ms=t_ms)
    return Input(message, encode(message))


def visit(number: int, started_ms: int, *, seen_ms: int = 0, zone: str = "S10", ended: bool = True) -> Visit:
    """Make a visit."""
    seen_ms = seen_ms or started_ms + MINUTE
    return Visit(
        f"v{number}", f"{number:016x}", zone, "F1", started_ms, seen_ms, seen_ms if ended else None,
        (seen_ms - started_ms) / 1000, 0.9,
    )  # fmt: skip


def stay(number: int, started_ms: int, *, seen_ms: int = 0, left: bool = True) -> Stay:
    """Make a stay of a car whose entry was seen."""
    seen_ms = seen_ms or started_ms + HOUR
    left_ms = seen_ms if left else None
    return Stay(
        f"s{number}", f"{number:016x}", "P1", started_ms, seen_ms, started_ms, left_ms, 0.9,
        "local", "new_energy",
    )  # fmt: skip


def event(cursor: int, t_ms: int = NOON) -> Event:
    """Make an event."""
    return Event(cursor, f"e{cursor}", "visit.started", t_ms, "S10", "F1", "v1", 3.0, b"{}")


def checkpoint(position: int = 0, t_ms: int = NOON) -> Checkpoint:
    """Make a checkpoint."""
    return Checkpoint(position, t_ms, 7, "site", b"engine" * 1000, b"recorder")


def path(number: int, started_ms: int, steps: bytes = b"[]") -> Path:
    """Make a path of an hour."""
    return Path(f"p{number}", f"{number:016x}", started_ms, started_ms + HOUR, steps)


def places(t_ms: int, *devices: str, floor: str = "F1") -> Positions:
    """Make a snapshot of a floor with these devices in a row."""
    xy = np.array([[1.5 * i, 2.5] for i in range(len(devices))])
    return Positions(t_ms, floor, [*devices], xy, np.tile(np.eye(2), (len(devices), 1, 1)))


def cells(minute_ms: int, index: int = 3, device_s: float = 60.0, grid: CellGrid = GRID) -> CellMinute:
    """Make a minute in which one cell of a floor had somebody in it."""
    return CellMinute(minute_ms, "F1", grid, np.array([index], np.int32), np.array([device_s], np.float32))
