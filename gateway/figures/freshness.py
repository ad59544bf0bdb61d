"""How fresh the figures are, as a row."""

from gateway.api.tables import FreshnessRow
from gateway.engine import Tick
from gateway.figures.people import PeopleFigures


def freshness_row(tick: Tick, now_ms: int, outbox: int, figures: PeopleFigures) -> FreshnessRow:
    """The row at `now_ms` of the wall clock, when this is the newest tick and `outbox` requests wait."""
    return FreshnessRow(
        time=now_ms,
        behind_s=(now_ms - tick.t_ms) / 1000,
        outbox=outbox,
        people_now=figures.present(tick.present, tick.present_variance).people,
    )
