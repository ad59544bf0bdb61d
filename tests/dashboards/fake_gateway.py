"""The gateway's HTTP API with figures of a mall that is only drawn, for tests and for work on the console.

By hand, from the project's root: `python -m tests.dashboards.fake_gateway --port 8010`.
"""

import argparse
import asyncio
import time
from typing import Any

import numpy as np
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Request, Response, WebSocket, WebSocketDisconnect

import dashboards
from tests.dashboards.fake_mall import (
    CELL_M,
    DAY_MS,
    DEPTH_M,
    FLOORS,
    HOUR_MS,
    K,
    MINUTE_MS,
    OFFSET_MS,
    SITE,
    WIDTH_M,
    ZONES,
    Crowd,
    crowd_share,
)

_DAY_START_MS = 1_795_219_200_000 - OFFSET_MS  # 2026-11-21 in Shanghai
OPENED_MS = _DAY_START_MS + 15 * HOUR_MS + 42 * MINUTE_MS
_KERNEL = np.exp(-0.5 * (np.arange(-4, 5) / 1.2) ** 2)
_KERNEL /= _KERNEL.sum()
_PEOPLE_PER_PHONE = 0.86


class FakeGateway:
    """A day at the mall: what `GET` answers, by the moment asked for."""

    def __init__(self, phones: int, now_ms: int = OPENED_MS, *, full: bool = False) -> None:
        """Make a gateway of a mall with `phones` at its fullest; `full`: all there now, on the ground floor."""
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
            "floors": [{"floor": f["id"], "people": round((levels == i).sum() * _PEOPLE_PER_PHONE, 1)} for i, f in enumerate(FLOORS)],
            "floor": floor,
            "heat": _heat(xy[mine]),
            "dots": {
                "id": ids[dots].tolist(),
                "x_m": np.round(xy[dots, 0], 2).tolist(),
                "y_m": np.round(xy[dots, 1], 2).tolist(),
                "sd_m": [3.5] * len(dots),
            },
            "zones": _occupancy(zone, number, mine, len(dots)),
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
        hours = float(np.sum(crowd_share(np.arange(from_ms, min(to_ms, self.now_ms()), HOUR_MS, dtype=float))))
        random = np.random.default_rng(5)
        rows = []
        for _, zone in ZONES:
            visits = int(random.gamma(1.5, 60) * hours)
            dwell = float(random.gamma(4, 130))
            small = visits < 30  # noqa: PLR2004  # some zones must be suppressed in every test
            rows.append(
                {
                    "zone": zone["id"],
                    "visits": None if small else visits,
                    "visitors": None if small else int(visits * 0.83),
                    "dwell_median_s": None if small else dwell,
                    "dwell_p90_s": None if small else dwell * 2.6,
                    "dwell_mean_s": None if small else dwell * 1.25,
                    "open": None if small else int(visits * 0.05),
                    "suppressed": small,
                }
            )
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
                    "people": round(people, 1),
                    "arrivals": int(people * 1.35),
                    "low": round(max(people - spread, 0), 1),
                    "high": round(people + spread, 1),
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
        moments = np.arange(from_ms, min(to_ms, self.now_ms()), step)
        people = crowd_share(moments) * self.crowd.phones * _PEOPLE_PER_PHONE
        return {"step_ms": step, "t_ms": moments.tolist(), "people": np.round(people, 1).tolist()}

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes' health: most are well, one is silent, one is offline, one spools."""
        now, rows = self.now_ms(), []
        for index, node in enumerate(SITE["nodes"]):  # type: ignore[arg-type]
            state = {6: "silent", 13: "offline", 19: "never"}.get(index, "online")
            online = state == "online"
            rows.append(
                {
                    "id": node["id"],
                    "floor": node["floor"],
                    "state": state,
                    "last_ms": None if state == "never" else now - (700 if online else 26 * MINUTE_MS),
                    "lag_ms": None if state == "never" else 400 + 130 * (index % 5) + (8_000 if index == 3 else 0),  # noqa: PLR2004
                    "observations_per_min": 2_400 - 97 * (index % 9) if online else 0,
                    "spooled": 1_840 if index == 3 else 0,  # noqa: PLR2004
                    "dropped": 0,
                    "temperature_c": None if state == "never" else 44.0 + 1.7 * (index % 8) + (22 if index == 8 else 0),  # noqa: PLR2004
                    "advice": _advice(index),
                }
            )
        return rows


def _advice(index: int) -> dict[str, str] | None:
    return {
        3: {"en": "Sends more slowly than it hears: check its uplink.", "zh": "上传慢于接收：请检查上行网络。"},
        6: {"en": "Connected, but hears nothing: re-plug its Wi-Fi adapter.", "zh": "在线但收不到信号：请重新插拔无线网卡。"},
        8: {"en": "Runs hot (68 °C): give it air.", "zh": "温度过高（68 °C）：请改善散热。"},
        13: {"en": "No connection for 26 minutes: check power and cable.", "zh": "已断开 26 分钟：请检查电源和网线。"},
        19: {"en": "Never seen: has it been installed?", "zh": "从未上线：是否已安装？"},
    }.get(index)


def _interval(phones: int) -> dict[str, Any]:
    people = phones * _PEOPLE_PER_PHONE
    spread = 1.64 * (phones * 0.2) ** 0.5 + 0.02 * phones
    return {"people": round(people, 1), "low": round(max(people - spread, 0), 1), "high": round(people + spread, 1), "suppressed": False}


