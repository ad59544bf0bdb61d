"""How nodes are, as rows."""

from collections.abc import Iterable

from gateway.api.tables import NodeRow
from gateway.nodes import NodeReport, NodeState


def node_rows(t_ms: int, reports: Iterable[NodeReport]) -> list[NodeRow]:
    """A row a node."""
    return [_row(t_ms, report) for report in reports]


def _row(t_ms: int, report: NodeReport) -> NodeRow:
    own = report.health
    return NodeRow(
        time=t_ms,
        node=report.node,
        floor=report.floor,
        online=int(report.state is NodeState.ONLINE),
        silent_s=None if report.lag_ms is None else max(0, report.lag_ms) / 1000,
        observations_s=round(report.observations_per_min / 60, 2),
        frames_s=None if report.frames_s is None else round(report.frames_s, 2),
        temperature_c=own.temperature_c if own else None,
        disk_free_bytes=own.disk_free_bytes if own else None,
        memory_free_bytes=own.memory_free_bytes if own else None,
        spooled=own.spooled if own else None,
        dropped=own.dropped if own else None,
    )
