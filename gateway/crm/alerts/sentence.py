"""Alerts in words, in both languages of the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.crm import Kpi, KpiSentence
from contracts.site import Name

NAMED = 3
"""Of several zones, so many are named."""

_WEEKDAYS_EN = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WEEKDAYS_ZH = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
_KPI_EN = {Kpi.FOOTFALL: "footfall", Kpi.DWELL: "dwell time", Kpi.CONVERSION: "conversion"}
_KPI_ZH = {Kpi.FOOTFALL: "客流", Kpi.DWELL: "停留时间", Kpi.CONVERSION: "转化率"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure of a zone as people read it; `value` None where it is about too few people."""

    zone: str
    value: float | None
    usual: float
    low: float
    high: float


class Sentences:
    """Makes the sentences of one mall."""

    def __init__(self, names: Mapping[str, Name], zone: ZoneInfo, k: int) -> None:
        """Take the zones' names, `mall` among them, the mall's time zone, and the smallest group shown."""
        self._names, self._zone, self._k = names, zone, k

    def of(self, kpi: Kpi, found: Sequence[Shown], hour_ms: int) -> KpiSentence:
        """Say what is unusual in an hour, about one zone or several."""
        when = datetime.fromtimestamp(hour_ms / 1000, self._zone)
        if len(found) == 1:
            return KpiSentence(en=self._one_en(kpi, found[0], when), zh=self._one_zh(kpi, found[0], when))
        low = found[0].usual > (found[0].value or 0.0)
        named = found[:NAMED]
        rest = len(found) - len(named)
        brief = [f"({self._value(kpi, one)} / {_figure(kpi, one.usual)})" for one in named]
        en = ", ".join(f"{self._names[one.zone].en} {text}" for one, text in zip(named, brief, strict=True))
        zh = "、".join(f"{self._names[one.zone].zh} {text}" for one, text in zip(named, brief, strict=True))
        return KpiSentence(
            en=f"{_KPI_EN[kpi].capitalize()} is unusually {'low' if low else 'high'} in {len(found)} zones"
            f" from {_hours(when)}: {en}{f' and {rest} more' if rest else ''} (now / usual on a"
            f" {_WEEKDAYS_EN[when.weekday()]}).",
            zh=f"{_hours(when)}，{len(found)} 个区域的{_KPI_ZH[kpi]}异常偏{'低' if low else '高'}：{zh}"
            f"{f'，另有 {rest} 个' if rest else ''}（当前 / {_WEEKDAYS_ZH[when.weekday()]}通常）。",
        )

    def _one_en(self, kpi: Kpi, one: Shown, when: datetime) -> str:
        name, value, usual = self._names[one.zone].en, self._value(kpi, one), _figure(kpi, one.usual)
        day, hours = _WEEKDAYS_EN[when.weekday()], _hours(when)
        between = f"{_figure(kpi, one.low)} to {_figure(kpi, one.high)}"
        said = {
            Kpi.FOOTFALL: f"{name} had {value} {'people coming in' if one.zone == 'mall' else 'visits'}",
            Kpi.DWELL: f"visits of {name} lasted {value}",
            Kpi.CONVERSION: f"{name} had {value} sales for every 100 visits",
        }[kpi]
        as_today = "" if kpi is not Kpi.FOOTFALL or one.zone == "mall" else ", with as many people as today,"
        sentence = f"{said} from {hours}; on a {day} at this hour{as_today} about {usual} are usual"
        return f"{sentence[0].upper()}{sentence[1:]} ({between}){_change_en(kpi, one)}."

    def _one_zh(self, kpi: Kpi, one: Shown, when: datetime) -> str:
        name, usual = self._names[one.zone].zh, _figure(kpi, one.usual, zh=True)
        between = f"{_figure(kpi, one.low, zh=True)} 至 {_figure(kpi, one.high, zh=True)}"
        value = self._value(kpi, one, zh=True)
        said = {
            Kpi.FOOTFALL: f"{name}{'进入' if one.zone == 'mall' else '到访'} {value} 人次",
            Kpi.DWELL: f"{name}的到访平均停留 {value}",
            Kpi.CONVERSION: f"{name}每百次到访成交 {value} 笔",
        }[kpi]
        as_today = "按今日客流，" if kpi is Kpi.FOOTFALL and one.zone != "mall" else ""
        day = _WEEKDAYS_ZH[when.weekday()]
        usually = f"{as_today}{day}此时通常约为 {usual}（{between}）"
        return f"{_hours(when)}，{said}；{usually}{_change_zh(kpi, one)}。"

    def _value(self, kpi: Kpi, one: Shown, *, zh: bool = False) -> str:
        if one.value is None:
            return f"少于 {self._k}" if zh else f"fewer than {self._k}"
        return _figure(kpi, one.value, zh=zh)


def _figure(kpi: Kpi, value: float, *, zh: bool = False) -> str:
    if kpi is Kpi.DWELL:
        unit = " 分钟" if zh else " min"
        return f"{value / 60:.0f}{unit}" if value >= 600 else f"{value / 60:.1f}{unit}"
    return f"{100 * value:.0f}" if kpi is Kpi.CONVERSION else f"{value:,.0f}"


def _hours(when: datetime) -> str:
    return f"{when:%H:%M}–{when + timedelta(hours=1):%H:%M}"


_WORDS_EN = {
    Kpi.FOOTFALL: ("fewer", "more"),
    Kpi.DWELL: ("shorter", "longer"),
    Kpi.CONVERSION: ("fewer", "more"),
}
_WORDS_ZH = {Kpi.FOOTFALL: ("减少", "增加"), Kpi.DWELL: ("缩短", "延长"), Kpi.CONVERSION: ("降低", "提高")}


def _change_en(kpi: Kpi, one: Shown) -> str:
    percent = _percent(one)
    return "" if percent is None else f": {abs(percent)} % {_WORDS_EN[kpi][percent > 0]} than usual"


def _change_zh(kpi: Kpi, one: Shown) -> str:
    percent = _percent(one)
    return "" if percent is None else f"，较通常{_WORDS_ZH[kpi][percent > 0]} {abs(percent)}%"


def _percent(one: Shown) -> int | None:
    if one.value is None or one.usual <= 0:
        return None
    return round(100 * (one.value / one.usual - 1))
