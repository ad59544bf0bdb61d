"""What a mall is made of, as people write it down in a site file."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, field_validator, model_validator

from contracts.site.car_park import CarPark
from contracts.site.crm import Crm
from contracts.site.georeference import Georeference
from contracts.site.parts import Id, Name, Part, unique

Position = tuple[float, float]
"""x (right) and y (up) in metres on the floor plan."""

Ring = Annotated[list[Position], Field(min_length=4)]


def _closed(rings: list[list[Position]]) -> None:
    for ring in rings:
        if ring[0] != ring[-1]:
            raise ValueError(
                f"the ring starts at {ring[0]} and ends at {ring[-1]};"
                " GeoJSON expects its last point to repeat the first"
            )


class Polygon(Part):
    """A GeoJSON polygon in metres: its outer ring, then its holes."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: Annotated[list[Ring], Field(min_length=1)]

    @model_validator(mode="after")
    def _rings_are_closed(self) -> Self:
        _closed(self.coordinates)
        return self

    @property
    def polygons(self) -> list[list[list[Position]]]:
        """All polygons as lists of rings, whichever GeoJSON type this is."""
        return [self.coordinates]


class MultiPolygon(Part):
    """GeoJSON polygons in metres that together are one area."""

    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[Annotated[list[Ring], Field(min_length=1)]], Field(min_length=1)]

    @model_validator(mode="after")
    def _rings_are_closed(self) -> Self:
        for polygon in self.coordinates:
            _closed(polygon)
        return self

    @property
    def polygons(self) -> list[list[list[Position]]]:
        """All polygons as lists of rings, whichever GeoJSON type this is."""
        return self.coordinates


Area = Annotated[Polygon | MultiPolygon, Field(discriminator="type")]


class ZoneKind(StrEnum):
    """What a zone is for; decides what entering it means."""

    SHOP = "shop"
    CORRIDOR = "corridor"
    ENTRANCE = "entrance"
    VERTICAL = "vertical"
    """Escalators, lifts and stairs: where a person changes floors."""
    FACILITY = "facility"
    """Toilets, service desks, seating: counted, but nobody's shop."""


class Zone(Part):
    """An area of a floor that visits, dwell and occupancy are reported for."""

    id: Id
    name: Name
    kind: ZoneKind
    category: str = ""
    """What is sold there, as the mall calls it: fashion, food, services."""
    area: Area
    capacity: Annotated[int, Field(gt=0)] | None = None
    """The most people allowed at once; None where no limit is known."""
    connects: list[Id] = []
    """For vertical zones: the floors one can get to from here."""


class Floor(Part):
    """One level of the mall, drawn in metres in the x/y frame that all floors share."""

    id: Id
    name: Name
    level: int
    """Order from the bottom, as the mall counts; what buttons in a lift say may differ (see the name)."""
    elevation_m: float = 0.0
    """Height of the floor slab above the mall's zero."""
    outline: Area
    """Where people can be at all, shops included."""
    zones: list[Zone] = []


InterfaceName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]{0,14}$", description="A network interface, such as wlan1"),
]
"""What Linux admits (at most 15 characters), less what a shell or a path would read otherwise."""

CHANNELS = frozenset((*range(1, 15), *range(36, 65, 4), *range(100, 145, 4), *range(149, 178, 4)))
"""IEEE 802.11 channels of 20 MHz at 2.4 and 5 GHz; those at 6 GHz have the same numbers and are left out."""


def _known_channel(value: int) -> int:
    if value not in CHANNELS:
        raise ValueError(f"there is no channel {value}; expected 1 to 14, 36 to 64, 100 to 144 or 149 to 177")
    return value


Channel = Annotated[int, AfterValidator(_known_channel)]


