"""What the routes need to know of the running gateway."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, HTTPException, Query
from fastapi.requests import HTTPConnection

from contracts.control import CarParkCount
from contracts.site import Site
from gateway.api.schemas import HealthAnswer
from gateway.crm.crm import Crm
from gateway.figures.cells import Blocks
from gateway.figures.period import HOUR_MS, Period, day_until
from gateway.frames import Frames
from gateway.limits import Limit
from gateway.live import Hub, Latest
from gateway.nodes import Nodes
from gateway.people import MallPeople
from gateway.store import Store
from gateway.store.desk import Desk
from gateway.store.promotions import Promotions
from gateway.store.records import CellGrid

LONGEST_MS = 366 * 24 * HOUR_MS
MAX_MS = 4_102_444_800_000
"""The year 2100, as on the wire."""


@dataclass(frozen=True)
class Attendant:
    """What changes something in the car park."""

    desk: Desk
    count: Callable[[CarParkCount], None]
    """Returns once it is journaled. Raises `UnavailableError`."""
    limit: Limit = field(default_factory=Limit)
    """Who may guess at tickets and plates."""


@dataclass
class Context:
    """One mall's gateway, as the API sees it."""

    site: Site
    store: Store
    latest: Latest
    frames: Frames
    hub: Hub
    nodes: Nodes
    grid: CellGrid
    health: Callable[[], HealthAnswer]
    people: MallPeople
    promotions: Promotions
    outbox: Callable[[], int] = lambda: 0
    """How many requests wait for InfluxDB."""
    attendant: Attendant | None = None
    """None where the mall has no car park."""
    crm: Crm | None = None
    """None where the mall has no CRM."""

    @cached_property
    def timezone(self) -> ZoneInfo:
        """The mall's."""
        return ZoneInfo(self.site.mall.timezone)

    @cached_property
    def blocks(self) -> Blocks:
        """The cells of maps on the earth."""
        return Blocks.of(self.site, self.grid)

    @property
    def k(self) -> int:
        """Figures about fewer people are not shown."""
        return self.site.privacy.k

    def now_ms(self) -> int:
        """The mall's time: of the newest tick, in memory or in the store; 0 before the first."""
        newest = self.latest.newest()
        return newest[0].t_ms if newest else self.store.newest_ms() or 0


def context_of(connection: HTTPConnection) -> Context:
    """Return the gateway that a request asks."""
    context: Context = connection.app.state.context
    return context


Here = Annotated[Context, Depends(context_of)]
Moment = Annotated[int | None, Query(ge=0, le=MAX_MS)]


def period_of(here: Here, from_ms: Moment = None, to_ms: Moment = None) -> Period:
    """Return the period asked for: what is not given is taken from the mall's day so far."""
    today = day_until(here.now_ms(), here.timezone)
    end = today.to_ms if to_ms is None else to_ms
    start = day_until(max(0, end - 1), here.timezone).from_ms if from_ms is None else from_ms
    if start >= end:
        raise HTTPException(422, f"from_ms ({start}) must be before to_ms ({end})")
    if end - start > LONGEST_MS:
        raise HTTPException(422, "the period is longer than a year")
    return Period(max(0, start), end)


def known_floor(here: Here, floor: str | None = None) -> str:
    """Return the floor asked for, by default the first. Raises 404."""
    floors = [each.id for each in here.site.floors]
    if floor is not None and floor not in floors:
        raise HTTPException(404, f"no floor {floor!r}; there are {', '.join(floors)}")
    return floor or floors[0]


Asked = Annotated[Period, Depends(period_of)]
OnFloor = Annotated[str, Depends(known_floor)]
