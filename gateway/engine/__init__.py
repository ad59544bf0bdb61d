"""From observation batches to ticks: positions, occupancy, visits and paths. Pure: no I/O and no clock."""

from gateway.engine.calibration import Calibration
from gateway.engine.engine import Engine
from gateway.engine.setup import build_engine
from gateway.engine.state import StateError
from gateway.engine.tick import Cells, Occupancy, Tick, Tracks

__all__ = ["Calibration", "Cells", "Engine", "Occupancy", "StateError", "Tick", "Tracks", "build_engine"]
