"""Queries over the gateway's HTTP rows (docs/http-api.md), with Grafana's Infinity data source.

Format of a query: src/types/query.types.ts of grafana-infinity-datasource. Its backend parser is asked for,
since alerts have no other; it replaces `${__timeFrom}` by epoch milliseconds, and makes series of rows with
strings (pkg/infinity/postprocess.go: `LongToWide` for the format `timeseries`).
"""

from dataclasses import dataclass
from urllib.parse import quote

from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from dashboards.grafana.asking import How, Is, Query, Target

TYPE = "yesoreyeram-infinity-datasource"
_REDUCERS = {
    How.LAST: "lastNotNull",
    How.FIRST: "firstNotNull",
    How.MEAN: "mean",
    How.MAX: "max",
    How.SUM: "sum",
}
_STRINGS = {"zone", "floor", "kind", "node", "area", "source", "target", "cell", "title_en", "title_zh"}


@dataclass(frozen=True, slots=True)
class Infinity:
    """The data source: one for each mall, since each has a gateway of its own."""

    mall: str
    timezone: str
    keeps: bool = False
    """The gateway gives nodes and freshness as they are, and hours as hours."""

    @property
    def uid(self) -> str:
        """The data source's id, made of the mall's."""
        return f"mallsense-{self.mall}"[:40]

    @property
    def ref(self) -> DataSourceRef:
        """The data source, as panels name it."""
        return DataSourceRef(type_val=TYPE, uid=self.uid)

    def target(self, query: Query, ref_id: str = "A") -> Target:
        """The query as a panel holds it."""
        names = {name: name for name in query.names}
        if query.every and query.by:
            # "Value" is the one name that Grafana leaves out of the name of a series: it is called as its
            # tag.
            names = dict.fromkeys(query.names, "Value")
        columns = [{"selector": "time", "text": "time", "type": "timestamp_epoch"}]
        columns += [{"selector": tag, "text": tag, "type": "string"} for tag in query.by]
        columns += [
            {"selector": name, "text": text, "type": "string" if name in _STRINGS else "number"}
            for name, text in names.items()
        ]
        return Target(
            {
                "datasource": {"type": TYPE, "uid": self.uid},
                "refId": ref_id,
                "type": "json",
                "source": "url",
                "parser": "backend",
                "format": "timeseries" if query.every else "table",
                "url": self.url(query),
                "url_options": {"method": "GET", "data": ""},
                "root_selector": "",
                "columns": columns,
                "filters": [],
            }
        )

    def alert_target(self, query: Query, ref_id: str) -> Target:
        """The query as a rule holds it: series, one for each group."""
        target = self.target(query, ref_id)
        return Target({**target.json, "format": "timeseries"})

    def url(self, query: Query) -> str:
        """The address below the gateway's."""
        address = f"/api/v1/rows/{query.measurement}?from_ms=${{__timeFrom}}&to_ms=${{__timeTo}}"
        for only in query.where:
            value = quote(only.value, safe=":") if isinstance(only, Is) else f"${{{only.variable}:csv}}"
            address += f"&{only.tag}={value}"
        return address

    def transformations(self, query: Query) -> list[DataTransformerConfig]:
        """What Grafana does with the rows: one row for each group, where the query says how."""
        if query.rows or query.every or not query.by:
            return []  # of what has no groups, panels with one number take the last by themselves
        fields: dict[str, object] = {tag: {"aggregations": [], "operation": "groupby"} for tag in query.by}
        renamed = {}
        for value in query.values:
            reducer = _REDUCERS[value.how]
            fields[value.name] = {"aggregations": [reducer], "operation": "aggregate"}
            renamed[f"{value.name} ({reducer})"] = value.name
        return [
            DataTransformerConfig("groupBy", options={"fields": fields}),
            DataTransformerConfig(
                "organize", options={"excludeByName": {}, "indexByName": {}, "renameByName": renamed}
            ),
        ]