class Radio(Part):
    """A Wi-Fi adapter of a node that listens."""

    interface: InterfaceName
    channels: list[Channel] = []
    """One: it stays there. Several: it goes round. None: it stays where it is."""
    dwell_s: Annotated[float, Field(ge=1, le=600)] = 15.0
    """Of several channels, how long it listens on each."""

    @field_validator("channels")
    @classmethod
    def _each_channel_once(cls, value: list[int]) -> list[int]:
        if len(set(value)) < len(value):
            raise ValueError("names a channel twice; it goes round all of them anyway")
        return value


class LaneDirection(StrEnum):
    """Where a lane leads for those who drive it the right way."""

    IN = "in"
    OUT = "out"


class Heading(StrEnum):
    """Which way cars move in a picture."""

    DOWN = "down"
    """They come towards the camera: front plates are read."""
    UP = "up"
    """They drive away from it: rear plates are read."""
    LEFT = "left"
    RIGHT = "right"


Fraction = Annotated[float, Field(ge=0, le=1)]


class Lane(Part):
    """A lane in the picture of a camera; what is outside all lanes is not looked at."""

    id: Id
    direction: LaneDirection
    heading: Heading = Heading.DOWN
    """Which way those who drive in `direction` move in the picture; the other way counts as the other."""
    region: Annotated[list[tuple[Fraction, Fraction]], Field(min_length=3)] = [(0, 0), (1, 0), (1, 1), (0, 1)]
    """Corners of the area where plates of this lane appear, as fractions of the picture's width (from the
    left) and height (from the top); the whole picture where it is left out."""

    @field_validator("region")
    @classmethod
    def _has_an_area(cls, value: list[tuple[float, float]]) -> list[tuple[float, float]]:
        doubled = sum(
            x0 * y1 - x1 * y0 for (x0, y0), (x1, y1) in zip(value, [*value[1:], value[0]], strict=True)
        )
        if abs(doubled) < 0.002:  # a thousandth of the picture
            raise ValueError(
                "encloses next to nothing; expected the corners of the lane in turn, as fractions"
                " of the picture, such as [[0, 0.3], [0.5, 0.3], [0.5, 1], [0, 1]]"
            )
        return value


class Camera(Part):
    """A camera of a node that reads plates."""

    id: Id
    source: Annotated[str, Field(min_length=1)] | None = None
    """rtsp://host/path or http://host/path, /dev/videoN, a file or a folder. None, and never here where it
    holds a password: the node finds it in its environment or its credentials."""
    lanes: Annotated[list[Lane], Field(min_length=1)]

    @model_validator(mode="after")
    def _holds_no_password(self) -> Self:
        # Checked here and not at `source`: errors show what they found, and this must not be shown.
        if self.source and re.match(r"^[a-z0-9+.-]+://[^/]*@", self.source, re.IGNORECASE):
            raise ValueError(
                f"the source of camera {self.id} holds a login, and the site file is no place for one: leave"
                f" `source` out, and give the node the address as {camera_variable(self.id)}"
            )
        unique("lane", (lane.id for lane in self.lanes))
        return self


def camera_variable(camera: str) -> str:
    """Name the environment variable that holds a camera's address where that holds a password."""
    return f"MALLSENSE_CAMERA_{re.sub('[^A-Z0-9]', '_', camera.upper())}"


class Node(Part):
    """An access point that hears phones, or a computer with cameras, or both, where it hangs."""

    id: Id
    floor: Id
    x_m: float
    y_m: float
    z_m: Annotated[float, Field(ge=0, le=50)] = 3.0
    """Height of the antenna above the floor it hangs over."""
    note: str = ""
    """For the facilities team: where to put the ladder."""
    radios: list[Radio] = []
    """Its adapters; where none is named, every interface that is in monitor mode when it starts."""
    stations: InterfaceName | None = None
    """The interface of its own access point: the phones connected to it are heard, too."""
    cameras: list[Camera] = []
    """Its cameras. A node with cameras, and neither radios nor stations, hears no phones."""

    @property
    def hears(self) -> bool:
        """Whether it hears phones: its silence then says that none was near."""
        return bool(self.radios or self.stations or not self.cameras)

    @model_validator(mode="after")
    def _an_interface_has_one_use(self) -> Self:
        names = [radio.interface for radio in self.radios]
        unique("radio", names)
        if self.stations in names:
            raise ValueError(f"{self.stations} cannot be a radio that listens and an access point at once")
        return self


