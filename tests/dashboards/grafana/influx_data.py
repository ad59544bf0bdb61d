"""A real InfluxDB that holds figures of two malls."""

import urllib.request
from collections.abc import Iterable
from typing import Any

from dashboards.grafana.catalogue import Wanted
from dashboards.grafana.sources import Kind
from tests.dashboards.grafana import grafana_server
from tests.dashboards.grafana.figures import Point
from tests.dashboards.grafana.grafana_server import Frame, Range
from tests.dashboards.grafana.malls import hillside, riverside
from tests.influx import Influxd

FIGURES = "grafana_checks_figures"
MALLS = ["hillside", "riverside"]
WANTED = Wanted(
    [riverside(), hillside()], Kind.INFLUXQL, "both", {mall: f"https://{mall}.example" for mall in MALLS}
)


def url_of(influxd: Influxd) -> str:
    """Where it listens."""
    return f"http://{influxd.host}:{influxd.port}"


def prepare(influxd: Influxd) -> None:
    """Make the database of figures with its policies."""
    influxd.do(f'CREATE DATABASE "{FIGURES}"')
    for policy in ("live", "long"):
        influxd.do(f'CREATE RETENTION POLICY "{policy}" ON "{FIGURES}" DURATION INF REPLICATION 1')


def write(influxd: Influxd, mall: str, points: Iterable[Point]) -> None:
    """Write points of one mall."""
    bodies: dict[str, list[str]] = {}
    for point in points:
        bodies.setdefault(point.policy, []).append(point.line(mall))
    for policy, lines in bodies.items():
        address = f"{url_of(influxd)}/write?db={FIGURES}&rp={policy}"
        request = urllib.request.Request(address, "\n".join(lines).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=60):
            pass


def asked(influxd: Influxd, target: dict[str, Any], board: dict[str, Any], over: Range) -> list[Frame]:
    """Ask a target of a dashboard as Grafana would."""
    query = grafana_server.influxql(target["query"], grafana_server.variables_of(board, MALLS), over)
    return grafana_server.frames(target, grafana_server.ask(url_of(influxd), FIGURES, query))
