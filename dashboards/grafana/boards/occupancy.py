"""How full the mall, its floors and its shops are, against what they hold."""

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.grafana.asking import In, Is, Query, last, mean
from dashboards.grafana.board import MALL, Mall, dashboard
from dashboards.grafana.boards.live import NOW
from dashboards.grafana.fields import GREEN_TO_RED, only_with, quotient, share
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import floors, promotions, the_mall, zones
from dashboards.grafana.words import INTERVAL, Text, hidden, hidden_or_none, sentences

TITLE = Text("How full", "客容量")


def occupancy(mall: Mall) -> Dashboard:
    """People over time, and shares of capacities."""
    return dashboard(
        mall,
        "occupancy",
        TITLE,
        Text(
            "People present over time, and how much of each capacity is used.",
            "在场人数随时间的变化，以及各区域容量的使用比例。",
        ),
        list(_panels(mall)),
        variables=[the_mall(mall), floors(mall), zones(mall)],
        annotations=promotions(mall),
        since="now-12h",
        refresh="1m",
    )


def _panels(mall: Mall) -> Iterator[Panel]:
    empty = hidden_or_none(mall.k)
    step = "$__interval"
    yield mall.panels.lines(
        Look(
            Text("People in the mall", "商场内人数"),
            sentences(INTERVAL, hidden(mall.k)),
            height=9,
            empty=empty,
        ),
        Query("long", "occupancy", mean("people", "low", "high"), where=(Is("kind", MALL),), every=step),
        band=("low", "high"),
    )
    yield mall.panels.lines(
        Look(
            Text("People by floor", "各楼层人数"),
            sentences(Text("Floors added up.", "各楼层叠加。"), hidden(mall.k)),
            width=12,
            height=9,
            names=mall.floor_zones,
            empty=empty,
        ),
        Query(
            "long",
            "occupancy",
            mean("people"),
            by=("zone",),
            where=(Is("kind", "floor"), In("floor", "floor")),
            every=step,
        ),
        stacked=True,
    )
    yield mall.panels.lines(
        Look(
            Text("People in the zones chosen", "所选区域人数"),
            sentences(Text("Choose zones at the top.", "请在上方选择区域。"), hidden(mall.k)),
            width=12,
            height=9,
            names=mall.zones,
            empty=empty,
        ),
        Query(
            "long",
            "occupancy",
            mean("people"),
            by=("zone",),
            where=(Is("kind", "zone"), In("floor", "floor"), In("zone", "zone")),
            every=step,
        ),
    )
    yield _capacities(mall)


def _capacities(mall: Mall) -> Panel:
    return mall.panels.table(
        Look(
            Text("Now, against capacity", "当前人数与容量"),
            sentences(
                Text(
                    "Zones whose capacity the site file gives. Yellow from 70 %, orange from 90 %, red"
                    " from 100 %.",
                    "场地文件中给出容量的区域。70%起为黄色，90%起为橙色，100%起为红色。",
                ),
                INTERVAL,
                hidden(mall.k),
            ),
            height=9,
            names=mall.zones | mall.floors,
            empty=Text("no zone has a capacity, or no data", "没有区域设置容量，或无数据"),
            steps=GREEN_TO_RED,
            computed=("share",),
            more={
                "people": {"color": {"mode": "fixed", "fixedColor": "text"}},
                "share": share(),
            },
            over=NOW,
        ),
        Query(
            "long",
            "occupancy",
            last("people", "low", "high", "capacity"),
            by=("zone", "floor"),
            where=(Is("kind", "zone"), In("floor", "floor")),
        ),
        sort="share",
        changes=[only_with("capacity"), quotient("share", "people", "capacity")],
    )
