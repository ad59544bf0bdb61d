"""How many phones one core positions: `python -m benchmarks.positioning_speed`.

A floor of 24,700 m2 with 40 receivers and 2 m cells, as large as the recorded mall's; every phone reports
every 10 s and is heard by 8 receivers. Each tick of one second is timed from readings to the estimates of all
phones, in processor time, so that neighbours on the machine do not count.
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one core, before numpy loads its threads

import argparse  # noqa: E402
import resource  # noqa: E402
import time  # noqa: E402

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402

from positioning.grid import Floor, Grid  # noqa: E402
from positioning.likelihood import Readings  # noqa: E402
from positioning.positioner import Positioner  # noqa: E402
from positioning.radio import Prediction, RadioModel  # noqa: E402

HEARD, PERIOD_S, RECEIVERS = 8, 10, 40
Ints = npt.NDArray[np.int64]


class Varied(RadioModel):
    """Path loss whose spread differs from place to place, as a surveyed map's does: the costlier case."""

    def predict(self, xyz_m: npt.NDArray[np.float64]) -> Prediction:
        """Predict reception, less sure on one side of the floor."""
        plain = super().predict(xyz_m)
        return Prediction(plain.mean_dbm, plain.sd_db + 0.01 * xyz_m[:, :1], plain.hear_probability)


def tick(rng: np.random.Generator, device: Ints) -> Readings:
    """Return what is heard of some devices."""
    receiver = np.argsort(rng.random((len(device), RECEIVERS)), axis=1)[:, :HEARD]
    level = rng.normal(-75.0, 8.0, receiver.size)
    return Readings(np.repeat(device, HEARD), receiver.ravel(), level)


def main() -> None:
    """Time ticks and print fixes per second and the share of a core."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--ticks", type=int, default=20)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    hall = np.array([[0.0, 0], [240, 0], [240, 103], [0, 103]])
    places = np.column_stack((rng.uniform((0, 0), (240, 103), (RECEIVERS, 2)), np.full(RECEIVERS, 3.0)))
    radio = Varied.prior(tuple(f"R{i:02}" for i in range(RECEIVERS)), places)
    grid = Grid.over([Floor([hall])], cell_m=2.0)
    print(f"{len(grid)} cells, {RECEIVERS} receivers, {args.phones} phones, a report every {PERIOD_S} s")
    for tracker in ("density", "kalman"):
        positioner = Positioner(radio, grid, tracker=tracker)
        seconds, fixes = [], 0
        for t in range(1, args.ticks + PERIOD_S + 1):
            readings = tick(rng, np.arange(t % PERIOD_S, args.phones, PERIOD_S))
            start = time.process_time()
            estimates = positioner.step(1000 * t, readings)
            if t > PERIOD_S:  # by then every phone has a track
                seconds.append(time.process_time() - start)
                fixes += int(estimates.updated.sum())
        print(
            f"{tracker}: {fixes / sum(seconds):,.0f} fixes/s with the tracks of all phones; a tick takes "
            f"{np.median(seconds) * 1e3:.0f} ms (p99 {np.percentile(seconds, 99) * 1e3:.0f} ms)"
        )
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
