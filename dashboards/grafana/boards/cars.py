"""The car park: free spaces, who comes and goes, who waits."""

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.grafana.asking import Is, Query, last, mean, total
from dashboards.grafana.board import CAR_PARK, Mall, dashboard
from dashboards.grafana.boards.live import NOW
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import promotions, the_mall
from dashboards.grafana.words import Text, sentences

TITLE = Text("Car park", "停车场")
FREE = Text("Capacity minus the cars counted in and out at the gates.", "容量减去出入口计数得出的在场车辆。")
BOUNDS = Text(
    "The interval holds the true number in nine cases of ten; reads that were missed are counted in.",
    "区间在十次中有九次包含真实数量，已计入漏读。",
)


def cars(mall: Mall) -> Dashboard:
    """Free spaces of every area, cars over time, entries and exits, the queue."""
    return dashboard(
        mall,
        "cars",
        TITLE,
        sentences(FREE, BOUNDS),
        list(_panels(mall)),
        variables=[the_mall(mall)],
        annotations=promotions(mall),
        since="now-12h",
        refresh="30s",
    )


def _panels(mall: Mall) -> Iterator[Panel]:
    names = {CAR_PARK: Text("Whole car park", "整个停车场")} | mall.areas
    whole = (Is("area", CAR_PARK),)
    yield mall.panels.number_each(
        Look(
            Text("Free spaces now", "当前空闲车位"),
            FREE,
            width=16,
            height=5,
            names=names,
            steps=((None, "red"), (5, "orange"), (20, "green")),
            over=NOW,
        ),
        Query("long", "car_park", last("free"), by=("area",)),
    )
    yield mall.panels.number(
        Look(
            Text("Waiting to enter", "排队入场"),
            Text("Mean number of cars before the gate in the last minute.", "最近一分钟闸口前的平均车辆数。"),
            width=8,
            height=5,
            steps=((None, "green"), (5, "orange"), (10, "red")),
            over=NOW,
        ),
        Query("long", "car_park", last("queue"), where=whole),
    )
    yield mall.panels.lines(
        Look(Text("Cars in the car park", "在场车辆"), sentences(FREE, BOUNDS), height=9),
        Query("long", "car_park", mean("cars", "low", "high", "capacity"), where=whole, every="$__interval"),
        band=("low", "high"),
    )
    # The gateway gives minutes, which Grafana cannot add up to quarters of an hour.
    step = "15m" if mall.source.keeps else "1m"
    yield mall.panels.lines(
        Look(
            Text("Entered and left", "驶入与驶出"),
            Text("Cars in 15 minutes.", "每15分钟车辆数。")
            if mall.source.keeps
            else Text("Cars.", "车辆数。"),
            width=12,
        ),
        Query("long", "car_park", total("entered", "left"), where=whole, every=step),
        bars=True,
    )
    yield mall.panels.lines(
        Look(
            Text("Waiting to enter", "排队入场"),
            Text("Mean number of cars before the gate.", "闸口前的平均车辆数。"),
            width=12,
        ),
        Query("long", "car_park", mean("queue"), where=whole, every="$__interval"),
    )
    yield mall.panels.lines(
        Look(Text("Cars by area", "各区车辆"), sentences(FREE, BOUNDS), names=names, height=9),
        Query("long", "car_park", mean("cars"), by=("area",), every="$__interval"),
    )
