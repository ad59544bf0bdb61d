"""What a Grafana server does to a query before it sends it, and with the answer: no server can run here.

Macros: grafana.com/docs, "InfluxDB template variables" and "Variable syntax" (formats `regex`, `csv`), and
pkg/tsdb/influxdb/models/query.go (`$timeFilter`, `$__interval`). Answers become frames as in
pkg/tsdb/influxdb/influxql/buffered/response_parser.go.
"""

import json
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LEFT = re.compile(r"\$(timeFilter|__|\{|[a-z])")
_ESCAPED = re.compile(r"[\\^$*+?.()|\[\]{}/]")


@dataclass(frozen=True)
class Frame:
    """A table: names of the fields, their values, and what the values of this frame are about."""

    fields: dict[str, list[Any]]
    labels: Mapping[str, str]
    name: str = ""
    """What a series is called in a legend."""


@dataclass(frozen=True)
class Range:
    """A time range."""

    start: datetime
    end: datetime

    @property
    def ms(self) -> tuple[int, int]:
        """Both ends in epoch milliseconds."""
        return int(self.start.timestamp() * 1_000), int(self.end.timestamp() * 1_000)

    @property
    def interval(self) -> str:
        """How long a point of a panel of 1,000 points is; at least a minute, as the data source says."""
        seconds = (self.end - self.start).total_seconds() / 1_000
        return next(text for limit, text in ((90, "1m"), (400, "5m"), (1e12, "1h")) if seconds <= limit)


def range_of(dashboard: Mapping[str, Any], panel: Mapping[str, Any], now: datetime) -> Range:
    """The time a panel shows: the dashboard's, unless it has one of its own; moved back where it says so."""
    since = panel.get("timeFrom") or dashboard["time"]["from"].removeprefix("now-")
    back = timedelta()
    if shift := interpolated(panel.get("timeShift") or "", variables_of(dashboard)):
        back = _duration(shift)
    return Range(now - back - _duration(since), now - back)


def _duration(text: str) -> timedelta:
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


def variables_of(dashboard: Mapping[str, Any], malls: Sequence[str] = ()) -> dict[str, list[str] | str]:
    """What is chosen in every variable when the dashboard is opened; `All` is all values."""
    chosen: dict[str, list[str] | str] = {}
    for variable in dashboard["templating"]["list"]:
        value = variable["current"]["value"]
        if value == ["$__all"]:
            options = [each["value"] for each in variable.get("options", []) if each["value"] != "$__all"]
            value = options or list(malls)
        chosen[variable["name"]] = value
    return chosen


def interpolated(text: str, variables: Mapping[str, list[str] | str]) -> str:
    """Replace `$name`, `${name}` and `${name:format}`."""

    def value_of(found: re.Match[str]) -> str:
        name, form = found["plain"] or found["name"], found["format"]
        if name not in variables:
            return found[0]
        value = variables[name]
        several = value if isinstance(value, list) else [value]
        if form == "regex":
            escaped = [_ESCAPED.sub(r"\\\g<0>", each) for each in several]
            return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"
        if form == "csv":
            return ",".join(several)
        assert form is None, f"{found[0]}: a format that is not told here"
        assert len(several) == 1, f"{found[0]}: several values without a format"
        return several[0]

    pattern = r"\$(?:(?P<plain>[a-z_]\w*)|\{(?P<name>\w+)(?::(?P<format>\w+))?\})"
    return re.sub(pattern, value_of, text)


def influxql(query: str, variables: Mapping[str, list[str] | str], over: Range) -> str:
    """The query as the data source sends it."""
    start_ms, end_ms = over.ms
    text = interpolated(query, {**variables, "__from": str(start_ms), "__to": str(end_ms)})
    text = text.replace("$timeFilter", f"time >= {start_ms}ms and time <= {end_ms}ms")
    text = text.replace("$__interval", over.interval)
    # `$/` ends a regular expression; any other `$` would reach the server as it is.
    assert not _LEFT.search(text), f"not replaced: {text}"
    return text


def ask(url: str, database: str, query: str) -> list[dict[str, Any]]:
    """Ask a real InfluxDB; give its series."""
    parameters = urllib.parse.urlencode({"db": database, "q": query, "epoch": "ms"})
    with urllib.request.urlopen(f"{url}/query?{parameters}", timeout=30) as answer:
        result = json.load(answer)["results"][0]
    assert "error" not in result, f"{query}: {result['error']}"
    series: list[dict[str, Any]] = result.get("series", [])
    return series


def frames(target: Mapping[str, Any], series: Sequence[Mapping[str, Any]]) -> list[Frame]:
    """Make frames of an answer, as the target's format says."""
    if target["resultFormat"] == "table":
        return _table(series)
    made = []
    for each in series:
        tags = each.get("tags", {})
        times = [row[0] for row in each["values"]]
        for index, column in enumerate(each["columns"][1:], start=1):
            values = [row[index] for row in each["values"]]
            made.append(Frame({"Time": times, "Value": values}, tags, _alias(target["alias"], tags, column)))
    return made


def _alias(alias: str, tags: Mapping[str, str], column: str) -> str:
    return tags[alias.removeprefix("$tag_")] if alias.startswith("$tag_") else alias.replace("$col", column)


def _table(series: Sequence[Mapping[str, Any]]) -> list[Frame]:
    if not series:
        return []
    fields: dict[str, list[Any]] = {"Time": []}
    for each in series:
        tags = each.get("tags", {})
        for row in each["values"]:
            fields["Time"].append(row[0])
            for name, value in [*tags.items(), *zip(each["columns"][1:], row[1:], strict=True)]:
                fields.setdefault(name, []).append(value)
    return [Frame(fields, {})]
