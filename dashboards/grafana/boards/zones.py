"""Visits and dwell: which shops people go to, and how long they stay."""

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.grafana.asking import How, In, Query, Value, mean, total
from dashboards.grafana.board import Mall, dashboard
from dashboards.grafana.fields import only_with
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import floors, period, promotions, the_mall, zones
from dashboards.grafana.words import Text, hidden, hidden_or_none, sentences

TITLE = Text("Visits and dwell", "到访与停留")
VISITS = Text(
    "A visit is a stay in a zone that was long enough (visits.min_dwell_s of the site file); it counts in"
    " the hour it began in.",
    "到访指在区域内停留足够久（场地文件visits.min_dwell_s）；计入开始所在的小时。",
)
DWELL = Text(
    "Dwell is of the visits that have ended; the mean over the hours of each hour's median.",
    "停留时长只含已结束的到访；取各小时中位数的平均。",
)


def visits(mall: Mall) -> Dashboard:
    """Visits and dwell of every zone, in sum and over time."""
    chosen = [period(mall)] if mall.source.keeps else []
    return dashboard(
        mall,
        "visits",
        TITLE,
        sentences(VISITS, DWELL),
        list(_panels(mall)),
        variables=[the_mall(mall), floors(mall), zones(mall), *chosen],
        annotations=promotions(mall),
        since="now-7d",
        refresh="15m",
    )


def _panels(mall: Mall) -> Iterator[Panel]:
    empty = hidden_or_none(mall.k)
    where = (In("floor", "floor"), In("zone", "zone"))
    every = "${period}" if mall.source.keeps else "1h"
    yield mall.panels.bars(
        Look(
            Text("Most visited", "到访最多"),
            sentences(VISITS, hidden(mall.k)),
            width=12,
            height=12,
            names=mall.zones,
            empty=empty,
        ),
        Query("long", "zone_hour", total("visits"), by=("zone",), where=where),
        rows=12,
    )
    yield mall.panels.table(
        Look(
            Text("All zones", "所有区域"),
            sentences(VISITS, DWELL, hidden(mall.k)),
            width=12,
            height=12,
            names=mall.zones | mall.floors,
            empty=empty,
        ),
        Query(
            "long",
            "zone_hour",
            (*total("visits"), *mean("dwell_median_s"), Value("dwell_p90_s", How.MEAN)),
            by=("zone", "floor"),
            where=where,
        ),
        sort="visits",
        changes=[only_with("visits")],
    )
    yield mall.panels.lines(
        Look(
            Text("Visits", "到访次数"),
            sentences(VISITS, hidden(mall.k)),
            names=mall.zones,
            empty=empty,
        ),
        Query("long", "zone_hour", total("visits"), by=("zone",), where=where, every=every),
        bars=True,
        stacked=True,
    )
    yield mall.panels.lines(
        Look(
            Text("Median dwell", "停留中位数"),
            sentences(DWELL, hidden(mall.k)),
            names=mall.zones,
            empty=empty,
        ),
        Query("long", "zone_hour", mean("dwell_median_s"), by=("zone",), where=where, every=every),
    )
