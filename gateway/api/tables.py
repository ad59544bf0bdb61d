"""Figures as rows: what Grafana reads, from InfluxDB or from the HTTP API, under the same names.

A class is a table: in InfluxDB a measurement, in the API an answer of `GET /rows/TABLE`. `time` is epoch
milliseconds of event time, where nothing else is said; a figure about fewer than k people is null, which in
InfluxDB is an absent field.
"""

from typing import ClassVar, Literal

from gateway.api.schemas import Answer

LIVE, LONG = "live", "long"
"""Retention policies of the figures: as long as positions are kept, and as long as rollups."""


class Row(Answer):
    """A row of a table; what is no tag and not the time is a field."""

    table: ClassVar[str]
    policy: ClassVar[str] = LONG
    tags: ClassVar[tuple[str, ...]] = ()

    time: int


class OccupancyRow(Row):
    """People in a zone, on a floor or in the mall: the mean of a minute, or of a longer step."""

    table: ClassVar[str] = "occupancy"
    tags: ClassVar[tuple[str, ...]] = ("floor", "zone", "kind")

    floor: str
    zone: str
    """A zone's id, `floor:` with a floor's id, or `mall`."""
    kind: Literal["zone", "floor", "mall"]
    people: int | None
    low: int | None
    high: int | None
    suppressed: bool
    capacity: int | None


class _Cell(Row):
    tags: ClassVar[tuple[str, ...]] = ("floor", "cell")

    floor: str
    cell: str
    """Geohash of its centre."""
    lat: float
    lon: float


class CellRow(_Cell):
    """A cell of the live heat map: the mean number of people there in the minute that began at `time`."""

    table: ClassVar[str] = "cell"
    policy: ClassVar[str] = LIVE

    people: float


class CellHourRow(_Cell):
    """A cell of the heat map of an hour, or of the period asked for."""

    table: ClassVar[str] = "cell_hour"

    minutes: float
    """Device-minutes."""


class ZoneHourRow(Row):
    """Visits of a zone that began in an hour. Dwell is of visits that have ended."""

    table: ClassVar[str] = "zone_hour"
    tags: ClassVar[tuple[str, ...]] = ("floor", "zone")

    floor: str
    zone: str
    visits: int | None
    visitors: int | None
    visitors_low: int | None
    visitors_high: int | None
    dwell_median_s: float | None
    dwell_p90_s: float | None
    dwell_mean_s: float | None
    people_mean: float | None
    suppressed: bool


class FootfallHourRow(Row):
    """An hour of the mall: the mean number of people present, and how many came in."""

    table: ClassVar[str] = "footfall_hour"

    people: int | None
    low: int | None
    high: int | None
    suppressed: bool
    arrivals: int | None
    arrivals_low: int | None
    arrivals_high: int | None


class FlowHourRow(Row):
    """How many people went from one zone straight to another in an hour, or in the period asked for."""

    table: ClassVar[str] = "flow_hour"
    tags: ClassVar[tuple[str, ...]] = ("source", "target")

    source: str
    target: str
    people: int


class CarParkRow(Row):
    """An area of the car park, or all of it (`car-park`), in a minute.

    Numbers of cars are shown however small they are, as on the sign at the entrance: they say of nobody who
    came or went.
    """

    table: ClassVar[str] = "car_park"
    tags: ClassVar[tuple[str, ...]] = ("area",)

    area: str
    cars: int
    low: int
    high: int
    free: int
    """Spaces."""
    capacity: int
    entered: int
    left: int
    queue: float
    """Mean number of cars that wait at the entrances."""


class NodeRow(Row):
    """How a node is."""

    table: ClassVar[str] = "node"
    policy: ClassVar[str] = LIVE
    tags: ClassVar[tuple[str, ...]] = ("node", "floor")

    node: str
    floor: str
    online: int
    """1 or 0."""
    silent_s: float | None
    """How far it is behind the mall's time; null = never heard."""
    observations_s: float
    frames_s: float | None
    """Between its last two health messages."""
    temperature_c: float | None
    disk_free_bytes: int | None
    memory_free_bytes: int | None
    spooled: int | None
    """Batches that wait for the broker."""
    dropped: int | None
    """Batches it has given up since its start."""


class FreshnessRow(Row):
    """How fresh all this is; its `time` is of the wall clock."""

    table: ClassVar[str] = "freshness"
    policy: ClassVar[str] = LIVE

    behind_s: float
    """Wall clock minus event time of the newest tick."""
    outbox: int
    """Requests that wait for InfluxDB."""
    people_now: int | None


class PromotionRow(Row):
    """A promotion that began at `time`, in a zone or, with the zone `mall`, in the whole mall."""

    table: ClassVar[str] = "promotion"
    tags: ClassVar[tuple[str, ...]] = ("promotion", "zone")

    promotion: str
    zone: str
    title_en: str
    title_zh: str
    ended_ms: int
    removed: bool = False
    """Somebody has taken it back: points of InfluxDB 3 cannot be deleted."""
