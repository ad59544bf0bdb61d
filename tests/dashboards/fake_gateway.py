"""The gateway's HTTP API over a mall that is only drawn, for tests and for work on the console.

By hand, from the project's root: `python -m tests.dashboards.fake_gateway --port 8010`.
"""

import argparse
import asyncio
from typing import Annotated, Any

import uvicorn
from fastapi import (
    APIRouter,
    Depends,
    FastAPI,
    HTTPException,
    Request,
    Response,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.requests import HTTPConnection

import dashboards
from tests.dashboards import fake_car_park, fake_crm_api
from tests.dashboards.fake_crm import FakeCrm
from tests.dashboards.fake_crowd import DAY_MS, OFFSET_MS
from tests.dashboards.fake_figures import FakeGateway
from tests.dashboards.fake_mall import SITE
from tests.dashboards.fake_nodes import node_health

Rows = list[dict[str, Any]]


def _gateway(request: Request) -> FakeGateway:
    found: FakeGateway = request.app.state.gateway
    return found


Gateway = Annotated[FakeGateway, Depends(_gateway)]


def _period(gateway: Gateway, from_ms: int | None = None, to_ms: int | None = None) -> tuple[int, int]:
    now = gateway.now_ms()
    start = now - (now + OFFSET_MS) % DAY_MS
    return from_ms or start, to_ms or start + DAY_MS


Period = Annotated[tuple[int, int], Depends(_period)]


def _may(connection: HTTPConnection) -> bool:
    state = connection.app.state
    session = connection.cookies.get("session", "")
    return state.password is None or session in (state.password, state.crm_password)


def _authorised(request: Request) -> None:
    if not _may(request):
        raise HTTPException(401, "log in first")


api = APIRouter(prefix="/api/v1", dependencies=[Depends(_authorised)])
open_to_all = APIRouter(prefix="/api/v1")


@open_to_all.post("/login")
async def login(request: Request, response: Response) -> dict[str, int]:
    """Give a session to whoever knows the password."""
    state, password = request.app.state, (await request.json()).get("password")
    if password not in (state.password, state.crm_password):
        raise HTTPException(401, "wrong password")
    response.set_cookie("session", password, httponly=True, samesite="strict")
    return {"expires_s": 3600}


@open_to_all.get("/login")
async def whoami(request: Request) -> dict[str, bool]:
    """Tell what this session may see."""
    wanted = request.app.state.crm_password
    return {"logged_in": _may(request), "crm": wanted is None or request.cookies.get("session") == wanted}


@api.get("/site")
def site(request: Request) -> dict[str, Any]:
    """Give the mall's plan."""
    crm = {"currency": "CNY"} if request.app.state.crm is not None else None
    return {**SITE, "car_park": fake_car_park.AREAS, "crm": crm}


@api.get("/live")
def live_once(gateway: Gateway, floor: str) -> dict[str, Any]:
    """Give one frame of now."""
    return gateway.frame(floor, gateway.now_ms())


@api.get("/frame")
def frame(gateway: Gateway, floor: str, t_ms: int) -> dict[str, Any]:
    """Give one frame of the past."""
    return gateway.frame(floor, t_ms)


@api.get("/timeline")
def timeline(gateway: Gateway, period: Period) -> dict[str, Any]:
    """Give people present over time."""
    return gateway.timeline(*period)


@api.get("/zones")
def zones(gateway: Gateway, period: Period) -> Rows:
    """Give visits and dwell."""
    return gateway.zones(*period)


@api.get("/zones/{zone}/hours")
def hours(gateway: Gateway, period: Period, zone: str) -> Rows:
    """Give one zone's hours."""
    return gateway.hours(zone, *period)


@api.get("/footfall")
def footfall(gateway: Gateway, period: Period) -> Rows:
    """Give the mall's hours."""
    return gateway.footfall(*period)


@api.get("/flows")
def flows(gateway: Gateway, floor: str | None = None) -> dict[str, Any]:
    """Give movements between zones."""
    return gateway.flows(floor)


@api.get("/events")
def events(gateway: Gateway, limit: int = 100) -> dict[str, Any]:
    """Give the newest events."""
    return gateway.events(limit)


@api.get("/nodes")
def nodes(gateway: Gateway) -> Rows:
    """Give the nodes' health."""
    return node_health(gateway.now_ms())


@api.get("/car-park")
def car_park(gateway: Gateway) -> dict[str, Any]:
    """Give how full the car park is."""
    return fake_car_park.now(gateway.now_ms())


@api.get("/car-park/timeline")
def car_park_timeline(gateway: Gateway, period: Period) -> dict[str, Any]:
    """Give how full it was."""
    return fake_car_park.timeline(*period, gateway.now_ms())


@api.get("/car-park/stays")
def stays(gateway: Gateway, period: Period) -> dict[str, Any]:
    """Give turnover and lengths of stays."""
    return fake_car_park.stays(*period, gateway.now_ms())


@api.post("/car-park/find")
async def find_car(gateway: Gateway, request: Request) -> dict[str, Any]:
    """Give where a car is."""
    found = fake_car_park.find(await request.json(), gateway.now_ms())
    if found is None:
        raise HTTPException(404, "no such car")
    return found


@api.get("/health")
def health(gateway: Gateway) -> dict[str, Any]:
    """Say that all is well."""
    return {"status": "ok", "t_ms": gateway.now_ms(), "lag_ms": 640, "counters": {}, "devices": 0}


@open_to_all.websocket("/live")
async def live(socket: WebSocket, floor: str) -> None:
    """Push frames of the floor asked for last."""
    if not _may(socket):
        await socket.close(1008)
        return
    await socket.accept()
    gateway: FakeGateway = socket.app.state.gateway
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
        pass  # the browser has gone
    finally:
        listener.cancel()


def create_app(
    gateway: FakeGateway,
    password: str | None = None,
    *,
    crm: FakeCrm | None = None,
    crm_password: str | None = None,
) -> FastAPI:
    """Make the application: the API of `gateway`, behind a login if there is a password, and the console."""
    app = FastAPI()
    app.state.gateway, app.state.password = gateway, password
    app.state.crm, app.state.crm_password = crm, crm_password
    app.include_router(api)
    app.include_router(open_to_all)
    app.include_router(fake_crm_api.router, dependencies=[Depends(_authorised)])
    dashboards.mount(app)
    return app


def main() -> None:
    """Serve a drawn mall until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8010)
    parser.add_argument("--phones", type=int, default=2400)
    parser.add_argument("--password")
    parser.add_argument("--crm", action="store_true", help="the mall has a CRM")
    parser.add_argument("--crm-password")
    options = parser.parse_args()
    gateway = FakeGateway(options.phones)
    crm = FakeCrm(gateway.now_ms()) if options.crm else None
    app = create_app(gateway, options.password, crm=crm, crm_password=options.crm_password)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning")


if __name__ == "__main__":
    main()
