"""The FastAPI application: what it is made of, and the order in which it answers."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError
from dashboards.mount import mount
from gateway.api import car_park, desk, live, login, past, plan, present, promotions, rows
from gateway.api.context import Context
from gateway.api.crm import routers
from gateway.api.crm.having import crm_of
from gateway.api.guarding import Door
from gateway.auth import Guard

DESCRIPTION = """\
What a mall's gateway knows: who is where now, and what happened.

Times are epoch milliseconds of event time; periods are `from_ms` to `to_ms`, by default the mall's day so
far. A count n with 0 < n < k is `null`. On a gateway with a password, log in (`POST /api/v1/login`) or send
`Authorization: Bearer TOKEN`. What is below `/crm/` wants the CRM's own password or token.
"""


def make_app(context: Context, guard: Guard, *, version: str, origins: Collection[str] = ()) -> FastAPI:
    """Return the application that shows one mall, the console included.

    Pages of these `origins` may read the plan, and whoever asks for it needs no login then.
    """

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        hub = asyncio.create_task(context.hub.run())
        yield
        hub.cancel()
        with suppress(asyncio.CancelledError):
            await hub

    app = FastAPI(
        title="mallsense",
        version=version,
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.context, app.state.guard = context, guard
    for part in (present, past, live, rows, plan, promotions, car_park, desk, login):
        app.include_router(part.router, prefix="/api/v1")
    for router in routers:
        app.include_router(router, prefix="/api/v1/crm", dependencies=[Depends(crm_of)])
    app.add_middleware(Door, guard=guard, origins=origins)

    # A server of the history that does not let us in any more is no request's fault either.
    @app.exception_handler(ConfigurationError)
    @app.exception_handler(UnavailableError)
    def _unavailable(_: Request, error: MallsenseError) -> JSONResponse:
        return JSONResponse({"detail": error.message}, 503, {"Retry-After": "5"})

    # FastAPI's own answer repeats what was sent, which may be what nobody here is to know.
    @app.exception_handler(RequestValidationError)
    def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return JSONResponse(
            {"detail": [{name: one[name] for name in ("type", "loc", "msg")} for one in error.errors()]}, 422
        )

    mount(app)
    return app
