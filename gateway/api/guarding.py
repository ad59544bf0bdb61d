"""The door: an ASGI middleware that asks the guard about every request and every WebSocket."""

import time
from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from contracts.errors import ConfigurationError
from gateway.auth import Access, Guard

API = "/api/"
LOGIN = "/api/v1/login"
CRM = "/api/v1/crm"
PLAN = "/api/v1/plan/"
"""What maps of somebody else's page may read once its origin is named: browsers send no token for them."""
READING = frozenset({"GET", "HEAD", "OPTIONS"})
DEFAULT_PORTS = {"http": 80, "https": 443}
POLICY_VIOLATION = 1008


class Door:
    """Lets requests through, or answers 403 (a stranger's page, not the CRM's login) or 401 (no login).

    The console's files are for everybody who can reach the gateway: the login form is among them. So is the
    plan of the mall where `origins` names pages whose maps draw it; only their scripts are let at it.
    """

    def __init__(self, app: ASGIApp, guard: Guard, origins: Collection[str] = ()) -> None:
        self._app = app
        self._guard = guard
        self._plan = CORSMiddleware(app, origins, allow_methods=("GET",)) if origins else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Decide about one request."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if self._plan is not None and _reads_plan(scope) and self._guard.trusts(host, None):
            await self._plan(scope, receive, send)
            return
        if not self._guard.trusts(host, headers.get("origin")):
            await _refuse(scope, receive, send, 403, "this Host or Origin is not the gateway's own")
            return
        path: str = scope["path"]
        if path.startswith(API) and path != LOGIN:
            cookie, bearer = headers.get("cookie", ""), headers.get("authorization", "")
            seen = self._guard.access(cookie, bearer, time.time())
            if seen is Access.NOTHING:
                await _refuse(scope, receive, send, 401, "log in first: POST /api/v1/login")
                return
            if f"{path}/".startswith(f"{CRM}/") and seen < Access.CRM:
                await _refuse(
                    scope, receive, send, 403, "members are for who has the password or token of the CRM"
                )
                return
        await self._app(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
    if scope["type"] == "websocket":
        await WebSocketClose(POLICY_VIOLATION, detail)(scope, receive, send)
        return
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    await JSONResponse({"detail": detail}, status, headers)(scope, receive, send)


def _reads_plan(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] in READING and scope["path"].startswith(PLAN)


def parse_origin(text: str) -> str:
    """Return an origin as browsers write it: scheme and host in lower case, no default port.

    Raises `ConfigurationError` where it is none.
    """
    try:
        url = urlsplit(text.strip())
        port = url.port
    except ValueError:
        url, port = urlsplit(""), None
    rest = (url.path.rstrip("/"), url.query, url.fragment, url.username)
    if url.scheme not in DEFAULT_PORTS or not url.hostname or any(rest) or "*" in url.hostname:
        raise ConfigurationError(
            f"--allow-origin: expected scheme, host and port of a page, found {text!r}",
            "Write it as the address bar shows it, up to the first single slash: https://grafana.example:3000",
        )
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    shown = "" if port is None or port == DEFAULT_PORTS[url.scheme] else f":{port}"
    return f"{url.scheme}://{host}{shown}"
