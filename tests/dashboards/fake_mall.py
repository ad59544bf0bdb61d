"""A mall that is only drawn: two floors with shops round a ring corridor, and nodes."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

WIDTH_M, DEPTH_M, CELL_M = 150.0, 84.0, 2.0
TIMEZONE = "Asia/Shanghai"
K = 5

_NAMES = {
    "F1": (
        "Lumen Optics|明视眼镜 Aurora Jewels|曙光珠宝 Paper & Ink|纸墨书店 North Gate|北门"
        " Harvest Market|丰收超市 Tea Atelier|茶工坊 Nordic Home|北欧家居 Silk Road|丝路服饰"
        " Motion Sports|动感运动 Pixel House|像素数码 South Gate|南门 Kite Toys|风筝玩具"
        " Verde Flowers|绿意花店 Bao Kitchen|包子铺 Stride|步履鞋店 Cedar & Co|雪松男装"
        " Mira Beauty|米拉美妆 Atlas Travel|环球旅行 Blue Door|蓝门咖啡 Loom|织物 Orchard|果园鲜饮"
        " Note Music|音符乐器 Hanfu House|汉服馆 Quartz|石英表行 Sugar Mill|糖坊 Tidewater|潮汐泳装"
    ),
    "F2": (
        "Noodle Bar|面馆 Hotpot Hall|火锅堂 Sakura Sushi|樱花寿司 Sky Lounge|云顶休息区"
        " Grill House|炭烤坊 Dumpling King|饺子王 Food Court|美食广场 Cinema|影城 Arcade One|一号电玩"
        " Little Stars|小星星童装 Nail Studio|美甲屋 Yoga Loft|瑜伽阁 Dental Care|口腔诊所"
        " Camp Outfitters|露营装备 Photo Corner|影像角 Phone Fix|手机维修 Tailor|裁缝铺"
        " Gelato|意式冰淇淋 Craft Lab|手工坊 Chess Club|棋社 Bookworm|书虫 Ceramics|陶艺坊"
        " Denim Lab|丹宁研究所 Sock Shop|袜子店 Juice Lab|果汁实验室 Puzzle Room|密室逃脱"
    ),
}
_FLOOR_NAMES = ({"en": "Ground floor", "zh": "一层"}, {"en": "Food & fun", "zh": "二层 · 美食娱乐"})
_CATEGORIES = ("fashion", "food", "home", "beauty", "electronics", "services", "sports")


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    return {"type": "Polygon", "coordinates": [ring]}


def _boxes() -> Iterator[tuple[float, float, float, float]]:
    """Yield the shops' rectangles: an outer ring round a ring corridor, and two islands in it."""
    cuts = (0.0, 22.0, 44.0, 58.0, 68.0, 94.0, 118.0, 150.0)
    for y0, y1 in ((66.0, 84.0), (0.0, 18.0)):
        yield from ((x0, y0, x1, y1) for x0, x1 in pairwise(cuts))
    for x0, x1 in ((0.0, 18.0), (132.0, 150.0)):
        yield from ((x0, y0, x1, y0 + 24.0) for y0 in (18.0, 42.0))
    for x0, x1, x2 in ((28.0, 46.0, 60.0), (90.0, 106.0, 122.0)):
        yield from ((a, b, c, b + 14.0) for a, c in ((x0, x1), (x1, x2)) for b in (28.0, 42.0))


def floors() -> list[dict[str, Any]]:
    """Return the floors as `GET /site` gives them."""
    return [_floor(number, names) for number, names in enumerate(_NAMES.items())]


def _floor(number: int, named: tuple[str, str]) -> dict[str, Any]:
    floor, names = named
    pairs = [pair.rsplit("|", 1) for pair in _split(names)]
    zones = []
    for index, ((en, zh), box) in enumerate(zip(pairs, _boxes(), strict=True)):
        kind = "entrance" if "Gate" in en else "facility" if "Lounge" in en else "shop"
        zones.append(_zone(f"{floor.lower()}-{index:02d}", (en, zh), kind, box))
        zones[-1]["category"] = _CATEGORIES[(index * 5 + number) % len(_CATEGORIES)] if kind == "shop" else ""
        zones[-1]["capacity"] = 80 if kind == "shop" else None
    name = floor.lower()
    zones.append(_zone(f"{name}-escalator", ("Escalators", "自动扶梯"), "vertical", (70, 36, 80, 48)))
    corridor = _zone(f"{name}-corridor", ("Galleria", "中庭长廊"), "corridor", (18, 18, 132, 66))
    corridor["area"]["coordinates"] += [
        [[x0, 28], [x0, 56], [x1, 56], [x1, 28], [x0, 28]] for x0, x1 in ((28, 60), (90, 122))
    ]
    corridor["label"] = [75, 61]
    outline = [[0, 0], [150, 0], [150, 84], [0, 84], [0, 0]]
    return {
        "id": floor,
        "name": _FLOOR_NAMES[number],
        "level": number,
        "elevation_m": 5.5 * number,
        "bounds": [0, 0, WIDTH_M, DEPTH_M],
        "outline": {"type": "Polygon", "coordinates": [outline]},
        "zones": [*zones, corridor],
    }


def _split(names: str) -> list[str]:
    """Split 'Blue Door|蓝门 Loom|织物' into pairs: a name may hold spaces, its translation holds none."""
    pairs, english = [], ""
    for word in names.split(" "):
        english = f"{english} {word}".strip()
        if "|" in word:
            pairs.append(english)
            english = ""
    return pairs


def _zone(
    zone: str, name: tuple[str, str], kind: str, box: tuple[float, float, float, float]
) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    return {
        "id": zone,
        "name": {"en": name[0], "zh": name[1]},
        "kind": kind,
        "category": "",
        "capacity": None,
        "area": _rectangle(*box),
        "label": [(x0 + x1) / 2, (y0 + y1) / 2],
    }


FLOORS = floors()
ZONES = [(floor["id"], zone) for floor in FLOORS for zone in floor["zones"]]
_CEILING = [(x, y) for y in (22.0, 62.0) for x in (12.0, 44.0, 75.0, 106.0, 138.0)]
NODES: list[dict[str, Any]] = [
    {"id": f"{floor}-n{number:02d}", "floor": floor, "x_m": x, "y_m": y, "z_m": 3.2}
    for floor in ("F1", "F2")
    for number, (x, y) in enumerate(_CEILING, start=1)
]
SITE: dict[str, Any] = {
    "mall": {"id": "riverside", "name": {"en": "Riverside Mall", "zh": "滨江天地"}, "timezone": TIMEZONE},
    "k": K,
    "people": {
        "calibrated": False,
        "arrivals_calibrated": False,
        "note": {
            "en": "Uncalibrated: 1 ± 0.2 phones a person are assumed.",
            "zh": "未校准：假设每人 1 ± 0.2 部手机。",
        },
    },
    "floors": FLOORS,
    "nodes": NODES,
}
