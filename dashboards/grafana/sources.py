"""The two data sources that every dashboard comes for."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Protocol

from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from contracts.site import Site
from dashboards.grafana.asking import Query, Target
from dashboards.grafana.infinity import Infinity
from dashboards.grafana.influxql import InfluxQL


class Kind(StrEnum):
    """What the dashboards ask."""

    INFLUXQL = "influxql"
    """The central InfluxDB (1.x, 2.x, 3.x), with the data source that is part of Grafana."""
    INFINITY = "infinity"
    """The gateway's HTTP API, with the plug-in yesoreyeram-infinity-datasource; needs no InfluxDB."""


class Source(Protocol):
    """How a query is put to a data source."""

    @property
    def keeps(self) -> bool:
        """Whether it has the past of nodes and of the data's delay, and adds up hours to days and weeks."""

    @property
    def mall(self) -> str:
        """Whose figures."""

    @property
    def timezone(self) -> str:
        """The mall's."""

    @property
    def ref(self) -> DataSourceRef:
        """The data source, as panels name it."""

    def target(self, query: Query, ref_id: str = "A") -> Target:
        """Say the query as a panel holds it."""

    def alert_target(self, query: Query, ref_id: str) -> Target:
        """Say the query as a rule holds it: without variables, giving series."""

    def transformations(self, query: Query) -> Sequence[DataTransformerConfig]:
        """Say what Grafana has to do with the answer before a panel can show it."""


def source_of(kind: Kind, site: Site) -> Source:
    """Return the data source of a mall."""
    made = InfluxQL if kind is Kind.INFLUXQL else Infinity
    return made(site.mall.id, site.mall.timezone)
