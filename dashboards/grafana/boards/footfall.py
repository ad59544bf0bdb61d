"""How many people come, by the hour, day or week, and against an earlier time."""

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.grafana.asking import Query, each, mean, total
from dashboards.grafana.board import Mall, dashboard
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import compared, period, promotions, the_mall
from dashboards.grafana.words import INTERVAL, Text, hidden, hidden_or_none, sentences

TITLE = Text("Footfall", "客流")
ARRIVALS = Text(
    "People who came in. Until arrivals are calibrated these are devices heard for the first time: they"
    " show trends, not heads.",
    "进入商场的人数。在到达数校准之前，为首次听到的设备数：反映趋势，而非人头数。",
)


def footfall(mall: Mall) -> Dashboard:
    """Arrivals and people present, with what they were some time before."""
    panels = list(_panels(mall))
    chosen = [period(mall)] if mall.source.keeps else []
    return dashboard(
        mall,
        "footfall",
        TITLE,
        Text(
            "How many people came and were there, hour by hour; hours are the mall's. The hour that is not"
            " over yet is not there.",
            "按小时（商场当地时间）统计的到达与在场人数。尚未结束的小时不显示。",
        ),
        panels,
        variables=[the_mall(mall), *chosen, compared(mall)],
        annotations=promotions(mall),
        since="now-7d",
        refresh="15m",
    )


def _panels(mall: Mall) -> Iterator[Panel]:
    empty = hidden_or_none(mall.k)
    words = sentences(ARRIVALS, hidden(mall.k))
    if mall.source.keeps:
        arrivals = Query("long", "footfall_hour", total("arrivals"), every="${period}")
    else:
        arrivals = Query("long", "footfall_hour", each("arrivals"))
    yield mall.panels.lines(Look(Text("Arrivals", "到达"), words, empty=empty), arrivals, bars=True)
    yield mall.panels.lines(
        Look(
            Text("Arrivals: ${compared:text}", "到达：${compared:text}"),
            words,
            empty=empty,
            shifted="$compared",
        ),
        arrivals,
        bars=True,
    )
    yield mall.panels.lines(
        Look(
            Text("People present", "在场人数"),
            sentences(Text("Mean of the hour.", "每小时均值。"), INTERVAL, hidden(mall.k)),
            empty=empty,
        ),
        Query("long", "footfall_hour", each("people", "low", "high"))
        if not mall.source.keeps
        else Query("long", "footfall_hour", mean("people", "low", "high"), every="1h"),
        band=("low", "high"),
    )
    yield mall.panels.lines(
        Look(
            Text("Arrivals by the hour, with interval", "每小时到达（含区间）"),
            sentences(ARRIVALS, INTERVAL, hidden(mall.k)),
            empty=empty,
        ),
        Query("long", "footfall_hour", each("arrivals", "arrivals_low", "arrivals_high"))
        if not mall.source.keeps
        else Query("long", "footfall_hour", mean("arrivals", "arrivals_low", "arrivals_high"), every="1h"),
        band=("arrivals_low", "arrivals_high"),
    )
