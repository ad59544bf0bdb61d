"""The health of the drawn mall's nodes: most are well, some show each thing that can be wrong."""

from typing import Any

from tests.dashboards.fake_crowd import MINUTE_MS
from tests.dashboards.fake_mall import NODES

_SLOW, _SILENT, _HOT, _OFFLINE, _NEVER = 3, 6, 8, 13, 19
_STATES = {_SILENT: "silent", _OFFLINE: "offline", _NEVER: "never"}
_ADVICE = {
    _SLOW: ("Sends more slowly than it hears: check its uplink.", "上传慢于接收：请检查上行网络。"),
    _SILENT: (
        "Connected, but hears nothing: re-plug its Wi-Fi adapter.",
        "在线但收不到信号：请重新插拔无线网卡。",
    ),
    _HOT: ("Runs hot: give it air.", "温度过高：请改善散热。"),
    _OFFLINE: ("No connection for 26 minutes: check power and cable.", "已断开 26 分钟：请检查电源和网线。"),
    _NEVER: ("Never seen: has it been installed?", "从未上线：是否已安装？"),
}


def node_health(now_ms: int) -> list[dict[str, Any]]:
    """Return what `GET /nodes` answers."""
    return [_health(index, node, now_ms) for index, node in enumerate(NODES)]


def _health(index: int, node: dict[str, Any], now_ms: int) -> dict[str, Any]:
    state = _STATES.get(index, "online")
    online, seen = state == "online", state != "never"
    advice = _ADVICE.get(index)
    return {
        "id": node["id"],
        "floor": node["floor"],
        "state": state,
        "last_ms": now_ms - (700 if online else 26 * MINUTE_MS) if seen else None,
        "lag_ms": 400 + 130 * (index % 5) + 8_000 * (index == _SLOW) if seen else None,
        "observations_per_min": 2_400 - 97 * (index % 9) if online else 0,
        "spooled": 1_840 * (index == _SLOW),
        "dropped": 0,
        "temperature_c": 44.0 + 1.7 * (index % 8) + 22 * (index == _HOT) if seen else None,
        "advice": {"en": advice[0], "zh": advice[1]} if advice else None,
    }
