"""Records as points in line protocol: docs/influxdb.md says which record becomes which point.

Format: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ . Ten times faster than
`influxdb_client.Point`, which is its oracle in the tests: 20,000 positions are written every ten seconds.
"""

import base64
import hashlib
import math
from collections.abc import Mapping

import msgspec
import numpy as np

from contracts.errors import MessageError
from contracts.messages import NodeHealth, decode
from gateway.store import columns
from gateway.store.records import (
    CarParkMinute,
    CellMinute,
    NodeRecord,
    Path,
    Positions,
    Stay,
    Visit,
    ZoneMinute,
)

Value = float | int | bool | str
"""What a field holds. A field keeps its first type for ever: a number that may have a fraction is a float."""

NS_IN_MS = 1_000_000
PIECE_BYTES = 60_000
"""Longest text of a field: InfluxDB 1.x and 2.x cut off at 64 KiB in places."""


def line(measurement: str, tags: Mapping[str, str], fields: Mapping[str, Value | None], time_ns: int) -> str:
    """Write one point; fields that are None or no number are left out, and a point without any is empty."""
    values = ",".join(
        f"{name.translate(_IN_KEY)}={text}"
        for name, value in sorted(fields.items())
        if (text := _value(value)) is not None
    )
    return f"{_head(measurement, tags)} {values} {time_ns}" if values else ""


def _head(measurement: str, tags: Mapping[str, str]) -> str:
    # Sorted tags are what a server sorts them into anyway. An empty tag is no tag.
    written = (f",{name.translate(_IN_KEY)}={_tag(tags[name])}" for name in sorted(tags) if tags[name])
    return measurement.translate(_IN_MEASUREMENT) + "".join(written)


_IN_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\n", "\r": r"\r", "\t": r"\t"})
_IN_KEY = _IN_MEASUREMENT | str.maketrans({"=": r"\="})
_IN_STRING = str.maketrans({"\\": r"\\", '"': r"\"", "\n": " "})  # a body is cut at the ends of lines


def _tag(value: str) -> str:
    written = value.translate(_IN_KEY)
    return f"{written} " if written.endswith("\\") else written  # it would hide the comma after it


def _value(value: Value | None) -> str | None:
    if isinstance(value, str):
        return f'"{value.translate(_IN_STRING)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}i"
    return None if value is None or not math.isfinite(value) else repr(value).removesuffix(".0")


def time_ns(identity: str, started_ms: int) -> int:
    """The time of what has an id of its own: its whole second and 30 bits of the id's hash.

    Two that start in one second, with the same tags, are two points but for one chance in a billion; written
    again, with more known, each is the same point.
    """
    digest = hashlib.blake2b(identity.encode(), digest_size=4).digest()
    return started_ms // 1000 * 1_000_000_000 + (int.from_bytes(digest, "big") >> 2)


