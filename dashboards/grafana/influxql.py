"""Queries in InfluxQL, over Grafana's own InfluxDB data source.

Format of a query: `InfluxQuery` in public/app/plugins/datasource/influxdb/types.ts of Grafana.
`$timeFilter` and `$__interval` are replaced by Grafana (pkg/tsdb/influxdb/models/query.go).
"""

from dataclasses import dataclass

from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from dashboards.grafana.asking import How, In, Is, Query, Target

UID = "mallsense-figures"
TYPE = "influxdb"


@dataclass(frozen=True, slots=True)
class InfluxQL:
    """The data source: one for all malls, since they share a database."""

    mall: str
    timezone: str
    keeps: bool = True

    @property
    def ref(self) -> DataSourceRef:
        """The data source, as panels name it."""
        return DataSourceRef(type_val=TYPE, uid=UID)

    def target(self, query: Query, ref_id: str = "A") -> Target:
        """The query as a panel holds it."""
        asked: dict[str, object] = {
            "datasource": {"type": TYPE, "uid": UID},
            "refId": ref_id,
            "rawQuery": True,
            "query": self.text(query),
            "resultFormat": "time_series" if query.every else "table",
        }
        if query.every:
            # One field by a tag is called as the tag's value, several fields as themselves.
            asked["alias"] = f"$tag_{query.by[0]}" if query.by else "$col"
        return Target(asked)

    def alert_target(self, query: Query, ref_id: str) -> Target:
        """The query as a rule holds it: no variables there."""
        target = self.target(query, ref_id)
        text = self.text(query).replace("${mall}", self.mall)
        return Target({**target.json, "query": text, "resultFormat": "time_series"})

    def transformations(self, query: Query) -> list[DataTransformerConfig]:  # noqa: ARG002  # as Infinity's
        """What has to be done with the answer: nothing, the server has done it."""
        return []

    def text(self, query: Query) -> str:
        """The query in InfluxQL."""
        wanted = [_selected(value.name, value.how) for value in query.values]
        if query.rows:
            wanted += [f'"{tag}"' for tag in query.by]
        mall = '"mall" =~ /^${mall:regex}$/' if query.all_malls else "\"mall\" = '${mall}'"
        conditions = [mall, *(_condition(only) for only in query.where)]
        if query.unless:
            conditions.append(f'"{query.unless}" = false')
        conditions.append("$timeFilter")
        # Names are those of our own tables, and values those of a site file, which have no quotes.
        text = f'SELECT {", ".join(wanted)} FROM "{query.policy}"."{query.measurement}" WHERE '  # noqa: S608
        text += " AND ".join(conditions)
        groups = [f"time({query.every})"] if query.every else []
        if not query.rows:
            groups += [f'"{tag}"' for tag in query.by]
        if groups:
            text += f" GROUP BY {', '.join(groups)}"
        if query.every:
            # Days and weeks begin at the mall's midnight.
            text += f" fill(null) tz('{self.timezone}')"
        return text


def _selected(name: str, how: How) -> str:
    return f'{how}("{name}") AS "{name}"' if how else f'"{name}"'


def _condition(only: Is | In) -> str:
    if isinstance(only, Is):
        return f"\"{only.tag}\" = '{only.value}'"
    # As documented for variables with several values: only a regular expression holds them.
    return f'"{only.tag}" =~ /^${{{only.variable}:regex}}$/'
