"""The mall as it is now: on a wall screen, and on a phone."""

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from contracts.site import Floor
from dashboards.grafana.asking import How, Is, Query, Value, last, total
from dashboards.grafana.board import CAR_PARK, MALL, Mall, dashboard, link
from dashboards.grafana.fields import GREEN_TO_RED, only_with, quotient, share
from dashboards.grafana.floor_map import floor_map
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import the_mall
from dashboards.grafana.words import INTERVAL, Text, hidden, hidden_or_none, sentences

TITLE = Text("Live", "实时")
NOW = "5m"
"""What counts as now: figures come by the minute, and may be late."""
NOW_WORDS = Text("Where people are now.", "人们此刻在哪里。")
PAST = Text(
    "Choose a time in the past, and the maps show that time (at most as long as positions are kept).",
    "选择过去的时间，地图即显示该时段（不超过位置数据的保存期）。",
)
HEAT = Text(
    "Heat is the expected number of people in cells of 4 m; red is the fullest cell of this map.",
    "热力为4米网格内的期望人数；红色为本图最满的网格。",
)
HEAT_OVER_TIME = Text("Minutes of the time chosen are added up.", "按所选时段逐分钟累加。")
HEAT_NOW = Text("It is that of the last minute.", "为最近一分钟的数据。")


def live(mall: Mall) -> Dashboard:
    """Tiles, the heat of every floor, and the fullest shops."""
    panels = [*_tiles(mall), *_maps(mall), _fullest(mall)]
    return dashboard(
        mall,
        "live",
        TITLE,
        sentences(NOW_WORDS, PAST) if mall.source.keeps else NOW_WORDS,
        panels,
        variables=[the_mall(mall)],
        since="now-15m",
        refresh="30s",
    )


def _tiles(mall: Mall) -> Iterator[Panel]:
    have_cars = mall.site.car_park is not None
    whole = (Is("kind", MALL),)
    people = Text("People in the mall, as of the last minute.", "最近一分钟商场内人数。")
    yield mall.panels.number(
        Look(
            Text("People now", "当前人数"),
            sentences(people, hidden(mall.k)),
            width=6,
            height=4,
            empty=hidden_or_none(mall.k),
            over=NOW,
            links=(link(mall, "occupancy", Text("How full is it?", "有多满？")),),
        ),
        Query("long", "occupancy", last("people"), where=whole),
    )
    yield mall.panels.number(
        Look(
            Text("Probably between", "大致介于"),
            sentences(INTERVAL, hidden(mall.k)),
            width=6,
            height=4,
            empty=hidden_or_none(mall.k),
            over=NOW,
        ),
        Query("long", "occupancy", last("low", "high"), where=whole),
    )
    if have_cars:
        yield mall.panels.number(
            Look(
                Text("Free parking spaces", "空闲车位"),
                Text("Capacity minus the cars counted in and out.", "容量减去按进出计数的车辆数。"),
                width=4,
                height=4,
                steps=((None, "red"), (10, "orange"), (30, "green")),
                over=NOW,
                links=(link(mall, "cars", Text("Car park", "停车场")),),
            ),
            Query("long", "car_park", last("free"), where=(Is("area", CAR_PARK),)),
        )
    yield mall.panels.number(
        Look(
            Text("Nodes that are heard", "在线节点"),
            Text(
                f"Of {len(mall.site.nodes)} nodes. A node that is silent leaves a blind spot.",
                f"共{len(mall.site.nodes)}个节点。节点无消息处即为盲区。",
            ),
            width=4 if have_cars else 6,
            height=4,
            steps=((None, "red"), (max(1, len(mall.site.nodes)), "green")),
            over=NOW,
            links=(link(mall, "nodes", Text("Which ones?", "是哪些？")),),
        ),
        Query("live", "node", last("online"), by=("node",)),
        calc="sum",
    )
    yield mall.panels.number(
        Look(
            Text("Data delay", "数据延迟"),
            Text(
                "The clock minus the time that the newest figures are of. Beyond two minutes, what is"
                " shown here is no longer now.",
                "时钟与最新数据所属时刻之差。超过两分钟，此处显示的就不再是当前状态。",
            ),
            width=4 if have_cars else 6,
            height=4,
            steps=((None, "green"), (60, "yellow"), (120, "red")),
            over=NOW,
            links=(link(mall, "nodes", Text("Why?", "为什么？")),),
        ),
        Query("live", "freshness", last("behind_s")),
    )


def _maps(mall: Mall) -> Iterator[Panel]:
    floors = sorted(mall.site.floors, key=lambda floor: floor.level, reverse=True)
    for number, floor in enumerate(floors):
        alone = len(floors) % 2 == 1 and number == len(floors) - 1
        yield floor_map(
            mall.source,
            mall.language,
            mall.site,
            floor,
            Look(
                Text(f"{floor.name.en}: where people are", f"{floor.name.zh}：人群分布"),
                sentences(
                    HEAT,
                    HEAT_OVER_TIME if mall.source.keeps else HEAT_NOW,
                    Text(
                        f"Minutes with fewer than {mall.k} people on the floor are not drawn.",
                        f"楼层内少于{mall.k}人的分钟不绘制。",
                    ),
                ),
                width=24 if alone else 12,
                height=16 if alone else 13,
                empty=hidden_or_none(mall.k),
            ),
            cells(floor),
            mall.gateway,
        )


def cells(floor: Floor) -> Query:
    """Where on a floor people were."""
    place = (Value("lat", How.FIRST), Value("lon", How.FIRST))
    return Query("live", "cell", (*place, *total("people")), by=("cell",), where=(Is("floor", floor.id),))


def _fullest(mall: Mall) -> Panel:
    return mall.panels.table(
        Look(
            Text("Shops and areas now, the fullest first", "各区域当前人数（由多到少）"),
            sentences(
                Text(
                    'Mean of the last minute. "Of capacity" is there where the site file gives a capacity.',
                    "最近一分钟的均值。场地文件中给出容量的区域才有“占容量”。",
                ),
                hidden(mall.k),
            ),
            height=10,
            names=mall.zones | mall.floors,
            empty=hidden_or_none(mall.k),
            over=NOW,
            steps=GREEN_TO_RED,
            computed=("share",),
            more={
                "people": {"color": {"mode": "fixed", "fixedColor": "text"}},
                "share": share(),
            },
            links=(link(mall, "occupancy", Text("How full is it?", "有多满？")),),
        ),
        Query(
            "long",
            "occupancy",
            last("people", "low", "high", "capacity"),
            by=("zone", "floor"),
            where=(Is("kind", "zone"),),
        ),
        sort="people",
        changes=[only_with("people"), quotient("share", "people", "capacity")],
    )
