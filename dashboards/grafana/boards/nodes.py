"""Whether what is shown can be relied on: the nodes, and how late the data is."""

from collections.abc import Iterator

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from dashboards.grafana.asking import How, Query, Value, last, mean
from dashboards.grafana.board import Mall, dashboard
from dashboards.grafana.boards.live import NOW
from dashboards.grafana.fields import states
from dashboards.grafana.panels import Look
from dashboards.grafana.variables import the_mall
from dashboards.grafana.words import Text

TITLE = Text("Nodes and data", "节点与数据")
STATES = {"1": (Text("heard", "在线"), "green"), "0": (Text("silent", "无消息"), "red")}
DELAY = Text(
    "The clock minus the time that the newest figures are of. It grows while the gateway, or all nodes,"
    " cannot be reached; what waits is sent later, so nothing is lost.",
    "时钟与最新数据所属时刻之差。网关或所有节点不可达时会增大；等待的数据稍后补发，不会丢失。",
)


def nodes(mall: Mall) -> Dashboard:
    """Every node as it is, and the delay of the data."""
    return dashboard(
        mall,
        "nodes",
        TITLE,
        Text(
            "Whether the figures can be relied on: which nodes are silent, hot or full, and how late the"
            " data is.",
            "数据是否可靠：哪些节点无消息、过热或存储将满，数据延迟多久。",
        ),
        list(_panels(mall)),
        variables=[the_mall(mall)],
        since="now-6h",
        refresh="1m",
    )


def _panels(mall: Mall) -> Iterator[Panel]:
    yield _table(mall)
    if mall.source.keeps:
        yield from _past(mall)


def _table(mall: Mall) -> Panel:
    text = {"custom.cellOptions": {"type": "color-text"}}
    return mall.panels.table(
        Look(
            Text("Nodes now", "节点当前状态"),
            Text(
                "Silent means that the node has told nothing for a while: look at its power, then at its"
                " network. Batches that wait on the node are sent once the broker can be reached.",
                "“无消息”表示节点已一段时间没有数据：先检查供电，再检查网络。节点待发的数据在连上代理后发送。",
            ),
            height=14,
            names=mall.floors,
            over=NOW,
            mappings=(),
            more={
                "online": {
                    "mappings": [states(STATES, mall.language).to_json()],
                    "custom.cellOptions": {"type": "color-background", "mode": "basic"},
                },
                "silent_s": {**text, "thresholds": _steps((60, "orange"), (300, "red"))},
                "temperature_c": {**text, "thresholds": _steps((70, "orange"), (80, "red"))},
                "spooled": {**text, "thresholds": _steps((100, "orange"), (1_000, "red"))},
                "dropped": {**text, "thresholds": _steps((1, "red"))},
            },
        ),
        Query(
            "live",
            "node",
            last(
                "online",
                "silent_s",
                "temperature_c",
                "disk_free_bytes",
                "memory_free_bytes",
                "spooled",
                "dropped",
                "frames_s",
                "observations_s",
            ),
            by=("node", "floor"),
        ),
        sort="silent_s",
    )


def _steps(*steps: tuple[float, str]) -> dict[str, object]:
    made: list[dict[str, object]] = [{"value": None, "color": "text"}]
    made += [{"value": value, "color": color} for value, color in steps]
    return {"mode": "absolute", "steps": made}


def _past(mall: Mall) -> Iterator[Panel]:
    yield mall.panels.states(
        Look(
            Text("When which node was heard", "节点在线时间线"),
            Text("Green: heard. Red: silent.", "绿色：在线；红色：无消息。"),
            height=10,
            steps=((None, "red"), (1, "green")),
            mappings=(states(STATES, mall.language),),
        ),
        Query("live", "node", (Value("online", How.LAST),), by=("node",), every="$__interval"),
    )
    yield mall.panels.lines(
        Look(Text("Data delay", "数据延迟"), DELAY, width=12),
        Query("live", "freshness", (Value("behind_s", How.MAX),), every="$__interval"),
    )
    yield mall.panels.lines(
        Look(
            Text("Waiting for InfluxDB", "待写入InfluxDB"),
            Text(
                "Requests that the gateway could not write yet; they are kept on its disk.",
                "网关尚未写入的请求；保存在其磁盘上。",
            ),
            width=12,
        ),
        Query("live", "freshness", (Value("outbox", How.MAX),), every="$__interval"),
    )
    yield mall.panels.lines(
        Look(
            Text("Temperature of the nodes", "节点温度"),
            Text("Above 80 °C a Raspberry Pi slows down.", "高于80°C时树莓派会降频。"),
        ),
        Query("live", "node", mean("temperature_c"), by=("node",), every="$__interval"),
    )