class Broker(Part):
    """The mall's MQTT broker, where nodes and gateway meet."""

    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.:-]{0,251}[A-Za-z0-9])?$")]
    """Name or address under which the nodes reach it; its certificate holds it."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    readers: list[Id] = []
    """Systems that may read events and positions; each has a certificate of its own."""
    crm_readers: list[Id] = []
    """Those that may also read events that name members, such as a CRM; they need not be in `readers`."""


class GuestNetwork(Part):
    """The Wi-Fi that nodes with an access point of their own (`stations`) offer to guests."""

    ssid: Annotated[str, Field(min_length=1)]
    channel: Channel
    vlan: Annotated[int, Field(ge=1, le=4094)]
    """VLAN of the mall's network that the guests are put into, at the node's Ethernet port (IEEE 802.1Q)."""
    passphrase: Annotated[str, Field(pattern=r"^[ -~]{8,63}$")] | None = None
    """For WPA2 and WPA3; None = open. Whoever reads the site file knows it, as every guest does."""

    @field_validator("ssid")
    @classmethod
    def _fits_a_beacon(cls, value: str) -> str:
        if len(value.encode()) > 32 or not value.isprintable():
            raise ValueError(
                f"an SSID has at most 32 bytes of UTF-8, all printable; this has {len(value.encode())}"
            )
        return value


class Wifi(Part):
    """The rules of the air, and the guest network."""

    country: Annotated[str, Field(pattern=r"^[A-Z]{2}$", description="Two letters, as in ISO 3166")]
    """Whose rules hold: which channels exist, and how loud a node may speak."""
    guest: GuestNetwork | None = None


class Privacy(Part):
    """What keeps people from being known."""

    k: Annotated[int, Field(ge=2)] = 5
    """Figures about fewer people than this are not published."""
    salt_rotation_h: Annotated[int, Field(ge=1, le=24)] = 24
    """Pseudonyms change at least this often, so that nobody is linked across days."""
    salt_rotation_at_h: Annotated[int, Field(ge=0, le=23)] = 4
    """Hour of the mall's day at which pseudonyms change: when the mall is empty, so that no visit is cut."""


class Retention(Part):
    """How long each kind of record is kept; older ones are deleted every hour."""

    observations_h: Annotated[int, Field(ge=1)] = 24
    positions_d: Annotated[int, Field(ge=1)] = 7
    visits_d: Annotated[int, Field(ge=1)] = 90
    rollups_d: Annotated[int, Field(ge=1)] = 730


class Belief(StrEnum):
    """What is believed of a device's place between its readings."""

    CELLS = "cells"
    """A probability for every cell: several likely places are kept, and who is outside is recognised."""
    NORMAL = "normal"
    """One place and its covariance: five times cheaper."""


class Tracking(Part):
    """How observations become positions."""

    tick_s: Annotated[float, Field(ge=0.2, le=60)] = 1.0
    """One estimate per device that was heard, this often, in event time."""
    lateness_s: Annotated[float, Field(ge=0, le=600)] = 5.0
    """How long a tick waits for nodes that are behind before it is computed without them."""
    vanish_s: Annotated[float, Field(gt=0)] = 600.0
    """A device not heard for this long has left the mall, at the moment it was last heard."""
    belief: Belief | None = None
    """What is believed of a device's place; by default `cells` up to some 8,000 cells, else `normal`."""
    link_addresses: bool = True
    """Put the changing addresses of one phone together while it is in the mall; else each address counts."""


