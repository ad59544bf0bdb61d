"""Segments, rules, figures and alerts of a CRM that is only drawn."""

from typing import Any

import numpy as np

from gateway.crm.figures.definitions import DEFINITIONS
from tests.dashboards.fake_crowd import HOUR_MS
from tests.dashboards.fake_mall import ZONES

Row = dict[str, Any]


_TIERS = (
    ("gold", "Gold|金卡", "Came this month, often, and spends most|本月来过，来得勤，消费最高", 512, 0.18),
    ("silver", "Silver|银卡", "Comes regularly, spends the median|定期到访，消费居中", 968, 0.34),
    ("basic", "Basic|普卡", "Came rarely or long ago|很少来或很久没来", 1366, 0.48),
)
_CLUSTERS = (
    (
        *("daily-shopper", "Daily shopper|日常采购"),
        *("Short visits in the evening, mostly groceries|傍晚短暂到访，多为超市采购", 1_104, 0.39, 0.93),
    ),
    (
        *("weekend-family", "Weekend family|周末家庭"),
        *("Long visits at weekends, toys and food, by car|周末久留，玩具与餐饮，驾车", 642, 0.226, 0.81),
    ),
    (
        *("bargain-hunter", "Bargain hunter|精打细算"),
        *("Buys with discount, sees many shops|常在折扣时购买，逛的店多", 1_096, 0.385, 0.64),
    ),
    (
        *("brand-loyal", "Brand-loyal|品牌忠诚"),
        *("Always the same two or three shops|总去同样的两三家店", None, None, 0.52),
    ),
)


def segments(fitted_ms: int) -> Row:
    """Return tiers and clusters; the smallest cluster is of too few."""
    return {
        "tiers": [_segment(*each) for each in _TIERS],
        "clusters": [_segment(*each) for each in _CLUSTERS],
        "fitted_ms": fitted_ms,
    }


def _segment(
    id_: str, name: str, text: str, members: int | None, share: float | None, stability: float | None = None
) -> Row:
    (en, zh), (text_en, text_zh) = name.split("|"), text.split("|")
    return {
        "id": id_,
        "name": {"en": en, "zh": zh},
        "description": {"en": text_en, "zh": text_zh},
        "members": members,
        "share": share,
        "stability": stability,
    }


def rules() -> Row:
    """Return what goes together."""
    pairs = (("f1-11", "f2-09", 3.42, 0.31), ("f1-04", "f1-20", 2.1, 0.22), ("f1-02", "f1-18", 1.63, 0.4))
    return {
        "rules": [
            {
                "antecedent": [a],
                "consequent": [b],
                "basket": "purchases",
                "support": 0.02,
                "confidence": share,
                "lift": lift,
            }
            for a, b, lift, share in pairs
        ]
    }


def definitions() -> list[Row]:
    """Return the gateway's own definitions: their names must fit the page."""
    return [
        {
            "id": one.id,
            "name": {"en": one.name.en, "zh": one.name.zh},
            "unit": one.unit,
            "of": one.of,
            "definition": {"en": one.definition.en, "zh": one.definition.zh},
            "interval": one.interval,
        }
        for one in DEFINITIONS
    ]


def figures() -> Row:
    """Return every figure of the mall and of its shops; a few shops had too few visitors."""
    mall = {
        "visits": 8_412, "visitors": 7_930, "visits_per_visitor": 1.06, "members": 1_204,
        "returning_share": 0.64,
        "bounce_rate": 0.142, "near": 23_380, "came_in_share": 0.36, "shop_share": 0.71, "conversion": 0.268,
        "receipts": 2_254, "revenue": 384_126.0, "spend_per_visit": 45.66, "spend_per_car": 218.4,
    }  # fmt: skip
    units = {one.id: one.unit for one in DEFINITIONS}
    rows = [_figure(id_, None, value, units[id_]) for id_, value in mall.items()]
    rows += [_figure("floor_share", f"floor:{f}", v, "share") for f, v in (("F1", 0.83), ("F2", 0.46))]
    random = np.random.default_rng(17)
    for number, (_, zone) in enumerate(each for each in ZONES if each[1]["kind"] == "shop"):
        visits = int(random.gamma(2.0, 130))
        dwell, buys = float(random.gamma(5, 120)), float(random.uniform(0.05, 0.5))
        mine = {
            "zone_visits": visits, "zone_visitors": int(visits * 0.9), "shop_share": visits / 8_000,
            "visit_share": visits / 11_000, "dwell_median": dwell, "exposure": visits * dwell / 3_600,
            "exposure_share": visits / 12_000, "receipts": int(visits * buys), "conversion": buys,
            "revenue": visits * buys * 90.0, "spend_per_visit": buys * 90.0,
            "sales_per_m2": 41.2,
        }  # fmt: skip
        rows += [
            _figure(id_, zone["id"], value, units[id_], hidden=number % 9 == 4) for id_, value in mine.items()
        ]
    return {"figures": rows}


def _figure(id_: str, zone: str | None, value: float, unit: str, *, hidden: bool = False) -> Row:
    exact = unit in ("receipts", "money/m2") or id_ in ("revenue", "members")
    low, high = (value, value) if exact else (value * 0.86, value * 1.17)
    shown = {"value": value, "low": low, "high": high, "n": 412}
    told = dict.fromkeys(shown) if hidden else shown
    return {"id": id_, "zone": zone, **told, "unit": unit, "suppressed": hidden}


def alerts(now_ms: int) -> Row:
    """Return alerts: one goes on, one is over."""
    hour = now_ms - now_ms % HOUR_MS
    low = {"en": "Kite Toys has 31 visits this hour; on Saturdays at this time 62 are usual (44 to 83).",
           "zh": "风筝玩具本小时到访 31 次；周六此时通常为 62 次（44 至 83）。"}  # fmt: skip
    high = {"en": "People stayed 41 min in Bao Kitchen; 24 min are usual here (18 to 31).",
            "zh": "顾客在包子铺停留 41 分钟；通常为 24 分钟（18 至 31）。"}  # fmt: skip
    return {
        "alerts": [
            {"alert": "a-1", "zone": "f1-11", "zones": ["f1-11"], "kpi": "footfall", "side": "low",
             "t_ms": hour,
             "ended_ms": None, "value": 31, "usual": 62, "low": 44, "high": 83, "sentence": low},
            {"alert": "a-2", "zone": "f1-13", "zones": ["f1-13"], "kpi": "dwell", "side": "high",
             "t_ms": hour - 3 * HOUR_MS, "ended_ms": hour - HOUR_MS, "value": 2_460,
             "usual": 1_440, "high": 1_860,
             "low": 1_080, "sentence": high},
        ]
    }  # fmt: skip
