"""The figures of a mall that is only drawn, in the shapes that the gateway's HTTP API gives them."""

import time
from typing import Any

import numpy as np

from tests.dashboards.fake_crowd import (
    HOUR_MS,
    MINUTE_MS,
    OFFSET_MS,
    Crowd,
    Floats,
    Whole,
    crowd_share,
)
from tests.dashboards.fake_mall import CELL_M, DEPTH_M, FLOORS, WIDTH_M, ZONES, K

_DAY_START_MS = 1_795_219_200_000 - OFFSET_MS  # 2026-11-21 in Shanghai
OPENED_MS = _DAY_START_MS + 15 * HOUR_MS + 42 * MINUTE_MS
_KERNEL = np.exp(-0.5 * (np.arange(-4, 5) / 1.2) ** 2)
_KERNEL /= _KERNEL.sum()
_PEOPLE_PER_PHONE = 0.86
_EMPTY = 0.01
_FEW_VISITS = 30


class FakeGateway:
    """A day at the mall: what `GET` answers, by the moment asked for."""

    def __init__(self, phones: int, now_ms: int = OPENED_MS, *, full: bool = False) -> None:
        """Make a mall with `phones` at its fullest; `full`: all are there now, on the ground floor."""
        self.crowd = Crowd(phones, full=full)
        self._started = time.monotonic()
        self._opened_ms = now_ms
        self._cursor = 0
        self.frames_per_s = 2.0

    def now_ms(self) -> int:
        """Return the mall's time: its day goes on from a fixed moment."""
        return self._opened_ms + int((time.monotonic() - self._started) * 1000)

    def frame(self, floor: str, t_ms: int, *, live: bool = False) -> dict[str, Any]:
        """Return the Frame of one floor at a moment."""
        number = next(i for i, each in enumerate(FLOORS) if each["id"] == floor)
        ids, levels, xy, zone = self.crowd.at(t_ms)
        mine = levels == number
        dots = np.flatnonzero(mine)[:2000]
        return {
            "t_ms": t_ms,
            "delay_ms": 640 if live else 0,
            "present": _interval(len(ids)),
            "floors": [
                {"floor": each["id"], "people": _people(int((levels == i).sum()))}
                for i, each in enumerate(FLOORS)
            ],
            "floor": floor,
            "heat": _heat(xy[mine]),
            "dots": {
                "id": ids[dots].tolist(),
                "x_m": np.round(xy[dots, 0], 2).tolist(),
                "y_m": np.round(xy[dots, 1], 2).tolist(),
                "sd_m": [3.5] * len(dots),
            },
            "zones": _occupancy(zone[mine], number),
            "events": self._events(t_ms) if live else [],
        }

    def _events(self, t_ms: int) -> list[dict[str, Any]]:
        random = np.random.default_rng(t_ms // 500)
        return [self._event(random, t_ms) for _ in range(random.poisson(0.6))]

    def _event(self, random: np.random.Generator, t_ms: int) -> dict[str, Any]:
        self._cursor += 1
        floor, zone = ZONES[random.integers(len(ZONES) - 1)]
        kind = ("visit.started", "visit.ended", "visit.updated")[random.choice(3, p=(0.5, 0.4, 0.1))]
        dwell = None if kind == "visit.started" else float(random.gamma(2, 260))
        return {
            "cursor": self._cursor,
            "kind": kind,
            "t_ms": t_ms,
            "zone": zone["id"],
            "floor": floor,
            "dwell_s": dwell,
            "visit": f"v{self._cursor:08x}",
        }

    def events(self, limit: int) -> dict[str, Any]:
        """Return the newest events."""
        random = np.random.default_rng(3)
        rows = [self._event(random, self.now_ms() - 9_000 * (limit - i)) for i in range(limit)]
        return {"events": rows, "next": self._cursor}

    def zones(self, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        """Return visits and dwell of every zone."""
        moments = np.arange(from_ms, min(to_ms, self.now_ms()), HOUR_MS, dtype=np.float64)
        hours = float(crowd_share(moments).sum())
        random = np.random.default_rng(5)
        rows = []
        for _, zone in ZONES:
            visits = int(random.gamma(1.5, 60) * hours)
            dwell = float(random.gamma(4, 130))
            figures = {
                "visits": visits,
                "visitors": int(visits * 0.83),
                "visitors_low": int(visits * 0.55),
                "visitors_high": int(visits * 1.1),
                "dwell_median_s": dwell,
                "dwell_p90_s": dwell * 2.6,
                "dwell_mean_s": dwell * 1.25,
                "open": int(visits * 0.05),
            }
            small = visits < _FEW_VISITS  # some zones must be suppressed in every test
            shown = dict.fromkeys(figures) if small else figures
            rows.append({"zone": zone["id"], **shown, "suppressed": small})
        return rows

    def footfall(self, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        """Return people and arrivals by the hour."""
        rows = []
        for hour_ms in range(from_ms - from_ms % HOUR_MS, min(to_ms, self.now_ms()), HOUR_MS):
            people = float(crowd_share(hour_ms + HOUR_MS / 2)) * self.crowd.phones * _PEOPLE_PER_PHONE
            spread = 1.64 * (people * 0.4) ** 0.5 + 0.03 * people
            rows.append(
                {
                    "hour_ms": hour_ms,
                    "people": round(people),
                    "arrivals": int(people * 1.35),
                    "arrivals_low": int(people * 0.9),
                    "arrivals_high": int(people * 1.8),
                    "low": round(max(people - spread, 0)),
                    "high": round(people + spread),
                    "suppressed": False,
                }
            )
        return rows

    def hours(self, zone: str, from_ms: int, to_ms: int) -> list[dict[str, Any]]:
        """Return one zone's visits by the hour."""
        weight = 1 + sum(map(ord, zone)) % 7
        return [
            {
                "hour_ms": row["hour_ms"],
                "visits": int(row["people"] * weight / 40),
                "people_mean": row["people"] * weight / 130,
                "suppressed": False,
            }
            for row in self.footfall(from_ms, to_ms)
        ]

    def flows(self, floor: str | None) -> dict[str, Any]:
        """Return who went from where to where."""
        random = np.random.default_rng(11)
        zones = [z["id"] for f, z in ZONES if (floor is None or f == floor) and z["kind"] != "corridor"]
        appeal = random.gamma(0.8, 1.0, len(zones))
        weights = np.outer(appeal, np.roll(appeal, 3)) * random.gamma(0.6, 1.0, (len(zones),) * 2)
        people = (weights * 26).astype(int)
        np.fill_diagonal(people, 0)
        links = [
            {"source": zones[i], "target": zones[j], "people": int(people[i, j])}
            for i, j in np.argwhere(people >= K)
        ]
        return {"links": links, "suppressed_links": int(((people > 0) & (people < K)).sum())}

    def timeline(self, from_ms: int, to_ms: int) -> dict[str, Any]:
        """Return people present, by five minutes."""
        step = 5 * MINUTE_MS
        moments = np.arange(from_ms, min(to_ms, self.now_ms()), step, dtype=np.float64)
        people = crowd_share(moments) * self.crowd.phones * _PEOPLE_PER_PHONE
        return {"step_ms": step, "t_ms": moments.astype(int).tolist(), "people": people.astype(int).tolist()}


def _people(phones: float) -> int:
    return round(phones * _PEOPLE_PER_PHONE)


def _interval(phones: int) -> dict[str, Any]:
    spread = 1.64 * (phones * 0.2) ** 0.5 + 0.02 * phones
    low, high = _people(max(phones - spread, 0)), _people(phones + spread)
    return {"people": _people(phones), "low": low, "high": high, "suppressed": False}


def _heat(xy: Floats) -> dict[str, Any]:
    nx, ny = int(np.ceil(WIDTH_M / CELL_M)), int(np.ceil(DEPTH_M / CELL_M))
    extent = ((0, ny * CELL_M), (0, nx * CELL_M))
    grid = np.histogram2d(xy[:, 1], xy[:, 0], bins=(ny, nx), range=extent)[0]
    for axis in (0, 1):
        grid = np.apply_along_axis(np.convolve, axis, grid, _KERNEL, "same")
    index = np.flatnonzero(grid.ravel() > _EMPTY)
    value = np.round(grid.ravel()[index], 3)
    frame = {"cell_m": CELL_M, "x0_m": 0.0, "y0_m": 0.0, "nx": nx, "ny": ny}
    return {**frame, "index": index.tolist(), "value": value.tolist()}


def _occupancy(zone: Whole, number: int) -> list[dict[str, Any]]:
    rows = []
    for index, (floor, each) in enumerate(ZONES):
        if floor != FLOORS[number]["id"]:
            continue
        walking = each["kind"] == "corridor"
        count = _interval(int((zone == (-1 if walking else index)).sum()))
        if 0 < count["people"] < K:
            count = {"people": None, "low": None, "high": None, "suppressed": True}
        rows.append({"zone": each["id"], **count})
    return rows
