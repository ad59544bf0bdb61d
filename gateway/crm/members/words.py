"""Clusters in words, English and Chinese: a name and what marks them, from effect sizes.

The effect size of a feature is Cohen's d: the mean in the cluster less the mean elsewhere, by the standard
deviation within the two. From 0.8 on it is large (Cohen, Statistical Power Analysis, 1988) and is said. What
has no large effect is ordinary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np

from gateway.crm.members.features import Features
from gateway.crm.members.reading import Bools, Floats


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The same in both languages."""

    en: str
    zh: str


LARGE = 0.8
MOST = 4
"""Marks that are said; more is no description."""
CATEGORY = "category:"

CATEGORIES = {
    "fashion": Words(en="fashion", zh="服饰"),
    "electronics": Words(en="electronics", zh="数码"),
    "services": Words(en="services", zh="服务"),
    "kids": Words(en="kids", zh="亲子"),
    "home": Words(en="home", zh="家居"),
    "sports": Words(en="sports", zh="运动"),
    "restaurant": Words(en="restaurants", zh="餐厅"),
    "cafe": Words(en="cafés", zh="咖啡茶饮"),
    "jewellery": Words(en="jewellery", zh="珠宝"),
    "beauty": Words(en="beauty", zh="美妆"),
    "food": Words(en="food", zh="食品"),
    "entertainment": Words(en="entertainment", zh="娱乐"),
    "department": Words(en="department stores", zh="百货"),
    "books": Words(en="books", zh="书店"),
    "grocery": Words(en="groceries", zh="超市"),
    "food_court": Words(en="the food court", zh="美食广场"),
    "other": Words(en="other shops", zh="其他店铺"),
}
"""Categories that site files know; others are called as they are written."""


@dataclass(frozen=True, slots=True)
class Side:
    """What is said where a feature is far above, or far below, that of others."""

    en: str
    zh: str
    short_en: str
    short_zh: str


SIDES: Mapping[tuple[str, bool], Side] = {
    ("frequency", True): Side("come often", "来访频繁", "Frequent", "常客"),
    ("frequency", False): Side("come seldom", "来访较少", "Infrequent", "少来"),
    ("evening", True): Side("often come in the evening", "多在傍晚后来", "Evening", "傍晚"),
    ("evening", False): Side("seldom come in the evening", "很少在傍晚后来", "Daytime", "白天"),
    ("weekend", True): Side("often come at weekends", "多在周末来", "Weekend", "周末"),
    ("weekend", False): Side("seldom come at weekends", "很少在周末来", "Weekday", "工作日"),
    ("car", True): Side("come by car", "常开车来", "By car", "开车"),
    ("car", False): Side("seldom come by car", "很少开车来", "Without a car", "不开车"),
    ("breadth", True): Side("see many shops in a visit", "每次逛店多", "Many shops", "逛店多"),
    ("breadth", False): Side("see few shops in a visit", "每次逛店少", "Few shops", "逛店少"),
    ("dwell", True): Side("stay long in shops", "在店停留久", "Long stays", "停留久"),
    ("dwell", False): Side("stay shortly in shops", "在店停留短", "Short stays", "停留短"),
    ("loyalty", True): Side("return to one shop", "常去同一家店", "One shop", "认准一店"),
    ("loyalty", False): Side(
        "seldom return to the same shop", "很少重复去同一家店", "No favourite shop", "不固定",
    ),
    ("buying", True): Side("buy at most visits to shops", "进店多会购买", "Buyers", "爱买"),
    ("buying", False): Side("look more than they buy", "多看少买", "Lookers", "少买"),
    ("discount", True): Side("often buy at a discount", "多买折扣商品", "Discounts", "爱折扣"),
    ("discount", False): Side("seldom buy at a discount", "很少买折扣商品", "Full price", "买正价"),
    ("amount", True): Side(
        "spend more on a purchase than others do in such shops", "单次消费高于同类店铺其他会员",
        "Large purchases", "单次消费高",
    ),
    ("amount", False): Side(
        "spend less on a purchase than others do in such shops", "单次消费低于同类店铺其他会员",
        "Small purchases", "单次消费低",
    ),
}  # fmt: skip

UNITS = {
    "frequency": Words(en="{} times a week", zh="每周 {} 次"),
    "breadth": Words(en="{} in a visit", zh="每次 {} 家"),
    "buying": Words(en="{} purchases a stay", zh="每次进店 {} 笔"),
}
SHARES = {"evening", "weekend", "car", "loyalty", "discount"}
"""Features told in per cent."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What distinguishes a cluster."""

    feature: str
    effect: float
    """Cohen's d."""
    inside: float
    elsewhere: float
    """Means, in the feature's own unit; of categories, as shares."""


