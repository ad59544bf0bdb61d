"""The door: an ASGI middleware that asks the guard about every request and every WebSocket."""

import time

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from gateway.auth import Guard

API = "/api/"
LOGIN = "/api/v1/login"
POLICY_VIOLATION = 1008


class Door:
    """Lets requests through, or answers 403 (a stranger's page) or 401 (nobody logged in).

    The console's files are for everybody who can reach the gateway: the login form is among them.
    """

    def __init__(self, app: ASGIApp, guard: Guard) -> None:
        self._app = app
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide about one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not self._guard.trusts(headers.get("host", ""), headers.get("origin")):
            await _refuse(scope, receive, send, 403, "this Host or Origin is not the gateway's own")
            return
        path: str = scope["path"]
        if path.startswith(API) and path != LOGIN:
            cookie, bearer = headers.get("cookie", ""), headers.get("authorization", "")
            if not self._guard.admits(cookie, bearer, time.time()):
                await _refuse(scope, receive, send, 401, "log in first: POST /api/v1/login")
                return
        await self._app(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(POLICY_VIOLATION, detail)(scope, receive, send)
        return
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    await JSONResponse({"detail": detail}, status, headers)(scope, receive, send)