def _heat(xy: Any) -> dict[str, Any]:
    nx, ny = int(np.ceil(WIDTH_M / CELL_M)), int(np.ceil(DEPTH_M / CELL_M))
    grid = np.histogram2d(xy[:, 1], xy[:, 0], bins=(ny, nx), range=((0, ny * CELL_M), (0, nx * CELL_M)))[0]
    for axis in (0, 1):
        grid = np.apply_along_axis(np.convolve, axis, grid, _KERNEL, "same")
    index = np.flatnonzero(grid.ravel() > 0.01)  # noqa: PLR2004
    value = np.round(grid.ravel()[index], 3)
    return {"cell_m": CELL_M, "x0_m": 0.0, "y0_m": 0.0, "nx": nx, "ny": ny, "index": index.tolist(), "value": value.tolist()}


def _occupancy(zone: Any, number: int, mine: Any, walkers: int) -> list[dict[str, Any]]:
    rows = []
    for index, (floor, each) in enumerate(ZONES):
        if floor != FLOORS[number]["id"]:
            continue
        phones = int((zone[mine] == index).sum())
        if each["kind"] == "corridor":
            phones = int((zone[mine] == -1).sum())
        count = _interval(phones)
        small = 0 < count["people"] < K
        figures = dict.fromkeys(("people", "low", "high")) if small else count
        rows.append({"zone": each["id"], **figures, "suppressed": small})
    return rows


def create_app(gateway: FakeGateway, password: str | None = None) -> FastAPI:
    """Make the application: the API of `gateway`, behind a login if there is a password, and the console."""
    app = FastAPI()

    def authorised(request: Request) -> None:
        if password is not None and request.cookies.get("session") != password:
            raise HTTPException(401, "log in first")

    guard = [Depends(authorised)]

    def period(from_ms: int | None, to_ms: int | None) -> tuple[int, int]:
        now = gateway.now_ms()
        start = now - (now + OFFSET_MS) % DAY_MS
        return from_ms or start, to_ms or start + DAY_MS

    @app.post("/api/v1/login")
    async def login(request: Request, response: Response) -> dict[str, bool]:
        if (await request.json()).get("password") != password:
            raise HTTPException(401, "wrong password")
        response.set_cookie("session", password or "", httponly=True, samesite="strict")
        return {"ok": True}

    @app.get("/api/v1/site", dependencies=guard)
    def site() -> dict[str, Any]:
        return SITE

    @app.get("/api/v1/live", dependencies=guard)
    def live_once(floor: str) -> dict[str, Any]:
        return gateway.frame(floor, gateway.now_ms())

    @app.get("/api/v1/frame", dependencies=guard)
    def frame(floor: str, t_ms: int) -> dict[str, Any]:
        return gateway.frame(floor, t_ms)

    @app.get("/api/v1/timeline", dependencies=guard)
    def timeline(from_ms: int | None = None, to_ms: int | None = None) -> dict[str, Any]:
        return gateway.timeline(*period(from_ms, to_ms))

    @app.get("/api/v1/zones", dependencies=guard)
    def zones(from_ms: int | None = None, to_ms: int | None = None) -> list[dict[str, Any]]:
        return gateway.zones(*period(from_ms, to_ms))

    @app.get("/api/v1/zones/{zone}/hours", dependencies=guard)
    def hours(zone: str, from_ms: int | None = None, to_ms: int | None = None) -> list[dict[str, Any]]:
        return gateway.hours(zone, *period(from_ms, to_ms))

    @app.get("/api/v1/footfall", dependencies=guard)
    def footfall(from_ms: int | None = None, to_ms: int | None = None) -> list[dict[str, Any]]:
        return gateway.footfall(*period(from_ms, to_ms))

    @app.get("/api/v1/flows", dependencies=guard)
    def flows(floor: str | None = None) -> dict[str, Any]:
        return gateway.flows(floor)

    @app.get("/api/v1/events", dependencies=guard)
    def events(limit: int = 100) -> dict[str, Any]:
        return gateway.events(limit)

    @app.get("/api/v1/nodes", dependencies=guard)
    def nodes() -> list[dict[str, Any]]:
        return gateway.nodes()

    @app.get("/api/v1/health", dependencies=guard)
    def health() -> dict[str, Any]:
        return {"status": "ok", "t_ms": gateway.now_ms(), "lag_ms": 640, "counters": {}, "devices": 0}

    @app.websocket("/api/v1/live")
    async def live(socket: WebSocket, floor: str) -> None:
        if password is not None and socket.cookies.get("session") != password:
            await socket.close(1008)
            return
        await socket.accept()
        asked = {"floor": floor}

        async def listen() -> None:
            while True:
                asked.update(await socket.receive_json())

        listener = asyncio.create_task(listen())
        try:
            while not listener.done():
                await socket.send_json(gateway.frame(asked["floor"], gateway.now_ms(), live=True))
                await asyncio.sleep(1 / gateway.frames_per_s)
        except (WebSocketDisconnect, RuntimeError):
            pass
        finally:
            listener.cancel()

    dashboards.mount(app)
    return app


def main() -> None:
    """Serve a drawn mall until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--phones", type=int, default=2400)
    parser.add_argument("--password")
    options = parser.parse_args()
    app = create_app(FakeGateway(options.phones), options.password)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
