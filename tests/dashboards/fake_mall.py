"""A mall that is only drawn: floors, shops and a crowd whose places follow from the time alone.

It stands in for the gateway's engine in the tests of the console, so it needs no history: where everybody is
at a moment is a function of that moment.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

WIDTH_M, DEPTH_M, CELL_M = 150.0, 84.0, 2.0
TIMEZONE = "Asia/Shanghai"
DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
OFFSET_MS = 8 * HOUR_MS  # Shanghai has no summer time
K = 5

_NAMES = {
    "F1": (
        "Lumen Optics|明视眼镜 Aurora Jewels|曙光珠宝 Paper & Ink|纸墨书店 North Gate|北门 Harvest Market|丰收超市"
        " Tea Atelier|茶工坊 Nordic Home|北欧家居 Silk Road|丝路服饰 Motion Sports|动感运动 Pixel House|像素数码"
        " South Gate|南门 Kite Toys|风筝玩具 Verde Flowers|绿意花店 Bao Kitchen|包子铺 Stride|步履鞋店"
        " Cedar & Co|雪松男装 Mira Beauty|米拉美妆 Atlas Travel|环球旅行 Blue Door|蓝门咖啡 Loom|织物"
        " Orchard|果园鲜饮 Note Music|音符乐器 Hanfu House|汉服馆 Quartz|石英表行 Sugar Mill|糖坊 Tidewater|潮汐泳装"
    ),
    "F2": (
        "Noodle Bar|面馆 Hotpot Hall|火锅堂 Sakura Sushi|樱花寿司 Sky Lounge|云顶休息区 Grill House|炭烤坊"
        " Dumpling King|饺子王 Food Court|美食广场 Cinema|影城 Arcade One|一号电玩 Little Stars|小星星童装"
        " Nail Studio|美甲屋 Yoga Loft|瑜伽阁 Dental Care|口腔诊所 Camp Outfitters|露营装备 Photo Corner|影像角"
        " Phone Fix|手机维修 Tailor|裁缝铺 Gelato|意式冰淇淋 Craft Lab|手工坊 Chess Club|棋社 Bookworm|书虫"
        " Ceramics|陶艺坊 Denim Lab|丹宁研究所 Sock Shop|袜子店 Juice Lab|果汁实验室 Puzzle Room|密室逃脱"
    ),
}
_CATEGORIES = ("fashion", "food", "home", "beauty", "electronics", "services", "sports")


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    ring = [[x0, y0], [x1, y0], [x1, y1], [x0, y1], [x0, y0]]
    return {"type": "Polygon", "coordinates": [ring]}


def _boxes() -> Iterator[tuple[float, float, float, float]]:
    """Yield the shops' rectangles: an outer ring round a ring corridor, and two islands in it."""
    cuts = (0.0, 22.0, 44.0, 58.0, 68.0, 94.0, 118.0, 150.0)
    for y0, y1 in ((66.0, 84.0), (0.0, 18.0)):
        yield from ((x0, y0, x1, y1) for x0, x1 in zip(cuts[:-1], cuts[1:], strict=True))
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
        zones.append(_zone(floor, f"{floor.lower()}-{index:02d}", (en, zh), kind, box))
        zones[-1]["category"] = _CATEGORIES[(index * 5 + number) % len(_CATEGORIES)] if kind == "shop" else ""
        zones[-1]["capacity"] = 80 if kind == "shop" else None
    zones.append(_zone(floor, f"{floor.lower()}-escalator", ("Escalators", "自动扶梯"), "vertical", (70, 36, 80, 48)))
    corridor = _zone(floor, f"{floor.lower()}-corridor", ("Galleria", "中庭长廊"), "corridor", (18, 18, 132, 66))
    corridor["area"]["coordinates"] += [
        [[x0, 28], [x0, 56], [x1, 56], [x1, 28], [x0, 28]] for x0, x1 in ((28, 60), (90, 122))
    ]
    corridor["label"] = [75, 61]
    outline = [[0, 0], [150, 0], [150, 84], [0, 84], [0, 0]]
    return {
        "id": floor,
        "name": {"en": "Ground floor", "zh": "一层"} if number == 0 else {"en": "Food & fun", "zh": "二层 · 美食娱乐"},
        "level": number,
        "elevation_m": 5.5 * number,
        "bounds": [0, 0, WIDTH_M, DEPTH_M],
        "outline": {"type": "Polygon", "coordinates": [outline]},
        "zones": [*zones, corridor],
    }


