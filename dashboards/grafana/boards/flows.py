"""Who goes from where to where.

A matrix and sorted bars, not Grafana's node graph: that one shows ids in the place of names, cannot show
the names of the site file, and of forty zones it makes a ball of wool. A matrix shows both ends of every
way at once.
"""

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.grafana.asking import In, Query, total
from dashboards.grafana.board import Mall, dashboard
from dashboards.grafana.fields import matrix
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import the_mall, zones
from dashboards.grafana.words import FIGURES, Text, hidden_or_none, sentences

TITLE = Text("Flows", "流向")


def flows(mall: Mall) -> Dashboard:
    """Ways between zones as a matrix, and those from and to the zones chosen."""
    return dashboard(
        mall,
        "flows",
        TITLE,
        _words(mall),
        list(_panels(mall)),
        variables=[the_mall(mall), zones(mall)],
        since="now-24h",
        refresh="15m",
    )


def _words(mall: Mall) -> Text:
    return sentences(
        Text(
            "How many people went from one zone straight to the other, in all hours that are over.",
            "在已结束的小时内，从一个区域直接走到另一个区域的人数。",
        ),
        Text(
            f"Ways of fewer than {mall.k} people are left out, so rows do not add up to everybody.",
            f"少于{mall.k}人的路径不列出，因此各行之和不等于总人数。",
        ),
    )


def _panels(mall: Mall) -> Iterator[Panel]:
    empty, words = hidden_or_none(mall.k), _words(mall)
    ways = Query("long", "flow_hour", total("people"), by=("source", "target"))
    t = mall.language
    corner = f"{FIGURES['source'].name(t)} \\ {FIGURES['target'].name(t)}"
    filled = {"custom.cellOptions": {"type": "color-background", "mode": "gradient"}}
    yield mall.panels.table(
        Look(
            Text("From row to column", "从行到列"),
            words,
            height=14,
            names=mall.zones,
            empty=Text("·", "·"),  # most cells of a matrix are empty
            steps=(
                (None, "transparent"),
                (1, "dark-blue"),
                (20, "blue"),
                (50, "light-blue"),
                (100, "orange"),
            ),
            more={
                "source\\target": {"displayName": corner, "custom.minWidth": 140},
                **{zone: {"displayName": text(t), **filled} for zone, text in mall.zones.items()},
            },
        ),
        ways,
        changes=[matrix("source", "target", "people")],
    )
    yield mall.panels.bars(
        Look(
            Text("Where people go to, from the zones chosen", "从所选区域去往"),
            words,
            width=12,
            height=11,
            names=mall.zones,
            empty=empty,
        ),
        Query("long", "flow_hour", total("people"), by=("target",), where=(In("source", "zone"),)),
    )
    yield mall.panels.bars(
        Look(
            Text("Where people come from, to the zones chosen", "来到所选区域的来源"),
            words,
            width=12,
            height=11,
            names=mall.zones,
            empty=empty,
        ),
        Query("long", "flow_hour", total("people"), by=("source",), where=(In("target", "zone"),)),
    )
    yield mall.panels.table(
        Look(
            Text("The most used ways", "最常用路径"),
            words,
            height=10,
            names=mall.zones,
            empty=empty,
        ),
        ways,
        sort="people",
    )
