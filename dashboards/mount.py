"""Serve the console from a FastAPI or Starlette application.

The console asks for its data under `/api/v1` of the same origin and loads nothing from anywhere else, which
the headers below hold browsers to.
"""

import logging
from http import HTTPStatus
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from dashboards.console import STATIC

_LOG = logging.getLogger(__name__)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

NOT_BUILT = (
    "The console has not been built, so there is nothing to show here; the API under /api/v1 works.\n"
    "Build it with 'python hatch_build.py' in the project's folder and start the gateway again.\n"
)


class ConsoleFiles(StaticFiles):
    """Static files with the console's security headers; the page itself is asked for anew every time."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file with the headers; bundles carry a digest in their names and stay in the cache."""
        response = await super().get_response(path, scope)
        bundled = path.startswith("assets/")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if bundled else "no-cache"
        response.headers.update(HEADERS)
        return response


async def _not_built(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "http":
        if scope["path"].startswith("/api/"):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        await PlainTextResponse(NOT_BUILT, status_code=503)(scope, receive, send)


def mount(app: Starlette, static: Path = STATIC) -> None:
    """Show the console at `/` of `app`: call it after all other routes, which come first.

    Where the console was not built, the page says how to build it, and the API works all the same.
    """
    if (static / "index.html").is_file():
        app.router.routes.append(Mount("/", ConsoleFiles(directory=static, html=True), name="console"))
        return
    _LOG.warning("the console has not been built: no index.html in %s; run 'python hatch_build.py'", static)
    app.router.routes.append(Mount("/", _not_built, name="console"))