def _split(names: str) -> list[str]:
    """Split 'Blue Door|蓝门咖啡 Loom|织物' into its pairs: a name may hold spaces, its translation holds none."""
    pairs, english = [], ""
    for word in names.split(" "):
        english = f"{english} {word}".strip()
        if "|" in word:
            pairs.append(english)
            english = ""
    return pairs


def _zone(
    floor: str, zone: str, name: tuple[str, str], kind: str, box: tuple[float, float, float, float]
) -> dict[str, Any]:
    x0, y0, x1, y1 = box
    label = [(x0 + x1) / 2, (y0 + y1) / 2]
    area = _rectangle(*box)
    names = {"en": name[0], "zh": name[1]}
    return {"id": zone, "floor": floor, "name": names, "kind": kind, "category": "", "area": area, "label": label}


FLOORS = floors()
ZONES = [(floor["id"], zone) for floor in FLOORS for zone in floor["zones"]]
SITE = {
    "mall": {"id": "riverside", "name": {"en": "Riverside Mall", "zh": "滨江天地"}, "timezone": TIMEZONE},
    "k": K,
    "floors": FLOORS,
    "nodes": [
        {"id": f"{floor}-n{index + 1:02d}", "floor": floor, "x_m": x, "y_m": y, "z_m": 3.2}
        for floor in ("F1", "F2")
        for index, (x, y) in enumerate([(x, y) for y in (22.0, 62.0) for x in (12.0, 44.0, 75.0, 106.0, 138.0)])
    ],
}


def crowd_share(t_ms: Floats | float) -> Floats:
    """Return how full the mall is, 0 to 1: shut until ten, a rush at noon and one in the evening."""
    hour = ((np.asarray(t_ms, dtype=np.float64) + OFFSET_MS) % DAY_MS) / HOUR_MS
    noon, evening = np.exp(-(((hour - 12.7) / 1.3) ** 2)), np.exp(-(((hour - 18.6) / 2.0) ** 2))
    doors = 1 / (1 + np.exp(-(hour - 10.2) * 5)) / (1 + np.exp((hour - 21.8) * 5))
    ripple = 0.02 * np.sin(hour * 9.1) + 0.015 * np.sin(hour * 23.0)
    return np.asarray(doors * (0.22 + ripple + 0.42 * noon + 0.5 * evening))


