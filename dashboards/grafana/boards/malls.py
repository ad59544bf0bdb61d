"""All malls of a group side by side: only where they share an InfluxDB."""

from collections.abc import Iterator, Mapping

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.grafana.asking import How, Is, Query, Value, last, mean, total
from dashboards.grafana.board import MALL, Mall, dashboard
from dashboards.grafana.boards.footfall import ARRIVALS
from dashboards.grafana.boards.live import NOW
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import malls as all_malls
from dashboards.grafana.words import INTERVAL, Text, hidden, hidden_or_none, sentences

TITLE = Text("Malls", "商场对比")


def malls(one: Mall, names: Mapping[str, Text]) -> Dashboard:
    """Compare malls; `one` of them lends its data source and time zone."""
    board = dashboard(
        one,
        "malls",
        TITLE,
        Text("All malls whose figures are in this database.", "本数据库内的所有商场。"),
        list(_panels(one, names)),
        variables=[all_malls(one.language, one.source.ref)],
        since="now-24h",
        refresh="1m",
    )
    board.uid, board.title = f"ms-malls-{one.language}", TITLE(one.language)
    board.tags = ["mallsense", one.language]
    for link in board.links or []:
        link.tags, link.include_vars = ["mallsense", one.language], False
    return board


def _panels(one: Mall, names: Mapping[str, Text]) -> Iterator[Panel]:
    empty, whole = hidden_or_none(one.k), (Is("kind", MALL),)
    yield one.panels.number_each(
        Look(
            Text("People now", "当前人数"),
            hidden(one.k),
            height=6,
            names=names,
            empty=empty,
            over=NOW,
        ),
        Query("long", "occupancy", last("people"), by=("mall",), where=whole, all_malls=True),
    )
    yield one.panels.lines(
        Look(
            Text("People in each mall", "各商场人数"),
            sentences(INTERVAL, hidden(one.k)),
            height=9,
            names=names,
            empty=empty,
        ),
        Query(
            "long",
            "occupancy",
            mean("people"),
            by=("mall",),
            where=whole,
            every="$__interval",
            all_malls=True,
        ),
    )
    yield one.panels.lines(
        Look(Text("Arrivals by the hour", "每小时到达"), ARRIVALS, names=names, empty=empty),
        Query("long", "footfall_hour", total("arrivals"), by=("mall",), every="1h", all_malls=True),
        bars=True,
        stacked=True,
    )
    yield one.panels.lines(
        Look(
            Text("Data delay", "数据延迟"),
            Text("The clock minus the time of the newest figures.", "时钟与最新数据所属时刻之差。"),
            names=names,
        ),
        Query(
            "live",
            "freshness",
            (Value("behind_s", How.MAX),),
            by=("mall",),
            every="$__interval",
            all_malls=True,
        ),
    )
