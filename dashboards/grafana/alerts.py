"""Alert rules: what they watch, from when on they speak, and what their texts say to do.

Format: the provisioning of alert rules (grafana.com/docs, "Use configuration files to provision alerting
resources"); the same rules go over the HTTP API of alert provisioning. Whom to tell is the operator's:
rules name no contact point, so Grafana's notification policies decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.grafana.asking import How, Is, Query, Value, last, mean
from dashboards.grafana.board import Mall, plain
from dashboards.grafana.words import Text

EXPRESSION = "__expr__"
HOUR_S, WEEK_S = 3_600, 7 * 24 * 3_600
WEEKS = 4
"""With how many earlier weeks an hour is compared."""

_AGO = ("B", "C", "D", "E")


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


def rules(mall: Mall) -> Iterator[Rule]:
    """Give the rules of one mall."""
    yield _over_capacity(mall)
    yield _silent(mall)
    yield _unusual(mall)
    yield _stale(mall)


def _over_capacity(mall: Mall) -> Rule:
    query = Query(
        "long",
        "occupancy",
        mean("people"),
        by=("zone",),
        where=(Is("kind", "zone"),),
        every="1m",
    )
    return Rule(
        "capacity",
        Text("Over capacity", "超出容量"),
        Text(
            "{{ $labels.zone }} holds more people than its capacity.", "{{ $labels.zone }} 的人数超过其容量。"
        ),
        Text(
            "Look at the zone (console or camera) before you act: the number is an estimate. If it is"
            " right, stop"
            " letting people in, open another way out, and call security.",
            "行动前请先查看该区域（控制台或摄像头）：人数为估计值。如属实，请停止放行、打开其他出口并通知安保。",
        ),
        [
            _query(mall, "A", query, 300),
            _query(
                mall,
                "B",
                Query(query.policy, query.measurement, mean("capacity"), query.by, query.where, "1m"),
                300,
            ),
            _reduce("people", "A", "mean"),
            _reduce("capacity", "B", "last"),
            _math("over", "is_number(${people}) && (${people} > ${capacity})"),
        ],
        "over",
        for_s=180,
        severity="critical",
        panel=("occupancy", 4),
    )


def _silent(mall: Mall) -> Rule:
    return Rule(
        "silent",
        Text("Node is silent", "节点无消息"),
        Text(
            "Node {{ $labels.node }} has not been heard for five minutes.",
            "节点 {{ $labels.node }} 已五分钟没有消息。",
        ),
        Text(
            "Look at its power and its network cable; `mallsense doctor` on the node says what is wrong."
            " Around it,"
            " people are seen less well until it is back; what it still hears is kept and sent later.",
            "检查供电和网线；在节点上运行 `mallsense doctor` 可查明原因。恢复前其周围的识别会变差；"
            "节点仍听到的数据会保存并稍后补发。",
        ),
        [
            _query(mall, "A", Query("live", "node", last("online"), ("node",), every="1m"), 600),
            _reduce("online", "A", "last"),
            _math("over", "is_number(${online}) && (${online} < 1)"),
        ],
        "over",
        for_s=300,
        panel=("nodes", 1),
    )


def _unusual(mall: Mall) -> Rule:
    """The last full hour against the same hour of four earlier weeks.

    Far is both: more than three standard deviations (of the four weeks, and of chance: a number of people
    has the variance of a Poisson variable at least) and more than three tenths of what is usual.
    """
    query = Query("long", "footfall_hour", (Value("arrivals", How.LAST),), every="1h")
    data = [_query(mall, "A", query, 2 * HOUR_S, HOUR_S), _reduce("now", "A", "last")]
    for week, ref in enumerate(_AGO, start=1):
        ago_s = week * WEEK_S
        data += [
            _query(mall, ref, query, ago_s + 2 * HOUR_S, ago_s + HOUR_S),
            _reduce(f"week{week}", ref, "last"),
        ]
    weeks = [f"${{week{week}}}" for week in range(1, WEEKS + 1)]
    squares = " + ".join(f"({week} - ${{usual}}) ** 2" for week in weeks)
    data += [
        _math("usual", f"({' + '.join(weeks)}) / {WEEKS}"),
        _math("spread", f"(({squares}) / {WEEKS - 1} + ${{usual}}) ** 0.5"),
        _math("gap", "abs(${now} - ${usual})"),
        _math("far", "is_number(${gap}) && (${gap} > 3 * ${spread}) && (${gap} > 0.3 * ${usual})"),
    ]
    return Rule(
        "unusual",
        Text("Footfall is far from usual", "客流异常"),
        Text(
            "{{ $values.now.Value }} people arrived in the last full hour; usual for this hour is"
            " {{ $values.usual.Value }}.",
            "最近一个整点小时到达 {{ $values.now.Value }} 人；该时段通常为 {{ $values.usual.Value }} 人。",
        ),
        Text(
            "Ask first whether there is a reason (holiday, promotion, weather, closed entrance). If there"
            " is none, look"
            " whether nodes at the entrances are silent: then it is the counting that is unusual.",
            "先确认是否有原因（节假日、促销、天气、入口关闭）。若无，检查入口处节点是否无消息：那样异常的是计数本身。",
        ),
        data,
        "far",
        for_s=0,
        panel=("footfall", 1),
    )


def _stale(mall: Mall) -> Rule:
    return Rule(
        "stale",
        Text("Data is stale", "数据过期"),
        Text(
            "The newest figures are more than two minutes old, or none arrive at all.",
            "最新数据已超过两分钟，或完全没有数据。",
        ),
        Text(
            "Do not trust any live figure. Is the gateway running (`mallsense gateway`, its console), can"
            " it reach the"
            " broker, can it write to InfluxDB? Nothing is lost: what waits is sent when the way is free.",
            "请勿相信任何实时数据。检查网关是否运行（`mallsense gateway`"
            " 及其控制台）、能否连接代理、能否写入InfluxDB。"
            "数据不会丢失：通路恢复后会补发。",
        ),
        [
            _query(mall, "A", Query("live", "freshness", (Value("behind_s", How.LAST),), every="1m"), 600),
            _reduce("behind", "A", "last"),
            _math("over", "${behind} > 120"),
        ],
        "over",
        for_s=120,
        no_data="Alerting",
        severity="critical",
        panel=("nodes", 1),
    )


def _query(mall: Mall, ref: str, query: Query, since_s: int, until_s: int = 0) -> dict[str, object]:
    model = mall.source.alert_target(query, ref).to_json()
    return {
        "refId": ref,
        "relativeTimeRange": {"from": since_s, "to": until_s},
        "datasourceUid": mall.source.ref.uid,
        "model": {**model, "intervalMs": 60_000, "maxDataPoints": 1_000},
    }


def _reduce(ref: str, of: str, reducer: str) -> dict[str, object]:
    """One number of each series; minutes without one are left out.

    Without any the result is NaN, which a condition would take for true: hence `is_number` in the conditions.
    """
    return _expression(
        ref, {"type": "reduce", "expression": of, "reducer": reducer, "settings": {"mode": "dropNN"}}
    )


def _math(ref: str, expression: str) -> dict[str, object]:
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
