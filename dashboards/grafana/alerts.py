"""Alert rules: what they watch, from when on they speak, and what their texts say to do.

Whom to tell is the operator's: rules name no contact point, so Grafana's notification policies decide.
"""

from collections.abc import Iterator

from dashboards.grafana.asking import How, Is, Query, Value, last, mean
from dashboards.grafana.board import Mall
from dashboards.grafana.rules import Rule, math, query, reduced
from dashboards.grafana.words import Text

HOUR_S, WEEK_S = 3_600, 7 * 24 * 3_600
WEEKS = 4
"""With how many earlier weeks an hour is compared."""

_AGO = ("B", "C", "D", "E")


def rules(mall: Mall) -> Iterator[Rule]:
    """Give the rules of one mall."""
    yield _over_capacity(mall)
    yield _silent(mall)
    yield _unusual(mall)
    yield _stale(mall)


def _over_capacity(mall: Mall) -> Rule:
    asked = Query(
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
            " right, stop letting people in, open another way out, and call security.",
            "行动前请先查看该区域（控制台或摄像头）：人数为估计值。如属实，请停止放行、打开其他出口并通知安保。",
        ),
        [
            query(mall, "A", asked, 300),
            query(
                mall,
                "B",
                Query(asked.policy, asked.measurement, mean("capacity"), asked.by, asked.where, "1m"),
                300,
            ),
            reduced("people", "A", "mean"),
            reduced("capacity", "B", "last"),
            math("over", "is_number(${people}) && (${people} > ${capacity})"),
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
            " Around it, people are seen less well until it is back; what it still hears is kept and sent"
            " later.",
            "检查供电和网线；在节点上运行 `mallsense doctor` 可查明原因。恢复前其周围的识别会变差；"
            "节点仍听到的数据会保存并稍后补发。",
        ),
        [
            query(mall, "A", Query("live", "node", last("online"), ("node",), every="1m"), 600),
            reduced("online", "A", "last"),
            math("over", "is_number(${online}) && (${online} < 1)"),
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
    asked = Query("long", "footfall_hour", (Value("arrivals", How.LAST),), every="1h")
    data = [query(mall, "A", asked, 2 * HOUR_S, HOUR_S), reduced("now", "A", "last")]
    for week, ref in enumerate(_AGO, start=1):
        ago_s = week * WEEK_S
        data += [
            query(mall, ref, asked, ago_s + 2 * HOUR_S, ago_s + HOUR_S),
            reduced(f"week{week}", ref, "last"),
        ]
    weeks = [f"${{week{week}}}" for week in range(1, WEEKS + 1)]
    squares = " + ".join(f"({week} - ${{usual}}) ** 2" for week in weeks)
    data += [
        math("usual", f"({' + '.join(weeks)}) / {WEEKS}"),
        math("spread", f"(({squares}) / {WEEKS - 1} + ${{usual}}) ** 0.5"),
        math("gap", "abs(${now} - ${usual})"),
        math("far", "is_number(${gap}) && (${gap} > 3 * ${spread}) && (${gap} > 0.3 * ${usual})"),
    ]
    return Rule(
        "unusual",
        Text("Footfall is far from usual", "客流异常"),
        Text(
            "{{ $values.now.Value }} people arrived in the last full hour; usual for this hour is {{"
            " $values.usual.Value }}.",
            "最近一个整点小时到达 {{ $values.now.Value }} 人；该时段通常为 {{ $values.usual.Value }} 人。",
        ),
        Text(
            "Ask first whether there is a reason (holiday, promotion, weather, closed entrance). If there"
            " is none, look whether nodes at the entrances are silent: then it is the counting that is"
            " unusual.",
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
            " it reach the broker, can it write to InfluxDB? Nothing is lost: what waits is sent when the"
            " way is free.",
            "请勿相信任何实时数据。检查网关是否运行（`mallsense gateway`"
            " 及其控制台）、能否连接代理、能否写入InfluxDB。"
            "数据不会丢失：通路恢复后会补发。",
        ),
        [
            query(mall, "A", Query("live", "freshness", (Value("behind_s", How.LAST),), every="1m"), 600),
            reduced("behind", "A", "last"),
            math("over", "${behind} > 120"),
        ],
        "over",
        for_s=120,
        no_data="Alerting",
        severity="critical",
        panel=("nodes", 1),
    )