@dataclass(frozen=True, slots=True)
class Described:
    """A cluster in words; `key` is the same whenever the same is found again."""

    key: str
    name: Words
    description: Words
    marks: list[Mark]


def marks_of(features: Features, inside: Bools, among: Bools) -> list[Mark]:
    """Return what distinguishes the members `inside` (M,) from the others `among` (M,), the largest first."""
    here, there = features.values[inside & among], features.values[~inside & among]
    spread = np.sqrt(
        (len(here) * here.var(axis=0) + len(there) * there.var(axis=0)) / (len(here) + len(there))
    )
    difference = here.mean(axis=0) - there.mean(axis=0)
    effect = np.divide(difference, spread, out=np.zeros_like(spread), where=spread > 0)
    marks = [
        Mark(name, float(effect[i]), _plain(name, here[:, i]), _plain(name, there[:, i]))
        for i, name in enumerate(features.names)
        if abs(effect[i]) >= LARGE
    ]
    # That others are liked more makes every other category less: only what is more is worth a word.
    told = [one for one in marks if not (one.feature.startswith(CATEGORY) and one.effect < 0)]
    return sorted(told, key=lambda one: -abs(one.effect))


def describe(marks: list[Mark]) -> Described:
    """Put a cluster's marks in words."""
    if not marks:
        return Described(
            "ordinary", Words(en="Ordinary", zh="普通顾客"),
            Words(en="Nothing about them is far from the others.", zh="各方面与其他会员没有明显差别。"), [],
        )  # fmt: skip
    said = marks[:MOST]
    key, name = _known(marks) or _plainly(said)
    text = Words(
        en="They " + "; ".join(_sentence(one, "en") for one in said) + ".",
        zh="；".join(_sentence(one, "zh") for one in said) + "。",
    )
    return Described(key, name, text, said)


def _known(marks: list[Mark]) -> tuple[str, Words] | None:
    """Return the name that the field has for such people, where all that it means holds."""
    more = {one.feature: one.effect for one in marks}
    if more.get("discount", 0) > 0 and more.get("amount", 0) < 0:
        return "price-sensitive", Words(en="Price-sensitive", zh="价格敏感")
    if more.get("loyalty", 0) > 0 and marks[0].feature == "loyalty":
        return "brand-loyal", Words(en="Brand-loyal", zh="品牌忠诚")
    if marks[0].feature == CATEGORY + "grocery" and marks[0].effect > 0:
        return "grocery", Words(en="Groceries", zh="日常采购")
    if more.get("frequency", 0) > 0 and more.get("breadth", 0) < 0:
        return "lives-nearby", Words(en="Likely to live or work nearby", zh="可能住在或工作在附近")
    return None


def _plainly(marks: list[Mark]) -> tuple[str, Words]:
    """Return a name made of the two largest marks."""
    two = marks[:2]
    sides = [_side(one) for one in two]
    key = "-".join(
        f"{'more' if one.effect > 0 else 'less'}-{one.feature.removeprefix(CATEGORY)}" for one in two
    )
    return key, Words(
        en=", ".join([sides[0].short_en, *(one.short_en.lower() for one in sides[1:])]),
        zh="、".join(one.short_zh for one in sides),
    )


def _side(mark: Mark) -> Side:
    if not mark.feature.startswith(CATEGORY):
        return SIDES[mark.feature, mark.effect > 0]
    category = mark.feature.removeprefix(CATEGORY)
    name = CATEGORIES.get(category) or Words(en=category, zh=category)
    return Side(f"go to {name.en}", f"常去{name.zh}", name.en.capitalize(), name.zh)


def _sentence(mark: Mark, language: str) -> str:
    side = _side(mark)
    inside, elsewhere = (_number(mark, value, language) for value in (mark.inside, mark.elsewhere))
    if language == "en":
        return f"{side.en} ({inside}, others {elsewhere})"
    return f"{side.zh}（{inside}，其他人 {elsewhere}）"


def _number(mark: Mark, value: float, language: str) -> str:
    if mark.feature in SHARES or mark.feature.startswith(CATEGORY):
        return f"{100 * value:.0f} %"
    if mark.feature in {"dwell", "amount"}:
        return f"× {value:.2g}"
    unit = UNITS.get(mark.feature)
    return (
        f"{value:.2g}" if unit is None else (unit.en if language == "en" else unit.zh).format(f"{value:.2g}")
    )


def _plain(name: str, values: Floats) -> float:
    """Return the mean of a feature in its own unit: back from logarithms and roots."""
    if name == "frequency":
        return float(np.exp(values.mean()) - 0.2)
    if name in {"breadth", "dwell", "amount"}:
        return float(np.exp(values.mean()))
    if name.startswith(CATEGORY):
        return float(np.mean(values**2))
    return float(values.mean())