class Crowd:
    """Phones that stay in shops and walk round the ring corridor between them."""

    def __init__(self, phones: int, seed: int = 7, *, full: bool = False) -> None:
        self.phones = phones
        self._full = full
        random = np.random.default_rng(seed)
        self._threshold = random.permutation(phones) / phones
        self._stay_ms = random.uniform(4, 13, phones) * MINUTE_MS
        self._phase_ms = random.uniform(0, 1, phones) * self._stay_ms
        self._salt = random.integers(1, 2**31, phones)
        places = [index for index, (_, zone) in enumerate(ZONES) if zone["kind"] not in {"corridor", "vertical"}]
        self._places = {floor["id"]: [i for i in places if ZONES[i][0] == floor["id"]] for floor in FLOORS}
        self._appeal = {floor: random.gamma(1.4, 1.0, len(zones)) for floor, zones in self._places.items()}

    def at(self, t_ms: float) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Floats, npt.NDArray[np.int64]]:
        """Return phone numbers (n,), floor numbers (n,), places in metres (n, 2) and zone numbers or -1 (n,)."""
        here = np.flatnonzero(self._threshold < (1.0 if self._full else crowd_share(t_ms)))
        clock = (t_ms + self._phase_ms[here]) / self._stay_ms[here]
        leg, part = np.floor(clock).astype(np.int64), clock % 1.0
        upstairs = 100 if self._full else 58
        level = (_hash(self._salt[here], leg // 4) % 100 > upstairs).astype(np.int64)
        start, start_zone = self._place(here, leg, level)
        end, _ = self._place(here, leg + 1, level)
        walking = np.clip((part - 0.72) / 0.28, 0.0, 1.0)
        xy = _walk(start, end, walking) + 3.4 * np.stack((np.sin(here * 2.3), np.cos(here * 3.1)), axis=1)
        sway = np.stack((np.sin(t_ms / 9e3 + here), np.cos(t_ms / 11e3 + here * 1.7)), axis=1)
        xy = np.where((walking > 0)[:, None], xy, start + 0.9 * sway)
        zone = np.where(walking <= 0, start_zone, -1)
        return here, level, np.clip(xy, 0.5, (WIDTH_M - 0.5, DEPTH_M - 0.5)), zone

    def _place(
        self, here: npt.NDArray[np.int64], leg: npt.NDArray[np.int64], level: npt.NDArray[np.int64]
    ) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Return where each phone stands during one leg, and in which zone."""
        draw = (_hash(self._salt[here], leg) % 10_000) / 10_000
        xy, zone = np.zeros((len(here), 2)), np.zeros(len(here), dtype=np.int64)
        for number, floor in enumerate(FLOORS):
            rows, places = level == number, np.asarray(self._places[floor["id"]])
            share = np.cumsum(self._appeal[floor["id"]])
            zone[rows] = places[np.searchsorted(share / share[-1], draw[rows], side="right").clip(0, len(places) - 1)]
        boxes = np.asarray([np.ptp(np.asarray(z["area"]["coordinates"][0]), axis=0) for _, z in ZONES])
        middles = np.asarray([z["label"] for _, z in ZONES], dtype=np.float64)
        for axis in (0, 1):
            inside = (_hash(self._salt[here] + 17 * (axis + 1), leg) % 1000) / 1000 - 0.5
            xy[:, axis] = middles[zone, axis] + inside * (boxes[zone, axis] - 4)
        return xy, zone


def _hash(salt: npt.NDArray[np.int64], leg: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    mixed = (salt * 2_654_435_761 + leg * 40_503 + 12_345) & 0x7FFFFFFF
    return np.asarray((mixed ^ (mixed >> 13)) * 1_274_126_177 >> 7 & 0xFFFFFF)


_RING = np.array([[23.0, 23.0], [127.0, 23.0], [127.0, 61.0], [23.0, 61.0]])
_SIDES = np.array([104.0, 38.0, 104.0, 38.0])


def _to_ring(xy: Floats) -> Floats:
    """Return how far along the corridor's middle line the nearest point to each place is."""
    low, high = _RING[0], _RING[2]
    inside = np.clip(xy, low, high)
    gaps = np.stack((inside[:, 1] - low[1], high[0] - inside[:, 0], high[1] - inside[:, 1], inside[:, 0] - low[0]), 1)
    along = np.stack(
        (inside[:, 0] - low[0], 104 + inside[:, 1] - low[1], 142 + high[0] - inside[:, 0], 246 + high[1] - inside[:, 1]), 1
    )
    return np.asarray(along[np.arange(len(xy)), gaps.argmin(axis=1)])


def _on_ring(along: Floats) -> Floats:
    corner = np.searchsorted(np.cumsum(_SIDES), along % 284.0, side="right") % 4
    start = _RING[corner]
    step = (along % 284.0) - (np.cumsum(_SIDES) - _SIDES)[corner]
    return np.asarray(start + (_RING[(corner + 1) % 4] - start) / _SIDES[corner][:, None] * step[:, None])


def _walk(start: Floats, end: Floats, part: Floats) -> Floats:
    """Return places on the way: out to the corridor, along its shorter side, in again."""
    leave, arrive = _to_ring(start), _to_ring(end)
    turn = (arrive - leave + 142.0) % 284.0 - 142.0
    door, goal = _on_ring(leave), _on_ring(arrive)
    out, along, into = np.clip(part / 0.2, 0, 1), np.clip((part - 0.2) / 0.6, 0, 1), np.clip((part - 0.8) / 0.2, 0, 1)
    way = _on_ring(leave + turn * along)
    way = np.where((out < 1)[:, None], start + (door - start) * out[:, None], way)
    return np.asarray(np.where((into > 0)[:, None], goal + (end - goal) * into[:, None], way))
