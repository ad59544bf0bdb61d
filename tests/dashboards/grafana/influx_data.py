"""A real InfluxDB that holds figures of two malls."""

import urllib.request
from collections.abc import Iterable

from tests.dashboards.grafana.figures import Point
from tests.influx import Influxd

DATABASE = "grafana_checks"
FIGURES = f"{DATABASE}_figures"


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
