"""A site survey in the simulated mall: an installer walks everywhere with a phone and notes where.

It is what a real installation calibrates from, made by the same radio as the simulated day, so that an
estimator can be calibrated without looking behind the scenes.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.site import Site
from simulators.building import Building
from simulators.radio import PHONE_HEIGHT_M, Radio
from simulators.scans import CHANNELS
from simulators.walkways import Walkways
from simulators.world import World

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SPEED_M_S = 1.0
POINTS_PER_ROOM_M2 = 150.0
"""The installer heads for one point for about this much floor."""
NOTE_ERROR_M = 0.4
"""Standard deviation of the places noted, along each axis."""
POWER_DBM, BODY_DB = 14.0, 5.0
SCAN_EVERY_S = 3.0
"""The survey app scans this often, one frame on each channel: phones do not scan faster."""
WAYPOINTS = 150
"""In one walk, about 4 m apart: ten minutes; then the installer starts a new one."""


@dataclass(frozen=True, slots=True)
class SurveyWalks:
    """Readings (M,) on walks, and the waypoints (K,) noted on them; straight and even between waypoints."""

    receiver: Ints
    """Index into the site's nodes."""
    rssi_dbm: Floats
    t_s: Floats
    """Since the start of the walk."""
    walk: Ints
    way_walk: Ints
    way_t_s: Floats
    way_xyz_m: Floats
    """z counts from the mall's zero, as the floors' elevations do."""

    def xyz_m(self) -> Floats:
        """Return the noted place of each reading, (M, 3)."""
        places = np.empty((len(self.t_s), 3))
        for walk in np.unique(self.walk):
            mine, way = self.walk == walk, self.way_walk == walk
            for axis in range(3):
                places[mine, axis] = np.interp(self.t_s[mine], self.way_t_s[way], self.way_xyz_m[way, axis])
        return places

    def write(self, path: Path, site: Site) -> None:
        """Write the readings as CSV: x_m, y_m, z_m, receiver, rssi_dbm, walk, t_s."""
        nodes = [node.id for node in site.nodes]
        columns = (self.xyz_m().round(2).tolist(), self.receiver.tolist(), self.rssi_dbm.tolist())
        rows = zip(*columns, self.walk.tolist(), self.t_s.round(2).tolist(), strict=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("x_m", "y_m", "z_m", "receiver", "rssi_dbm", "walk", "t_s"))
            writer.writerows((*xyz, nodes[node], rssi, walk, t_s) for xyz, node, rssi, walk, t_s in rows)


def survey(site: Site, *, seed: int = 1, rounds: int = 1) -> SurveyWalks:
    """Walk through all floors of a site `rounds` times; the same seed gives the same survey."""
    world = World.of(site)
    building, walkways, radio = world.building, world.walkways, world.radio
    rng = np.random.default_rng([seed, 5])
    parts: list[SurveyWalks] = []
    for _ in range(rounds):
        for floor in range(len(building.storeys)):
            points, t_s = _round(building, walkways, floor, rng)
            for start in range(0, len(points) - 1, WAYPOINTS):
                piece = slice(start, start + WAYPOINTS + 1)
                way_s = t_s[piece] - t_s[start]
                parts.append(
                    _walk(building, radio, floor, walkways.xy_m[points[piece]], way_s, len(parts), rng)
                )
    walks = SurveyWalks(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in SurveyWalks.__slots__)
    )
    hearing = np.array([number for number, node in enumerate(site.nodes) if node.hears])
    return replace(walks, receiver=hearing[walks.receiver])


def _round(
    building: Building, walkways: Walkways, floor: int, rng: np.random.Generator
) -> tuple[Ints, Floats]:
    """Return the points of a way through every room of a floor, and when each is reached."""
    storey = building.storeys[floor]
    goals: list[int] = []
    left = {
        number: max(1, round(area.area / POINTS_PER_ROOM_M2))
        for number, area in zip(storey.zones, storey.areas, strict=True)
    }
    here = int(walkways.first[floor])
    while left:
        reach = {n: _effort(walkways, floor, here, int(walkways.points_of[n][0])) for n in left}
        room = min(reach, key=lambda n: reach[n])
        spots = walkways.points_of[room]
        goals += rng.choice(spots, min(len(spots), left.pop(room)), replace=False).tolist()
        here = goals[-1]
    ends = np.array(goals)
    pair, point = walkways.ways(ends[:-1], ends[1:], np.zeros(len(ends) - 1, dtype=np.int64))
    points = point[np.append(pair[:-1] == pair[1:], True)]
    metres = np.hypot(*np.diff(walkways.xy_m[points], axis=0).T)
    return points, np.append(0.0, np.cumsum(metres / SPEED_M_S))


def _effort(walkways: Walkways, floor: int, start: int, end: int) -> float:
    first = walkways.first[floor]
    return float(walkways.effort_m[floor][start - first, end - first])


def _walk(
    building: Building,
    radio: Radio,
    floor: int,
    way_xy_m: Floats,
    way_s: Floats,
    number: int,
    rng: np.random.Generator,
) -> SurveyWalks:
    """Return the readings of one walk along waypoints, and the waypoints as noted."""
    burst_s = np.arange(0.0, way_s[-1], SCAN_EVERY_S)
    t_s = np.repeat(burst_s, len(CHANNELS)) + np.tile(np.arange(len(CHANNELS)) * 0.05, len(burst_s))
    x, y = (np.interp(t_s, way_s, way_xy_m[:, axis]) for axis in (0, 1))
    leg = np.searchsorted(way_s, t_s, side="right").clip(1, len(way_s) - 1)
    dx, dy = (way_xy_m[leg] - way_xy_m[leg - 1]).T
    same = np.full(len(t_s), floor)
    strength = radio.strength_dbm(
        same,
        x,
        y,
        heading=np.arctan2(dy, dx),
        power_dbm=np.full(len(t_s), POWER_DBM),
        body_db=np.full(len(t_s), BODY_DB),
        burst=np.repeat(np.arange(len(burst_s)), len(CHANNELS)),
        rng=rng,
    )
    channel = np.tile(CHANNELS, len(burst_s))
    row, node = np.nonzero(radio.heard(strength, channel, np.zeros(len(t_s), dtype=np.bool_), rng))
    z = building.site.floors[floor].elevation_m + PHONE_HEIGHT_M
    noted = way_xy_m + rng.normal(0.0, NOTE_ERROR_M, way_xy_m.shape)
    return SurveyWalks(
        node,
        np.rint(strength[row, node]),
        t_s[row],
        np.full(len(row), number),
        np.full(len(way_s), number),
        way_s,
        np.column_stack([noted, np.full(len(way_s), z)]),
    )
