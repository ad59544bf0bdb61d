"""What the HTTP API answers. Times are epoch milliseconds, event time; lengths are metres.

A figure about fewer than k people is null.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.site import Name, Position, ZoneKind
from contracts.site.model import Area


class Answer(BaseModel):
    """Every answer: fields as written, nothing else."""

    model_config = ConfigDict(extra="forbid")


class MallPlan(Answer):
    """Which mall this is."""

    id: str
    name: Name
    timezone: str


class ZonePlan(Answer):
    """A zone, where it lies, and where its name is best written."""

    id: str
    name: Name
    kind: ZoneKind
    category: str
    capacity: int | None
    area: Area
    label: Position


class FloorPlan(Answer):
    """A floor; `bounds` is x0, y0, x1, y1."""

    id: str
    name: Name
    level: int
    elevation_m: float
    bounds: tuple[float, float, float, float]
    outline: Area
    zones: list[ZonePlan]


class NodePlace(Answer):
    """Where a node hangs; `z_m` is its height above the floor."""

    id: str
    floor: str
    x_m: float
    y_m: float
    z_m: float


class PeoplePlan(Answer):
    """What numbers of people rest on."""

    calibrated: bool
    """Whether somebody has counted people present; else phones a person are assumed."""
    arrivals_calibrated: bool
    """The same of people who come in."""
    note: Name
    """The same in a sentence."""


class AreaPlan(Answer):
    """An area of the car park."""

    id: str
    name: Name
    level: str
    capacity: int


class CrmPlan(Answer):
    """What a page about members needs to know of the mall's CRM."""

    currency: str
    """Of all amounts, which are whole numbers of its smallest unit; ISO 4217."""


class SitePlan(Answer):
    """The mall as a map shows it."""

    mall: MallPlan
    k: int
    people: PeoplePlan
    floors: list[FloorPlan]
    nodes: list[NodePlace]
    car_park: list[AreaPlan] | None = None
    """Its areas; null where the mall has no car park."""
    crm: CrmPlan | None = None
    """Null where the mall has no CRM. Whether the asker may use it, /api/v1/crm says."""


class Count(Answer):
    """A number of people with its 90 % interval."""

    people: int | None
    low: int | None
    high: int | None
    suppressed: bool = False


class ZoneCount(Count):
    """People in a zone."""

    zone: str


class FloorCount(Answer):
    """People on a floor."""

    floor: str
    people: int | None


class Heat(Answer):
    """Cells of a floor that are not empty: `index` is iy * nx + ix, rows from the bottom."""

    cell_m: float
    x0_m: float
    y0_m: float
    nx: int
    ny: int
    index: list[int]
    value: list[float]


class Dots(Answer):
    """Where single devices are, as columns; ids are random and mean nothing outside this gateway's run."""

    id: list[int]
    x_m: list[float]
    y_m: list[float]
    sd_m: list[float]
    """Radius of a circle as large as the 1-sigma ellipse."""


class EventRow(Answer):
    """Something that happened; a path has no zone and no floor, a car an area of the car park as its zone."""

    cursor: int
    kind: str
    t_ms: int
    zone: str | None
    floor: str | None
    dwell_s: float | None
    visit: str | None


class Frame(Answer):
    """The mall at one moment, one floor in detail."""

    t_ms: int
    delay_ms: int
    """How far this is behind what the nodes have said."""
    present: Count
    floors: list[FloorCount]
    floor: str
    heat: Heat
    dots: Dots
    zones: list[ZoneCount]
    events: list[EventRow]


class Timeline(Answer):
    """People present, one value a step."""

    step_ms: int
    t_ms: list[int]
    people: list[int | None]


class ZoneFigures(Answer):
    """Visits of a zone that started in the period. Dwell is of visits that have ended."""

    zone: str
    visits: int | None
    visitors: int | None
    visitors_low: int | None
    visitors_high: int | None
    dwell_median_s: float | None
    dwell_p90_s: float | None
    dwell_mean_s: float | None
    open: int | None
    suppressed: bool


class ZoneHour(Answer):
    """One hour of a zone."""

    hour_ms: int
    visits: int | None
    people_mean: float | None
    suppressed: bool


class FootfallHour(Count):
    """One hour of the mall: mean number of people present, and how many arrived, with its 90 % interval."""

    hour_ms: int
    arrivals: int | None
    arrivals_low: int | None
    arrivals_high: int | None


class Link(Answer):
    """How many people went from one zone straight to another."""

    source: str
    target: str
    people: int


class Flows(Answer):
    """Who went where; links of fewer than k people are left out and counted."""

    links: list[Link]
    suppressed_links: int


class EventPage(Answer):
    """Some events, and the cursor to ask for the next ones with."""

    events: list[EventRow]
    next: int


class NodeAnswer(Answer):
    """How a node is, and what to do about it."""

    id: str
    floor: str
    state: Literal["online", "silent", "offline", "never"]
    last_ms: int | None
    lag_ms: int | None
    observations_per_min: int
    spooled: int | None
    dropped: int | None
    temperature_c: float | None
    clock_offset_ms: float | None
    """What to add to its clock to get the gateway's."""
    configuration: int | None
    """Revision of the desired configuration that it works by; 0 = as it was installed."""
    software: str | None
    """Version of mallsense that it runs."""
    advice: Name | None


class HistoryHealth(Answer):
    """How the InfluxDB is that history goes to. While it is away, points wait on the gateway's disk."""

    place: str
    problem: str | None
    waiting_points: int
    waiting_bytes: int
    waiting_since_ms: int | None
    """Wall time since when the oldest waits."""
    refused_points: int
    """What the server would not take, ever."""
    dropped_points: int
    """What no longer found room on the gateway's disk, ever."""


class CrmHealth(Answer):
    """How matching of members is, and telling of them; who they are stands elsewhere."""

    problem: str | None
    waiting: int | None
    """Events and sightings that matching has not taken in yet; null = unknown."""
    events: int
    """Taken in since the gateway started."""
    left_out: int
    """Could not be read, and were left out."""
    behind: int | None
    """Receivers of the feed, the broker included, that do not take everything; null = unknown."""
    dead_letters: int | None
    """Events that a receiver was not sent within three days; null = unknown."""


class HealthAnswer(Answer):
    """How the gateway is."""

    status: Literal["ok", "degraded", "starting"]
    problems: list[str]
    t_ms: int | None
    lag_ms: int | None
    counters: dict[str, int]
    devices: int | None
    cpu_s: float
    memory_bytes: int
    store_bytes: int
    waiting: int
    """Messages that have arrived and are not journaled yet."""
    history: HistoryHealth | None = None
    """None where history is in the gateway's own file."""
    crm: CrmHealth | None = None
    """None where the mall has no CRM."""


class LoginRequest(BaseModel):
    """What the console sends to log in."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(max_length=1000)]


class LoginAnswer(Answer):
    """How long the session lasts, and whether it is one of the CRM team, who may see members."""

    expires_s: int
    crm: bool


class AccessAnswer(Answer):
    """What who asks may see."""

    logged_in: bool
    crm: bool
    """Members, too."""


class Problem(Answer):
    """Why a request was refused."""

    detail: str
