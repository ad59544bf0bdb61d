"""Words in two languages, and how every figure is called, in which unit."""

from typing import Literal, NamedTuple

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")


class Text(NamedTuple):
    """The same words in English and Chinese."""

    en: str
    zh: str

    def __call__(self, language: Language) -> str:
        """The words in one language."""
        return self.en if language == "en" else self.zh


class Figure(NamedTuple):
    """How a field is shown: its name, Grafana's id of its unit, and decimals."""

    name: Text
    unit: str = "none"
    decimals: int | None = 0


PEOPLE, CARS = Text("people", "人"), Text("cars", "辆")

FIGURES = {
    "time": Figure(Text("Time", "时间"), "dateTimeAsIso", None),
    "zone": Figure(Text("Zone", "区域")),
    "floor": Figure(Text("Floor", "楼层")),
    "node": Figure(Text("Node", "节点")),
    "area": Figure(Text("Area", "停车区")),
    "mall": Figure(Text("Mall", "商场")),
    "source": Figure(Text("From", "来自")),
    "target": Figure(Text("To", "去往")),
    "people": Figure(Text("People", "人数")),
    "low": Figure(Text("Lower bound (90 %)", "下限（90%）")),
    "high": Figure(Text("Upper bound (90 %)", "上限（90%）")),
    "capacity": Figure(Text("Capacity", "容量")),
    "share": Figure(Text("Of capacity", "占容量"), "percentunit"),
    "minutes": Figure(Text("Device-minutes", "设备·分钟"), decimals=1),
    "arrivals": Figure(Text("Arrivals", "到达")),
    "arrivals_low": Figure(Text("Lower bound (90 %)", "下限（90%）")),
    "arrivals_high": Figure(Text("Upper bound (90 %)", "上限（90%）")),
    "visits": Figure(Text("Visits", "到访次数")),
    "dwell_median_s": Figure(Text("Median dwell", "停留中位数"), "dtdurations"),
    "dwell_p90_s": Figure(Text("90th percentile", "第90百分位"), "dtdurations"),
    "dwell_mean_s": Figure(Text("Mean dwell", "平均停留"), "dtdurations"),
    "cars": Figure(Text("Cars", "车辆")),
    "free": Figure(Text("Free spaces", "空闲车位")),
    "entered": Figure(Text("Entered", "驶入")),
    "left": Figure(Text("Left", "驶出")),
    "queue": Figure(Text("Waiting to enter", "排队入场"), decimals=1),
    "online": Figure(Text("State", "状态")),
    "silent_s": Figure(Text("Silent for", "无消息时长"), "dtdurations"),
    "temperature_c": Figure(Text("Temperature", "温度"), "celsius", 1),
    "disk_free_bytes": Figure(Text("Free disk", "磁盘剩余"), "bytes", 1),
    "memory_free_bytes": Figure(Text("Free memory", "内存剩余"), "bytes", 1),
    "spooled": Figure(Text("Waiting on the node", "节点待发")),
    "dropped": Figure(Text("Dropped", "丢弃")),
    "frames_s": Figure(Text("Frames a second", "帧/秒"), decimals=1),
    "observations_s": Figure(Text("Observations a second", "观测/秒"), decimals=1),
    "behind_s": Figure(Text("Data delay", "数据延迟"), "dtdurations"),
    "outbox": Figure(Text("Waiting for InfluxDB", "待写入InfluxDB")),
    "people_now": Figure(Text("People now", "当前人数")),
}

INTERVAL = Text(
    "The interval holds the true number in nine cases of ten: it counts in chance and how well phones a"
    " person are known.",
    "区间在十次中有九次包含真实人数：已计入随机误差以及“每人手机数”的不确定性。",
)
NO_DATA = Text("no data", "无数据")


def hidden(k: int) -> Text:
    """What a missing value may mean, for descriptions."""
    return Text(
        f"Groups of fewer than {k} people are not shown (a gap is not zero).",
        f"少于{k}人的群体不予显示（空白不等于零）。",
    )


def hidden_or_none(k: int) -> Text:
    """What stands where there is no number."""
    return Text(f"fewer than {k}, or no data", f"少于{k}人或无数据")


def sentences(*texts: Text) -> Text:
    """One text after the other."""
    return Text(" ".join(text.en for text in texts), "".join(text.zh for text in texts))
