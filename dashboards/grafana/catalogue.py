"""All dashboards, in the order in which people read them, and all rules."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.models.dashboard import Dashboard

from contracts.site import Site
from dashboards.grafana import alerts
from dashboards.grafana.board import Mall, plain
from dashboards.grafana.boards import cars, flows, footfall, live, malls, nodes, occupancy, zones
from dashboards.grafana.rules import written
from dashboards.grafana.sources import Kind, source_of
from dashboards.grafana.words import LANGUAGES, Language

BOARDS: tuple[Callable[[Mall], Dashboard], ...] = (
    live.live,
    occupancy.occupancy,
    footfall.footfall,
    zones.visits,
    flows.flows,
    nodes.nodes,
)
FOLDERS: dict[Language, str] = {"en": "mallsense", "zh": "mallsense 中文"}
"""Titles of the folders."""
GROUP = "mallsense"
INTERVAL_S = 60
"""How often the rules are looked at."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants dashboards of."""

    sites: Sequence[Site]
    kind: Kind
    words: str
    """`en`, `zh` or `both`."""
    gateways: dict[str, str]
    """Address of each mall's gateway, as browsers reach it."""

    @property
    def languages(self) -> tuple[Language, ...]:
        """Those in which there are dashboards."""
        return tuple(each for each in LANGUAGES if self.words in (each, "both"))

    def malls(self, language: Language) -> list[Mall]:
        """Every mall, with its data source."""
        return [
            Mall(site, source_of(self.kind, site), language, self.gateways[site.mall.id])
            for site in self.sites
        ]


def folder_uid(language: Language) -> str:
    """The folder's id."""
    return f"mallsense-{language}"


def dashboards(wanted: Wanted, language: Language) -> Iterator[dict[str, Any]]:
    """Every dashboard in one language, as JSON."""
    every = wanted.malls(language)
    if wanted.kind is Kind.INFLUXQL and len(every) > 1:
        names = {mall.id: mall.name for mall in every}
        yield plain(malls.malls(every[0], names))
    for mall in every:
        boards = BOARDS if mall.site.car_park is None else (*BOARDS, cars.cars)
        for board in boards:
            yield plain(board(mall))


def alert_rules(wanted: Wanted) -> Iterator[dict[str, Any]]:
    """Every rule; one for both languages, since twice the same alarm is no help."""
    for mall in wanted.malls(wanted.languages[0]):
        for rule in alerts.rules(mall):
            yield written(mall, rule, wanted.words)
