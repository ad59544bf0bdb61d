"""How strongly each node hears each frame, and whether it hears it at all.

A model of its own, deliberately not the estimator's: distance with a breakpoint, every wall a ray crosses,
slabs and the hole in them, shadowing in space, fading in time, the owner's body, noise and collisions.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.building import OUTSIDE, Building
from simulators.fields import gaussian_field

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PHONE_HEIGHT_M = 1.1


@dataclass(frozen=True, slots=True)
class Physics:
    """The numbers of the model; docs/simulator.md gives their sources."""

    one_metre_db: float = 40.2
    """Free-space loss over 1 m at 2.44 GHz (Friis)."""
    carried_db: float = 6.0
    """What hands, bags and pockets take, whichever way one looks."""
    near_exponent: float = 1.9
    """Up to the breakpoint: corridors guide waves a little."""
    far_exponent: float = 3.4
    breakpoint_m: float = 9.0
    walls_most_db: float = 26.0
    """Many walls add up to no more than this: energy comes round them."""
    slab_db: float = 17.0
    """Per slab, P.1238 for 2.4 GHz."""
    hole_db: float = 3.0
    """Instead, where the ray goes through the atrium's hole."""
    shadow_db: float = 4.0
    shadow_m: float = 6.0
    """Standard deviation and decorrelation distance of shadowing."""
    fading_shape: float = 1.5
    """Nakagami m of the fading from frame to frame: between Rayleigh (1) and Rice."""
    sway_db: float = 2.8
    """Standard deviation from burst to burst: hands and passers-by."""
    node_gain_db: float = 1.8
    """Standard deviation between nodes: antennas and how they were mounted."""
    probe_floor_dbm: float = -89.0
    """Half of the probe requests (1 Mbit/s) are heard at this strength: noise and what decoding needs."""
    data_floor_dbm: float = -82.0
    """The same for data frames, which are sent faster."""
    floor_width_db: float = 1.3
    background_load: float = 0.02
    """Share of the air that neighbours' networks take."""
    frame_s: float = 0.0006
    """Time on the air of a frame."""