class VisitRules(Part):
    """When a person in a zone is a visitor of it."""

    enter_probability: Annotated[float, Field(gt=0.0, lt=1)] = 0.75
    leave_probability: Annotated[float, Field(gt=0.0, lt=1)] = 0.3
    min_dwell_s: Annotated[float, Field(ge=0)] = 45.0
    """Shorter stays are passing by, not visits."""
    reentry_s: Annotated[float, Field(ge=0)] = 120.0
    """Back in the same zone within this time: still the same visit."""

    @model_validator(mode="after")
    def _hysteresis_has_a_gap(self) -> Self:
        if self.leave_probability >= self.enter_probability:
            raise ValueError(
                f"leave_probability ({self.leave_probability}) must be below"
                f" enter_probability ({self.enter_probability}):"
                " without a gap between them, visits flicker"
            )
        return self


PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
"""What plates of mainland China begin with (GA 36-2018)."""

Province = Annotated[
    str, Field(pattern=f"^[{PROVINCES}]$", description="What local plates begin with, such as 浙")
]


class Mall(Part):
    """Which mall this is."""

    id: Id
    """Stands in every topic; never changes once nodes are installed."""
    name: Name
    timezone: str = "Asia/Shanghai"
    """IANA name; hours of the day and days in reports are in it."""
    province: Province | None = None
    """The character that local plates begin with, such as 浙: tells local cars from others."""

    @field_validator("timezone")
    @classmethod
    def _known_timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(
                f"unknown time zone {value!r}; expected an IANA name such as Asia/Shanghai"
            ) from error
        return value


_STORE = re.compile(r"influxs?://[^\s/@?#]+/[A-Za-z0-9][A-Za-z0-9_-]{0,63}(\?org=[^\s&#]+)?")


class Site(Part):
    """A whole mall: what `parse_site` makes of one YAML file."""

    version: Literal[1]
    mall: Mall
    georeference: Georeference
    floors: Annotated[list[Floor], Field(min_length=1)]
    nodes: list[Node] = []
    broker: Broker | None = None
    wifi: Wifi | None = None
    car_park: CarPark | None = None
    crm: Crm | None = None
    tracking: Tracking = Tracking()
    visits: VisitRules = VisitRules()
    privacy: Privacy = Privacy()
    retention: Retention = Retention()
    store: str | None = None
    """The InfluxDB that history is kept in, influx://HOST[:PORT]/DATABASE; None = a file of the gateway."""

    @field_validator("store")
    @classmethod
    def _holds_no_secrets(cls, value: str | None) -> str | None:
        if value is not None and not _STORE.fullmatch(value):
            raise ValueError(
                "expected influx://HOST[:PORT]/DATABASE, or influxs:// for TLS, without user and password: "
                "a site file holds no secrets (--store-token-file has them)"
            )
        return value

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        floors = unique("floor", (floor.id for floor in self.floors))
        unique("zone", (zone.id for _, zone in self.zones()))
        unique("node", (node.id for node in self.nodes))
        unique("camera", (camera.id for node in self.nodes for camera in node.cameras))
        for node in self.nodes:
            if node.floor not in floors:
                raise ValueError(
                    f"node {node.id} hangs on floor {node.floor!r}; expected one of {sorted(floors)}"
                )
        cameras = {camera.id for node in self.nodes for camera in node.cameras}
        for gate in self.car_park.gates if self.car_park else ():
            if gate.camera not in cameras:
                raise ValueError(
                    f"the car park has a gate with camera {gate.camera!r}, which no node has;"
                    f" expected one of {sorted(cameras)}"
                )
        for _, zone in self.zones():
            if unknown := set(zone.connects) - floors:
                raise ValueError(
                    f"zone {zone.id} connects {sorted(unknown)}; expected some of {sorted(floors)}"
                )
        return self

    def zones(self) -> Iterator[tuple[Floor, Zone]]:
        """Every zone with its floor, in the order of the file."""
        return ((floor, zone) for floor in self.floors for zone in floor.zones)

    def floor(self, floor_id: str) -> Floor:
        """The floor with this id. Raises `KeyError`."""
        for floor in self.floors:
            if floor.id == floor_id:
                return floor
        raise KeyError(floor_id)
