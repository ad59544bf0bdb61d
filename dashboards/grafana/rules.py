"""What an alert rule is made of: queries, reductions, formulas, and the form in which Grafana takes it.

Format: the provisioning of alert rules (grafana.com/docs, "Use configuration files to provision alerting
resources"); the same rules go over the HTTP API of alert provisioning.
"""

from dataclasses import dataclass
from typing import Any

from dashboards.grafana.asking import Query
from dashboards.grafana.board import Mall, plain
from dashboards.grafana.words import Text

EXPRESSION = "__expr__"
"""What Grafana calls itself where it computes."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; it fires for each series of its queries by itself."""

    name: str
    title: Text
    summary: Text
    what_to_do: Text
    data: list[dict[str, object]]
    condition: str
    for_s: int
    no_data: str = "OK"
    severity: str = "warning"
    panel: tuple[str, int] = ("live", 1)
    """The dashboard, and the number of its panel, that show more."""


def query(mall: Mall, ref: str, wanted: Query, since_s: int, until_s: int = 0) -> dict[str, object]:
    """A question to the data source, of a time that ends `until_s` ago."""
    model = mall.source.alert_target(wanted, ref).to_json()
    return {
        "refId": ref,
        "relativeTimeRange": {"from": since_s, "to": until_s},
        "datasourceUid": mall.source.ref.uid,
        "model": {**model, "intervalMs": 60_000, "maxDataPoints": 1_000},
    }


def reduced(ref: str, of: str, reducer: str) -> dict[str, object]:
    """One number of each series; minutes without one are left out.

    Without any the result is NaN, which a condition would take for true: hence `is_number` in the conditions.
    """
    return _expression(
        ref, {"type": "reduce", "expression": of, "reducer": reducer, "settings": {"mode": "dropNN"}}
    )


def math(ref: str, expression: str) -> dict[str, object]:
    """A formula over what other steps gave, for each series by itself."""
    return _expression(ref, {"type": "math", "expression": expression})


def _expression(ref: str, what: dict[str, object]) -> dict[str, object]:
    source = {"type": EXPRESSION, "uid": EXPRESSION}
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 0, "to": 0},
        "datasourceUid": EXPRESSION,
        "model": {"refId": ref, "datasource": source, **what},
    }


def uid(mall: Mall, rule: Rule) -> str:
    """The rule's id: the same whatever the language is, so that a mall has each rule once."""
    return f"ms-{mall.id[:24]}-{rule.name}"


def written(mall: Mall, rule: Rule, words: str) -> dict[str, Any]:
    """The rule as the provisioning takes it; `words` is `en`, `zh` or `both`."""
    return {
        "uid": uid(mall, rule),
        "title": f"{_said(words, mall.name)} · {_said(words, rule.title)}",
        "condition": rule.condition,
        "data": plain(rule.data),
        "noDataState": rule.no_data,
        "execErrState": "Error",
        "for": f"{rule.for_s}s",
        "annotations": {
            "summary": _said(words, rule.summary, "\n"),
            "description": _said(words, rule.what_to_do, "\n"),
            "__dashboardUid__": mall.uid(rule.panel[0]),
            "__panelId__": str(rule.panel[1]),
        },
        "labels": {"mall": mall.id, "severity": rule.severity, "source": "mallsense"},
        "isPaused": False,
    }


def _said(words: str, text: Text, between: str = " / ") -> str:
    if words != "both":
        return text.en if words == "en" else text.zh
    return text.en if text.en == text.zh else f"{text.en}{between}{text.zh}"
