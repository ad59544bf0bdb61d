"""How many phones one core positions: `python -m benchmarks.positioning_speed`.

Malls of one, two and three floors with 2 m cells; every phone stands somewhere, reports every 10 s and is
heard by 8 receivers. Each tick of one second is timed from readings to the estimates of all phones, in
processor time: neighbours on the machine count only for the cache they take.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one core, before numpy loads its threads

import argparse  # noqa: E402
import resource  # noqa: E402
import time  # noqa: E402
from collections.abc import Iterator  # noqa: E402
from dataclasses import dataclass  # noqa: E402

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from positioning.grid import Floor, Grid  # noqa: E402
from positioning.grid_filter import GridFilter  # noqa: E402
from positioning.likelihood import Readings  # noqa: E402
from positioning.positioner import Positioner  # noqa: E402
from positioning.radio import Prediction, RadioModel  # noqa: E402

TRACKERS: dict[str, type[GridFilter] | type[Positioner]] = {"cells": GridFilter, "normal": Positioner}
HEARD, PERIOD_S, STOREY_M = 8, 10, 5.0
NOISE_DB, OFFSET_DB = 5.0, 4.0
Floats = npt.NDArray[np.float64]


class Varied(RadioModel):
    """Path loss whose spread differs from place to place, as a surveyed map's does: the costlier case."""

    def predict(self, xyz_m: Floats) -> Prediction:
        """Predict reception, less sure on one side of the floor."""
        plain = super().predict(xyz_m)
        return Prediction(plain.mean_dbm, plain.sd_db + 0.01 * xyz_m[:, :1], plain.hear_probability)


@dataclass(frozen=True)
class Mall:
    """Floors of one size, with receivers spread over all of them."""

    floors: int
    receivers: int
    width_m: float
    depth_m: float
    kind: type[RadioModel]

    def places(self, rng: np.random.Generator, count: int, height_m: float) -> Floats:
        """Return places (N, 3) anywhere."""
        xy = rng.uniform((0, 0), (self.width_m, self.depth_m), (count, 2))
        return np.column_stack((xy, STOREY_M * (np.arange(count) % self.floors) + height_m))

    def radio(self, rng: np.random.Generator) -> RadioModel:
        """Return the radio model of its receivers."""
        names = tuple(f"R{i:03}" for i in range(self.receivers))
        slabs: Floats = np.arange(1, self.floors, dtype=np.float64) * STOREY_M - 0.3
        return self.kind.prior(names, self.places(rng, self.receivers, 3.0), slab_z_m=slabs)

    def grid(self) -> Grid:
        """Return its cells."""
        w, d = self.width_m, self.depth_m
        outline = np.array([[0.0, 0], [w, 0], [w, d], [0, d]])
        return Grid.over([Floor([outline], STOREY_M * f) for f in range(self.floors)], cell_m=2.0)


MALLS = (
    Mall(1, 40, 240.0, 103.0, Varied),
    Mall(2, 32, 200.0, 150.0, RadioModel),
    Mall(3, 120, 240.0, 100.0, Varied),
)


def ticks(
    rng: np.random.Generator, mall: Mall, radio: RadioModel, phones: int, count: int
) -> Iterator[Readings]:
    """Yield what is heard in each tick: by the receivers that hear best."""
    mean = radio.expected_dbm(mall.places(rng, phones, 1.2)) + rng.normal(0, OFFSET_DB, (phones, 1))
    for t in range(count):
        device = np.arange(t % PERIOD_S, phones, PERIOD_S)
        level = mean[device] + rng.normal(0, NOISE_DB, (len(device), mall.receivers))
        receiver = np.argsort(-level, axis=1)[:, :HEARD]
        heard = np.take_along_axis(level, receiver, axis=1)
        yield Readings(np.repeat(device, HEARD), receiver.ravel(), heard.ravel())


def main() -> None:
    """Time ticks and print fixes per second and the time of a tick."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--ticks", type=int, default=20)
    parser.add_argument("--tracker", choices=TRACKERS, default="cells")
    args = parser.parse_args()
    print(f"belief: {args.tracker}; {args.phones} phones, a report every {PERIOD_S} s")
    for mall in MALLS:
        rng = np.random.default_rng(1)
        radio, grid = mall.radio(rng), mall.grid()
        positioner = TRACKERS[args.tracker](radio, grid)
        first: list[float] = []
        later: list[float] = []
        fixes = 0
        for t, readings in enumerate(ticks(rng, mall, radio, args.phones, args.ticks + PERIOD_S), start=1):
            start = time.process_time()
            estimates = positioner.step(1000 * t, readings)
            (first if t <= PERIOD_S else later).append(time.process_time() - start)
            fixes += int(estimates.updated.sum()) if t > PERIOD_S else 0
        p50, p99 = 1e3 * np.percentile(later, (50, 99))
        print(f"{mall.floors} floors, {len(grid):,} cells, {mall.receivers} receivers:")
        print(f"  {fixes / sum(later):,.0f} fixes/s; a tick takes {p50:.0f} ms (p99 {p99:.0f} ms)")
        print(f"  a tick of phones never heard before takes {1e3 * np.median(first):.0f} ms")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
