"""The live picture: one frame, or a stream of them over a WebSocket."""

import asyncio
import json

from fastapi import APIRouter, HTTPException, WebSocket, WebSocketDisconnect

from gateway.api import schemas
from gateway.api.context import Context, Here, OnFloor
from gateway.live import Viewer

router = APIRouter(tags=["live"])


@router.get("/live", responses={503: {"model": schemas.Problem, "description": "nothing has been heard yet"}})
def live(here: Here, floor: OnFloor) -> schemas.Frame:
    """Give the newest frame."""
    newest = here.latest.newest()
    if newest is None:
        raise HTTPException(503, "nothing has been heard yet", {"Retry-After": "1"})
    tick, delay_ms = newest
    return here.frames.live(tick, floor, delay_ms, [])


@router.websocket("/live")
async def stream(socket: WebSocket, floor: str | None = None) -> None:
    """Send frames until the other side leaves; it may send {"floor": "F2"} to look at another floor."""
    here: Context = socket.app.state.context
    floors = {each.id for each in here.site.floors}
    await socket.accept()
    viewer = Viewer(floor if floor in floors else here.site.floors[0].id)
    here.hub.join(viewer)
    sending = asyncio.create_task(_send(socket, viewer))
    try:
        while True:
            if (wanted := _floor(await socket.receive_text())) in floors:
                viewer.floor = wanted
                here.hub.refresh(viewer)
    except (WebSocketDisconnect, KeyError):  # KeyError: a binary message, which nobody needs to send
        pass
    finally:
        here.hub.leave(viewer)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def _send(socket: WebSocket, viewer: Viewer) -> None:
    while True:
        await socket.send_text(await viewer.next())


def _floor(text: str) -> str:
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    floor = message.get("floor") if isinstance(message, dict) else None
    return floor if isinstance(floor, str) else ""