class Lines:
    """Writes the records of one mall. Times are in ns."""

    def __init__(self, mall: str) -> None:
        self.mall = mall

    def positions(self, found: Positions) -> list[str]:
        """One point a device, with the rank of its id added to the time, so that they differ."""
        head = _head("position", {"floor": found.floor, "mall": self.mall})
        order = sorted(range(len(found.device)), key=found.device.__getitem__)
        numbers = np.column_stack((found.xy_m.round(2), found.cov_m2[:, (0, 0, 1), (0, 1, 1)].round(3)))
        rows = numbers[order].tolist()
        base = found.t_ms * NS_IN_MS
        finite = [all(map(math.isfinite, row)) for row in rows]
        return [
            f'{head} device="{found.device[i]}",x_m={x},y_m={y},'
            f"xx_m2={xx},xy_m2={xy},yy_m2={yy} {base + rank}"
            for rank, (i, (x, y, xx, xy, yy), whole) in enumerate(zip(order, rows, finite, strict=True))
            if whole
        ]

    def cells(self, measurement: str, found: CellMinute) -> str:
        """All cells of a floor as one point, packed as in SQLite: `cells_0`, `cells_1` ... in base64."""
        text = base64.b64encode(columns.pack_cells(found.index, found.device_s)).decode()
        grid = found.grid
        fields: dict[str, Value | None] = {
            "cell_m": float(grid.cell_m), "x0_m": float(grid.x0_m), "y0_m": float(grid.y0_m),
            "nx": grid.nx, "ny": grid.ny,
        }  # fmt: skip
        for number, start in enumerate(range(0, len(text), PIECE_BYTES)):
            fields[f"cells_{number}"] = text[start : start + PIECE_BYTES]
        return line(
            measurement, {"floor": found.floor, "mall": self.mall}, fields, found.minute_ms * NS_IN_MS
        )

    def node_health(self, node: NodeRecord) -> str:
        """The numbers of a node's newest health; empty where there is none that this version can read."""
        try:
            health = decode(node.health, NodeHealth)
        except MessageError:  # of another version, which was kept over a change of it
            return ""
        if not health.t_ms:  # a node that has just started, and has heard nothing yet
            return ""
        fields: dict[str, Value | None] = {
            name: value
            for name, value in msgspec.structs.asdict(health).items()
            if isinstance(value, int | float) and name != "t_ms"
        }
        return line("node_health", {"mall": self.mall, "node": node.node}, fields, health.t_ms * NS_IN_MS)

    def visit(self, visit: Visit) -> str:
        """A visit as last heard of; `ended_ms` comes once it is over."""
        return line(
            "visit",
            {"floor": visit.floor, "mall": self.mall, "zone": visit.zone},
            {
                "visit": visit.visit, "device": visit.device, "started_ms": visit.started_ms,
                "seen_ms": visit.seen_ms, "ended_ms": visit.ended_ms, "dwell_s": float(visit.dwell_s),
                "confidence": float(visit.confidence),
            },
            time_ns(visit.visit, visit.started_ms),
        )  # fmt: skip

    def path(self, path: Path) -> str:
        """A path of somebody who has left; its steps are JSON."""
        return line(
            "path",
            {"mall": self.mall},
            {
                "path": path.path, "device": path.device, "started_ms": path.started_ms,
                "ended_ms": path.ended_ms, "steps": path.steps.decode(),
            },
            time_ns(path.path, path.started_ms),
        )  # fmt: skip

    def stay(self, stay: Stay) -> str:
        """A stay of a car as last heard of; `left_ms` comes once it has left."""
        return line(
            "stay",
            {"mall": self.mall},
            {
                "stay": stay.stay, "plate": stay.plate, "area": stay.area, "started_ms": stay.started_ms,
                "seen_ms": stay.seen_ms, "entered_ms": stay.entered_ms, "left_ms": stay.left_ms,
                "confidence": float(stay.confidence), "region": stay.region, "energy": stay.energy,
            },
            time_ns(stay.stay, stay.started_ms),
        )  # fmt: skip

    def zone_minute(self, found: ZoneMinute) -> str:
        """A zone's minute."""
        return line(
            "zone_minute",
            {"mall": self.mall, "zone": found.zone},
            {
                "people_mean": float(found.people_mean), "people_max": float(found.people_max),
                "variance_mean": float(found.variance_mean), "started": found.started, "ended": found.ended,
            },
            found.minute_ms * NS_IN_MS,
        )  # fmt: skip

    def car_park_minute(self, found: CarParkMinute) -> str:
        """A minute of an area of the car park."""
        return line(
            "car_park_minute",
            {"area": found.area, "mall": self.mall},
            {
                "cars_mean": float(found.cars_mean), "cars_max": float(found.cars_max),
                "variance_mean": float(found.variance_mean), "entered": found.entered, "left": found.left,
                "queue_mean": float(found.queue_mean),
            },
            found.minute_ms * NS_IN_MS,
        )  # fmt: skip
