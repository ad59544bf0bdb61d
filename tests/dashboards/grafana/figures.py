"""Figures of a mall as InfluxDB holds them, made up for a fixed moment (docs/influxdb.md has the schema).

They only have the form of figures; what a gateway really writes is tested where gateways run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from contracts.site import Site

NOW = datetime(2026, 11, 20, 4, 34, 20, tzinfo=UTC)
"""Half past twelve in Shanghai, on a Friday."""
SILENT_NODE = "n03"
_HOURS = 4 * 7 * 24 + 4


class Point(NamedTuple):
    """A point of a table of figures; fields as line protocol writes them."""

    policy: str
    table: str
    tags: dict[str, str]
    fields: str
    at: datetime

    def line(self, mall: str) -> str:
        """The point in line protocol."""
        tags = "".join(f",{name}={value}" for name, value in {"mall": mall, **self.tags}.items())
        return f"{self.table}{tags} {self.fields} {int(self.at.timestamp()) * 1_000_000_000}"


def points(site: Site) -> Iterator[Point]:
    """Give every point of a mall."""
    minute = NOW.replace(second=0)
    hour = minute.replace(minute=0)
    for back in range(1, 8 * 60):
        yield from _people(site, back, minute - timedelta(minutes=back))
        yield from _cars(back, minute - timedelta(minutes=back))
    for back in range(1, 90):
        yield from _state(site, back, minute - timedelta(minutes=back))
    for back in range(1, _HOURS):
        yield from _hour(site, hour - timedelta(hours=back))
    ended_ms = int(NOW.timestamp() - 1_800) * 1_000
    words = f'title_en="Half price",title_zh="半价",ended_ms={ended_ms}i,removed=false'
    yield Point("long", "promotion", {"promotion": "p1", "zone": "books"}, words, hour - timedelta(hours=3))


def _people(site: Site, back: int, at: datetime) -> Iterator[Point]:
    places: list[tuple[str, str, str, int, int | None]] = [("mall", "mall", "mall", 200, None)]
    places += [(floor.id, f"floor:{floor.id}", "floor", 90, None) for floor in site.floors]
    places += [(floor.id, zone.id, "zone", 12, zone.capacity) for floor, zone in site.zones()]
    for number, (floor, zone, kind, usual, capacity) in enumerate(places):
        hidden = (back + number) % 9 == 0
        fields = f"suppressed={str(hidden).lower()}"
        if not hidden:
            people = usual + (back * 7 + number * 13) % 9
            fields += f",people={people}i,low={max(0, people - 5)}i,high={people + 5}i"
        if capacity:
            fields += f",capacity={capacity}i"
        yield Point("long", "occupancy", {"floor": floor, "zone": zone, "kind": kind}, fields, at)


def _cars(back: int, at: datetime) -> Iterator[Point]:
    for area, spaces in (("car-park", 200), ("B1", 120), ("B2", 80)):
        cars = spaces // 2 + back % 11
        fields = f"cars={cars}i,low={cars - 3}i,high={cars + 3}i,free={spaces - cars}i,capacity={spaces}i"
        fields += f",entered={back % 4}i,left={back % 3}i,queue={back % 5 / 2},suppressed=false"
        yield Point("long", "car_park", {"area": area}, fields, at)


def _state(site: Site, back: int, at: datetime) -> Iterator[Point]:
    for node in site.nodes:
        silent = node.id == SILENT_NODE and back < 30
        fields = f"online={0 if silent else 1}i,silent_s={900.0 if silent else 1.5},observations_s=3.5"
        fields += ",frames_s=40.0,temperature_c=51.5,disk_free_bytes=9000000000i"
        fields += ",memory_free_bytes=500000000i,spooled=0i,dropped=0i"
        yield Point("live", "node", {"node": node.id, "floor": node.floor}, fields, at)
    yield Point("live", "freshness", {}, "behind_s=2.5,outbox=0i,people_now=205i", at)
    if back > 20:
        return
    for floor in site.floors:
        for x, y in ((x, y) for x in range(2, 60, 4) for y in range(2, 40, 4)):
            lat, lon = site.georeference.to_wgs84(x, y)
            people = 1.5 if x > 42 and y > 26 else 0.1
            fields = f"lat={lat},lon={lon},people={people}"
            yield Point("live", "cell", {"floor": floor.id, "cell": f"c{x}x{y}"}, fields, at)


def arrivals_at(hour: datetime) -> int:
    """What is usual in an hour: the same every week."""
    return 100 + 20 * hour.hour + 7 * hour.weekday()


def footfall_point(hour: datetime, arrivals: int) -> Point:
    """The mall in one hour."""
    fields = f"people={arrivals}i,low={arrivals - 20}i,high={arrivals + 20}i,arrivals={arrivals}i"
    fields += f",arrivals_low={arrivals - 30}i,arrivals_high={arrivals + 30}i,suppressed=false"
    return Point("long", "footfall_hour", {}, fields, hour)


def _hour(site: Site, hour: datetime) -> Iterator[Point]:
    yield footfall_point(hour, arrivals_at(hour))
    if hour < NOW - timedelta(days=16):
        return  # no panel looks further back, only the comparison with earlier weeks does
    zones = [(floor.id, zone.id) for floor, zone in site.zones()]
    for number, (floor, zone) in enumerate(zones):
        fields = f"visits={10 + number}i,visitors={9 + number}i,visitors_low=5i,visitors_high=15i,open=1i"
        fields += (
            ",dwell_median_s=420.5,dwell_p90_s=1100.0,dwell_mean_s=510.0,people_mean=6.5,suppressed=false"
        )
        yield Point("long", "zone_hour", {"floor": floor, "zone": zone}, fields, hour)
        target = zones[(number + 1) % len(zones)][1]
        yield Point("long", "flow_hour", {"source": zone, "target": target}, f"people={5 + number}i", hour)