class Radio:
    """The radio of one building. `seed` is the building's, not the day's: a survey and a day share it."""

    CELL_M = 1.0

    def __init__(
        self, building: Building, seed: int = 7, physics: Physics | None = None, *, margin_m: int = 0
    ) -> None:
        """Compute what walls and shadows take, over the building and `margin_m` around it.

        Shadows differ from one margin to another; gains of nodes do not.
        """
        self.physics = physics or Physics()
        site = building.site
        floors = [floor.id for floor in site.floors]
        self.node_floor = np.array([floors.index(node.floor) for node in site.nodes])
        self._elevation = np.array([floor.elevation_m for floor in site.floors])
        self.nodes_m = np.array(
            [
                (n.x_m, n.y_m, self._elevation[f] + n.z_m)
                for n, f in zip(site.nodes, self.node_floor, strict=True)
            ]
        ).reshape(-1, 3)
        rng = np.random.default_rng(seed)
        self._gain = rng.normal(0.0, self.physics.node_gain_db, len(site.nodes))
        self._margin_m = margin_m
        self._origin = (building.origin_m[0] - margin_m, building.origin_m[1] - margin_m)
        self.excess_db = self._excess(building, rng)
        """(nodes, floors, rows, columns): loss beyond that of distance, per cell of CELL_M."""

    def mean_dbm(self, floor: Ints, x_m: Floats, y_m: Floats, power_dbm: Floats) -> Floats:
        """Return the mean strength of a frame sent from each point (N,) at each node: (N, nodes)."""
        metres, _ = self._rays(floor, x_m, y_m)
        _, _, rows, columns = self.excess_db.shape
        row = np.floor((y_m - self._origin[1]) / self.CELL_M).astype(np.int64).clip(0, rows - 1)
        column = np.floor((x_m - self._origin[0]) / self.CELL_M).astype(np.int64).clip(0, columns - 1)
        mean: Floats = (
            power_dbm[:, None] + self._gain - self._loss(metres) - self.excess_db[:, floor, row, column].T
        )
        return mean

    def strength_dbm(
        self,
        floor: Ints,
        x_m: Floats,
        y_m: Floats,
        *,
        heading: Floats,
        power_dbm: Floats,
        body_db: Floats,
        burst: Ints,
        rng: np.random.Generator,
    ) -> Floats:
        """Return the strength of each frame at each node, (N, nodes), with body, sway and fading."""
        p = self.physics
        strength = self.mean_dbm(floor, x_m, y_m, power_dbm)
        metres, offset = self._rays(floor, x_m, y_m)
        ahead = (
            offset[..., 0] * np.cos(heading)[:, None] + offset[..., 1] * np.sin(heading)[:, None]
        ) / metres
        strength -= body_db[:, None] * (1 - ahead) / 2
        bursts = int(burst.max()) + 1 if len(burst) else 0
        strength += rng.normal(0.0, p.sway_db, (bursts, len(self.nodes_m)))[burst]
        fading = rng.standard_gamma(p.fading_shape, strength.shape) / p.fading_shape
        strength += 10 * np.log10(np.maximum(fading, 1e-6))
        return strength

    def heard(
        self, strength_dbm: Floats, channel: Ints, is_data: npt.NDArray[np.bool_], rng: np.random.Generator
    ) -> npt.NDArray[np.bool_]:
        """Return which nodes hear which frames of one second, (N, nodes)."""
        p = self.physics
        floor_dbm = np.where(is_data, p.data_floor_dbm, p.probe_floor_dbm)[:, None]
        odds = 1 / (1 + np.exp(-np.clip((strength_dbm - floor_dbm) / p.floor_width_db, -30, 30)))
        heard: npt.NDArray[np.bool_] = rng.random(odds.shape) < odds
        for one in np.unique(channel):
            on = channel == one
            load = p.background_load + heard[on].sum(axis=0) * p.frame_s
            heard[on] &= rng.random((int(on.sum()), odds.shape[1])) < np.exp(-2 * load)  # pure ALOHA
        return heard

    def _rays(self, floor: Ints, x_m: Floats, y_m: Floats) -> tuple[Floats, Floats]:
        """Return distances (N, nodes) and horizontal offsets (N, nodes, 2) from phones to nodes, metres."""
        offset = self.nodes_m[None, :, :2] - np.column_stack([x_m, y_m])[:, None, :]
        rise = self.nodes_m[:, 2] - (self._elevation[floor] + PHONE_HEIGHT_M)[:, None]
        return np.sqrt((offset**2).sum(axis=2) + rise**2).clip(min=0.5), offset

    def _loss(self, metres: Floats) -> Floats:
        """Return the loss over a distance: two slopes in the logarithm."""
        p = self.physics
        near = 10 * p.near_exponent * np.log10(np.minimum(metres, p.breakpoint_m))
        far = 10 * p.far_exponent * np.log10(np.maximum(metres / p.breakpoint_m, 1.0))
        loss: Floats = p.one_metre_db + p.carried_db + near + far
        return loss

    def _excess(self, building: Building, rng: np.random.Generator) -> npt.NDArray[np.float32]:
        p = self.physics
        floors, rows, columns = building.zone_of.shape
        shape = tuple(int(np.ceil((n * 0.5 + 2 * self._margin_m) / self.CELL_M)) for n in (rows, columns))
        y, x = np.meshgrid(*((np.arange(n) + 0.5) * self.CELL_M for n in shape), indexing="ij")
        x, y = x + self._origin[0], y + self._origin[1]
        excess = np.empty((len(self.nodes_m), floors, *shape), dtype=np.float32)
        for node, (at, own) in enumerate(zip(self.nodes_m, self.node_floor, strict=True)):
            for floor, storey in enumerate(building.storeys):
                walls = walls_db(at[:2], x, y, storey.walls_m, storey.loss_db)
                slabs = abs(int(own) - floor)
                loss = walls / (
                    1 + slabs
                )  # a ray to another floor passes only part of the way among its walls
                loss = p.walls_most_db * (1 - np.exp(-loss / p.walls_most_db))
                if slabs:
                    loss += np.where(
                        self._through_hole(building, at, floor, int(own), x, y), p.hole_db, slabs * p.slab_db
                    )
                shadow = gaussian_field((shape[0], shape[1]), self.CELL_M, p.shadow_db, p.shadow_m, rng)
                excess[node, floor] = loss + shadow
        return excess

    def _through_hole(
        self, building: Building, at: Floats, floor: int, own: int, x: Floats, y: Floats
    ) -> npt.NDArray[np.bool_]:
        """Tell from which cells the ray to a node on a neighbouring floor meets no slab."""
        upper = max(floor, own)
        if abs(floor - own) != 1:
            return np.zeros(x.shape, dtype=np.bool_)
        start = self._elevation[floor] + PHONE_HEIGHT_M
        part = np.clip((self._elevation[upper] - start) / (at[2] - start), 0.0, 1.0)
        px, py = (x + part * (at[0] - x)).ravel(), (y + part * (at[1] - y)).ravel()
        above = building.zones_at(np.full(px.shape, upper), px, py)
        below = building.zones_at(np.full(px.shape, upper - 1), px, py)
        hole: npt.NDArray[np.bool_] = ((above == OUTSIDE) & (below != OUTSIDE)).reshape(x.shape)
        return hole


def walls_db(at: Floats, x: Floats, y: Floats, walls_m: Floats, loss_db: Floats, rays: int = 720) -> Floats:
    """Return what straight rays from a point lose in walls on their way to each of many points.

    Casts `rays` rays over the full circle, sorts the losses along each by distance, and reads the points off:
    (rays x walls) intersections instead of (points x walls).
    """
    angle = np.arange(rays) * 2 * np.pi / rays
    ray = np.column_stack([np.cos(angle), np.sin(angle)])
    start, along = walls_m[:, :2] - at, walls_m[:, 2:] - walls_m[:, :2]
    cross = ray[:, :1] * along[:, 1] - ray[:, 1:] * along[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (start[:, 0] * along[:, 1] - start[:, 1] * along[:, 0]) / cross
        where = (start[:, 0] * ray[:, 1:] - start[:, 1] * ray[:, :1]) / cross
    hit_ray, hit_wall = np.nonzero((distance > 0) & (where >= 0) & (where < 1))
    metres = np.hypot(x - at[0], y - at[1])
    bins = int(metres.max() * 2) + 2
    bin_ = (distance[hit_ray, hit_wall] * 2).astype(np.int64)
    near = bin_ < bins
    table = np.zeros((rays, bins))
    np.add.at(table, (hit_ray[near], bin_[near]), loss_db[hit_wall[near]])
    table = np.cumsum(table, axis=1)
    towards = np.rint(np.arctan2(y - at[1], x - at[0]) / (2 * np.pi) * rays).astype(np.int64) % rays
    loss: Floats = table[towards, np.maximum((metres * 2).astype(np.int64) - 1, 0)]
    return loss
