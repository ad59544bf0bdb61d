"""The dashboards over what a gateway itself has written into a real InfluxDB."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from contracts.site import Site
from dashboards.grafana.catalogue import Wanted, dashboards
from dashboards.grafana.sources import Kind
from gateway.figures.period import HOUR_MS
from gateway.nodes import Nodes
from gateway.people import MallPeople
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.figures import FigureSettings, MinuteFigures
from gateway.store.influx.figuring import Figuring
from gateway.store.influx.store import InfluxStore
from gateway.store.records import MINUTE_MS
from tests.dashboards.grafana import grafana_server, influx_data
from tests.gateway import afternoon
from tests.gateway.crowd import START_MS
from tests.gateway.ticks import GRID
from tests.influx import Influxd

END_MS = START_MS + HOUR_MS + 25 * MINUTE_MS
NOW = datetime.fromtimestamp(END_MS / 1_000, UTC)
NOT_HERE = {"car_park", "freshness", "promotion"}
"""Tables that this afternoon has no rows of: no cars, no promotion, and no clock that goes on."""
OF_HEALTH = {
    "temperature_c",
    "disk_free_bytes",
    "memory_free_bytes",
    "spooled",
    "dropped",
    "frames_s",
    "silent_s",
}
"""Fields of nodes that are not there: the nodes of this afternoon have sent no health message."""


def mall() -> Site:
    """The small mall, with capacities."""
    written = afternoon.site().model_dump()
    for floor in written["floors"]:
        for zone in floor["zones"]:
            zone["capacity"] = 30
    return Site.model_validate(written)


@pytest.fixture(scope="module")
def figures(influxd: Influxd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An afternoon, written through the gateway's store; gives the database of its figures."""
    database, site = f"mall-{uuid4().hex}", mall()
    influxd.make_database(database, "raw", "visits", "rollups")
    influxd.make_database(f"{database}_figures", "live", "long")
    client = InfluxClient(InfluxAddress.parse(influxd.address(database)))
    settings = FigureSettings.of(site, GRID, MallPeople.assumed(), f"{database}_figures")
    file = tmp_path_factory.mktemp("figures") / "store.db"
    minutes = MinuteFigures(settings, Nodes(site).reports)
    store = InfluxStore(file, client, site.mall.id, figures=minutes, pause_s=(0.1, 0.2))
    figuring = Figuring(settings, store, file, lambda: None)
    afternoon.record(site, store.commit, until_ms=END_MS)
    figuring.hours.make(threading.Event(), 10.0)
    assert store.flush(30)
    yield f"{database}_figures"
    figuring.stop()
    store.close()


def test_panels_show_what_the_gateway_wrote(influxd: Influxd, figures: str) -> None:
    """Each query gives rows, and no field that a panel wants is missing in all of them."""
    site = mall()
    wanted = Wanted([site], Kind.INFLUXQL, "en", {site.mall.id: "https://mall.example"})
    shown, empty = set(), []
    for board in dashboards(wanted, "en"):
        for panel in board["panels"]:
            if panel.get("timeShift"):
                continue  # a week before there was nothing
            over = grafana_server.range_of(board, panel, NOW)
            for target in panel["targets"]:
                table = target["query"].split(' FROM "')[1].split('"."')[1].split('"')[0]
                if table in NOT_HERE:
                    continue
                query = grafana_server.influxql(target["query"], grafana_server.variables_of(board), over)
                series = grafana_server.ask(influx_data.url_of(influxd), figures, query)
                missing = _missing(grafana_server.frames(target, series))
                asked = {value for value in OF_HEALTH if f'"{value}"' in query}
                if (not series and not asked) or missing - asked:
                    empty.append(f"{panel['title']}: {sorted(missing)}: {query}")
                shown.add(table)
    assert not empty, "\n".join(empty)
    assert shown == {"occupancy", "cell", "node", "footfall_hour", "zone_hour", "flow_hour"}


def _missing(frames: list[grafana_server.Frame]) -> set[str]:
    """Give the fields that have no value in any frame."""
    seen: dict[str, bool] = {}
    for frame in frames:
        for name, values in frame.fields.items():
            seen[name] = seen.get(name, False) or any(value is not None for value in values)
    return {name for name, found in seen.items() if not found}
