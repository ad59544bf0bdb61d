"""A car park that is only drawn, in the shapes that the gateway's HTTP API gives it."""

from typing import Any

import numpy as np

from tests.dashboards.fake_crowd import HOUR_MS, MINUTE_MS, Floats, Whole, crowd_share

AREAS: list[dict[str, Any]] = [
    {"id": "P1", "name": {"en": "Upper level", "zh": "上层"}, "level": "B1", "capacity": 420},
    {"id": "P2", "name": {"en": "Lower level, west", "zh": "下层西区"}, "level": "B2", "capacity": 260},
    {"id": "P3", "name": {"en": "Lower level, east", "zh": "下层东区"}, "level": "B2", "capacity": 240},
]
CAPACITY = 920
TOKEN = "Q4xkT0s9b2mWv7LqPz1H3A"
PLATE = "浙A8K27"
_SHARES = (1.26, 1.1, 0.66)
"""How full each area is beside how busy the mall is."""
_STEP_MS = 5 * MINUTE_MS


def now(t_ms: int) -> dict[str, Any]:
    """Return how full it is at a moment."""
    cars = [int(column[0]) for column in _cars(np.array([t_ms], dtype=np.float64))]
    areas = [_area(area, taken) for area, taken in zip(AREAS, cars, strict=True)]
    whole = _sum("car-park", {"en": "Car park", "zh": "停车场"}, areas)
    level = _sum("B2", {"en": "B2", "zh": "B2"}, areas[1:])
    return {
        "t_ms": t_ms,
        "whole": whole,
        "areas": areas,
        "levels": [level],
        "forecast": {"within_30": 0.03, "within_60": 0.22, "minutes": 105},
    }


def _cars(moments_ms: Floats) -> list[Whole]:
    """Return the cars in each area at some moments."""
    busy = crowd_share(moments_ms) ** 0.35
    return [
        (np.clip(share * busy, 0, 1) * int(area["capacity"])).astype(np.int64)
        for area, share in zip(AREAS, _SHARES, strict=True)
    ]


def _area(area: dict[str, Any], cars: int) -> dict[str, Any]:
    capacity = int(area["capacity"])
    return {
        "id": area["id"], "name": area["name"], "capacity": capacity, "cars": cars, "low": max(cars - 4, 0),
        "high": min(cars + 4, capacity), "free": capacity - cars, "full": cars >= 0.98 * capacity,
        "queue": 3 if area["id"] == "P1" else 0,
    }  # fmt: skip


def _sum(name: str, names: Any, areas: list[dict[str, Any]]) -> dict[str, Any]:
    total = {key: sum(area[key] for area in areas) for key in ("capacity", "cars", "free", "queue")}
    spread = round(4 * len(areas) ** 0.5)
    low, high = total["cars"] - spread, min(total["cars"] + spread, total["capacity"])
    return {"id": name, "name": names, **total, "low": max(low, 0), "high": high, "full": False}


def timeline(from_ms: int, to_ms: int, now_ms: int) -> dict[str, Any]:
    """Return how full it was."""
    moments = np.arange(from_ms, min(to_ms, now_ms), _STEP_MS, dtype=np.float64)
    cars = np.sum(_cars(moments), axis=0)
    spread = 2 + cars // 60
    flow = np.diff(cars, prepend=cars[:1]) if len(cars) else cars
    turn = (crowd_share(moments) * 30).astype(int)
    return {
        "step_ms": _STEP_MS,
        "capacity": CAPACITY,
        "t_ms": moments.astype(int).tolist(),
        "cars": cars.tolist(),
        "low": np.maximum(cars - spread, 0).tolist(),
        "high": np.minimum(cars + spread, CAPACITY).tolist(),
        "entered": (turn + np.maximum(flow, 0)).tolist(),
        "left": (turn + np.maximum(-flow, 0)).tolist(),
    }


def stays(from_ms: int, to_ms: int, now_ms: int) -> dict[str, Any]:
    """Return turnover and lengths; in the first hour of a day too few have left."""
    if min(to_ms, now_ms) - from_ms < HOUR_MS:
        return {
            "stays": None, "turnover": None, "ended": None, "length_median_min": None,
            "length_p90_min": None, "suppressed": True,
        }  # fmt: skip
    return {
        "stays": 1874, "turnover": 2.04, "ended": 1311, "length_median_min": 96.0, "length_p90_min": 221.0,
        "suppressed": False,
    }  # fmt: skip


def find(by: dict[str, str], now_ms: int) -> dict[str, Any] | None:
    """Return where the one car is that can be found."""
    if by.get("token") != TOKEN and not (by.get("plate") and PLATE.endswith(by["plate"])):
        return None
    area = AREAS[1]
    return {
        "stay": "0" * 32, "area": area["id"], "name": area["name"], "level": area["level"],
        "entered_ms": now_ms - 47 * MINUTE_MS, "seen_ms": now_ms - 45 * MINUTE_MS,
    }  # fmt: skip
