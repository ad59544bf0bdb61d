"""Fixes a second, and how good they are: `python -m benchmarks.fix_speed`.

Devices walk through a mall of 240 m x 100 m and are heard by 10 of its 40 receivers once a second. After a
first report, which starts the tracks, the next ones are timed from readings to estimates, in processor time
of one core; errors are those of the last. Compared are ours (likelihood over the whole floor, belief over
cells or a normal one), a plain batched path (Gauss-Newton in the dB domain and Kalman filter, numpy over all
devices), one call of `scipy.optimize.least_squares` and one `filterpy` filter a device, and the packages
`easy-trilateration` and `localization`. All know the true path loss. What loops over devices is timed on a
few hundred of them.

The bound is the time in which numpy copies the arrays that any method must read (readings, state) and write
(state, estimates), once, measured in the same run.

    pip install easy-trilateration Localization filterpy
"""

import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")  # one core, before numpy loads its threads

import argparse  # noqa: E402
import contextlib  # noqa: E402
import importlib  # noqa: E402
import io  # noqa: E402
import time  # noqa: E402
import tracemalloc  # noqa: E402
from collections.abc import Callable  # noqa: E402
from dataclasses import dataclass  # noqa: E402
from functools import partial  # noqa: E402
from typing import Any, Protocol  # noqa: E402

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from scipy.optimize import least_squares  # noqa: E402

from positioning.grid import Floor, Grid  # noqa: E402
from positioning.grid_filter import GridFilter  # noqa: E402
from positioning.likelihood import Readings  # noqa: E402
from positioning.positioner import Positioner  # noqa: E402
from positioning.radio import RadioModel  # noqa: E402
from positioning.track import Motion, kalman_update  # noqa: E402

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

WIDTH_M, DEPTH_M, RECEIVERS, HEARD = 240.0, 100.0, 40, 10
NOISE_DB, OFFSET_DB, SPEED_M_S = 6.0, 4.0, 1.0
STEPS = 4
LOOPED = 200
"""Devices of what loops over them: fixes a second do not depend on how many there are."""
ROUNDS, DAMPING = 8, 1e-3


@dataclass(frozen=True)
class Heard:
    """What was heard in one second of D devices: receiver and level (D, HEARD); and their places (D, 2)."""

    receiver: Ints
    level_dbm: Floats
    xy_m: Floats

    def first(self, count: int) -> "Heard":
        """Return the first devices."""
        return Heard(self.receiver[:count], self.level_dbm[:count], self.xy_m[:count])


class Method(Protocol):
    """Something that follows devices."""

    def step(self, t_s: int, heard: Heard) -> Floats:
        """Return places (D, 2)."""


class Ours:
    """The product's trackers."""

    def __init__(self, kind: type[GridFilter] | type[Positioner], radio: RadioModel) -> None:
        outline = np.array([[0.0, 0], [WIDTH_M, 0], [WIDTH_M, DEPTH_M], [0, DEPTH_M]])
        self._positioner = kind(radio, Grid.over([Floor([outline])]))

    def step(self, t_s: int, heard: Heard) -> Floats:
        """Return places."""
        device = np.repeat(np.arange(len(heard.xy_m)), HEARD)
        readings = Readings(device, heard.receiver.ravel(), heard.level_dbm.ravel())
        return np.asarray(self._positioner.step(1000 * t_s, readings).xy_m)


class Batched:
    """Gauss-Newton on the levels (place and offset) and a Kalman filter, numpy over all devices."""

    def __init__(self, radio: RadioModel) -> None:
        self._radio, self._motion = radio, Motion()
        self._state: tuple[Floats, Floats] | None = None

    def step(self, t_s: int, heard: Heard) -> Floats:
        """Return places."""
        del t_s
        xy, cov = self._fix(heard)
        if self._state is None:
            self._state = self._motion.start(xy, cov)
        else:
            mean, spread = self._motion.predict(*self._state, np.ones(len(xy)))
            self._state = kalman_update(mean, spread, xy, cov, gate=16.0)[:2]
        return self._state[0][:, :2]

    def _fix(self, heard: Heard) -> tuple[Floats, Floats]:
        radio = self._radio
        at = radio.receiver_xyz_m[heard.receiver]
        slope = 10.0 * radio.exponent[heard.receiver] / np.log(10.0)
        weight = 10.0 ** (heard.level_dbm / 20.0)
        theta = np.zeros((len(at), 3))
        theta[:, :2] = np.einsum("dk,dkx->dx", weight / weight.sum(axis=1, keepdims=True), at[:, :, :2])
        prior = np.diag((1e-6, 1e-6, (NOISE_DB / OFFSET_DB) ** 2))
        jacobian = np.ones((len(at), HEARD, 3))
        normal = np.empty((len(at), 3, 3))
        for _ in range(ROUNDS):
            delta = theta[:, None, :2] - at[:, :, :2]
            squared = (delta**2).sum(axis=2) + (at[:, :, 2] - 1.2) ** 2 + radio.near_m**2
            expected = radio.p0_dbm[heard.receiver] - 0.5 * slope * np.log(squared) + theta[:, 2:]
            jacobian[:, :, :2] = -(slope / squared)[:, :, None] * delta
            transposed = jacobian.transpose(0, 2, 1)
            normal = transposed @ jacobian + prior
            gap = (transposed @ (heard.level_dbm - expected)[:, :, None])[:, :, 0]
            gap[:, 2] -= prior[2, 2] * theta[:, 2]
            step = np.linalg.solve(normal + DAMPING * np.eye(3), gap[:, :, None])[:, :, 0]
            step[:, :2] *= np.minimum(1.0, 20.0 / np.maximum(np.hypot(*step[:, :2].T), 1e-9))[:, None]
            theta += step
            np.clip(theta[:, :2], 0.0, (WIDTH_M, DEPTH_M), out=theta[:, :2])
        cov = np.asarray(NOISE_DB**2 * np.linalg.inv(normal)[:, :2, :2], dtype=np.float64)
        return theta[:, :2].copy(), cov


class Scipy:
    """One call of `scipy.optimize.least_squares` and one `filterpy` Kalman filter a device."""

    def __init__(self, radio: RadioModel) -> None:
        self._radio = radio
        self._filters: list[Any] = []
        self._kalman = importlib.import_module("filterpy.kalman").KalmanFilter
        self._noise = importlib.import_module("filterpy.common").Q_continuous_white_noise

    def step(self, t_s: int, heard: Heard) -> Floats:
        """Return places."""
        del t_s
        places = np.empty_like(heard.xy_m)
        for device, (receiver, level) in enumerate(zip(heard.receiver, heard.level_dbm, strict=True)):
            xy, cov = self._fix(receiver, level)
            if device == len(self._filters):
                self._filters.append(self._started(xy, cov))
            else:
                self._filters[device].predict()
                self._filters[device].update(xy, R=cov)
            places[device] = self._filters[device].x[:2]
        return places

    def _fix(self, receiver: Ints, level: Floats) -> tuple[Floats, Floats]:
        radio = self._radio
        at, slope, p0 = radio.receiver_xyz_m[receiver], radio.exponent[receiver], radio.p0_dbm[receiver]

        def gap(theta: Floats) -> Floats:
            squared = ((theta[:2] - at[:, :2]) ** 2).sum(axis=1) + (at[:, 2] - 1.2) ** 2 + radio.near_m**2
            errors = (level - p0 + 5.0 * slope * np.log10(squared) - theta[2]) / NOISE_DB
            return np.append(errors, theta[2] / OFFSET_DB)

        weight = 10.0 ** (level / 20.0)
        start = np.append(weight @ at[:, :2] / weight.sum(), 0.0)
        found = least_squares(gap, start, method="lm")
        jacobian = np.asarray(found.jac, dtype=np.float64)
        cov = np.asarray(np.linalg.pinv(jacobian.T @ jacobian)[:2, :2], dtype=np.float64)
        return np.clip(found.x[:2], 0.0, (WIDTH_M, DEPTH_M)), cov

    def _started(self, xy: Floats, cov: Floats) -> Any:
        track = self._kalman(dim_x=4, dim_z=2)
        track.x = np.array([*xy, 0.0, 0.0])
        track.P = np.diag((0.0, 0.0, 0.5, 0.5))
        track.P[:2, :2] = cov
        track.F = np.eye(4) + np.eye(4, k=2)
        track.H = np.eye(2, 4)
        track.Q = self._noise(dim=2, dt=1.0, spectral_density=0.1, block_size=2, order_by_dim=False)
        return track


class Ranged:
    """A package that wants circles: ranges are what the path loss makes of the levels."""

    def __init__(self, radio: RadioModel) -> None:
        self._radio = radio

    def step(self, t_s: int, heard: Heard) -> Floats:
        """Return places."""
        del t_s
        radio = self._radio
        range_m = 10.0 ** (
            (radio.p0_dbm[heard.receiver] - heard.level_dbm) / (10.0 * radio.exponent[heard.receiver])
        )
        at = radio.receiver_xyz_m[heard.receiver][:, :, :2]
        return np.array([self.locate(*one) for one in zip(at, range_m, strict=True)])

    def locate(self, at_m: Floats, range_m: Floats) -> tuple[float, float]:
        """Return the place of one device, from centres (HEARD, 2) and radii."""
        raise NotImplementedError


class EasyTrilateration(Ranged):
    """`easy-trilateration`: least squares of squared ranges, with a common error of the ranges."""

    def __init__(self, radio: RadioModel) -> None:
        super().__init__(radio)
        self._circle = importlib.import_module("easy_trilateration.model").Circle
        self._solve = importlib.import_module("easy_trilateration.least_squares").easy_least_squares

    def locate(self, at_m: Floats, range_m: Floats) -> tuple[float, float]:
        """Return the place of one device."""
        circles = [self._circle(*at, r) for at, r in zip(at_m.tolist(), range_m.tolist(), strict=True)]
        found, _ = self._solve(circles, self._circle(*at_m.mean(axis=0).tolist(), 0.0))
        return found.center.x, found.center.y


class Localization(Ranged):
    """`localization`: least squares of ranges."""

    def __init__(self, radio: RadioModel) -> None:
        super().__init__(radio)
        self._package = importlib.import_module("localization")

    def locate(self, at_m: Floats, range_m: Floats) -> tuple[float, float]:
        """Return the place of one device."""
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does
            project = self._package.Project(mode="2D", solver="LSE")
            target, _ = project.add_target()
            for number, (at, r) in enumerate(zip(at_m.tolist(), range_m.tolist(), strict=True)):
                project.add_anchor(str(number), at)
                target.add_measure(str(number), r)
            project.solve()
        return target.loc.x, target.loc.y


BATCHED: dict[str, Callable[[RadioModel], Method]] = {
    "mallsense: belief over cells": partial(Ours, GridFilter),
    "mallsense: normal belief": partial(Ours, Positioner),
    "batched Gauss-Newton and Kalman filter": Batched,
}
LOOPS: dict[str, Callable[[RadioModel], Method]] = {
    "scipy least_squares and filterpy, a device at a time": Scipy,
    "easy-trilateration (no filter)": EasyTrilateration,
    "localization (no filter)": Localization,
}


def mall(devices: int, seed: int = 1) -> tuple[RadioModel, list[Heard]]:
    """Return the radio of a mall and what is heard in each second."""
    rng = np.random.default_rng(seed)
    box = np.array([WIDTH_M, DEPTH_M])
    at = np.column_stack((rng.uniform(0, 1, (RECEIVERS, 2)) * box, np.full(RECEIVERS, 3.0)))
    radio = RadioModel.prior(tuple(f"R{i:02}" for i in range(RECEIVERS)), at, sigma_db=NOISE_DB)
    start, turn = rng.uniform(0, 1, (devices, 2)) * box, rng.uniform(0, 2 * np.pi, devices)
    offset = rng.normal(0, OFFSET_DB, (devices, 1))
    steps = []
    for t in range(STEPS):
        # Who reaches a wall turns round.
        xy = start + SPEED_M_S * t * np.column_stack((np.cos(turn), np.sin(turn)))
        xy = box - np.abs(box - np.abs(xy))
        mean = radio.expected_dbm(np.column_stack((xy, np.full(devices, 1.2))))
        level = mean + offset + rng.normal(0, NOISE_DB, mean.shape)
        receiver = np.argsort(-level, axis=1)[:, :HEARD]
        steps.append(Heard(receiver, np.take_along_axis(level, receiver, axis=1), xy))
    return radio, steps


def timed(method: Method, steps: list[Heard]) -> tuple[float, Floats]:
    """Return fixes a second of processor time, and the errors (D,) of the last second."""
    places = method.step(1, steps[0])
    start = time.process_time()
    for t, heard in enumerate(steps[1:], start=2):
        places = method.step(t, heard)
    spent = time.process_time() - start
    return len(places) * (len(steps) - 1) / spent, np.hypot(*(places - steps[-1].xy_m).T)


def bytes_held(
    build: Callable[[RadioModel], Method], radio: RadioModel, steps: list[Heard]
) -> tuple[int, int]:
    """Return the most bytes allocated in two steps, and those that stay, by numpy's account."""
    method = build(radio)
    tracemalloc.start()
    method.step(1, steps[0])
    method.step(2, steps[1])
    stays, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, stays


def bound(devices: int) -> float:
    """Return the fixes a second at which the arrays of a step can be copied."""
    read = np.ones((devices, 2 * HEARD + 4 + 16))  # receivers and levels, state and its covariance
    written = np.empty((devices, 4 + 16 + 2 + 4))  # state and covariance, place and its covariance
    times = 7
    start = time.process_time()
    for _ in range(times):
        written[:] = read[:, : written.shape[1]]
        read[:, written.shape[1] :].sum()  # the rest of what is read
    return devices * times / max(time.process_time() - start, 1e-9)


def looped() -> dict[str, tuple[float, Floats]]:
    """Return fixes a second and errors of what loops over devices; says what is not installed."""
    radio, steps = mall(LOOPED)
    results = {}
    for name, build in LOOPS.items():
        try:
            method = build(radio)
        except ImportError as error:
            print(f"{name} is skipped: no module {error.name}; see the top of this file for what to install")
            continue
        results[name] = timed(method, steps)
    return results


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    args = parser.parse_args()
    loops = looped()
    scipy_rate = next(iter(loops.values()))[0] if loops else float("nan")
    print("| devices | method | fixes/s | beside scipy's | median / p95 m | bytes a device: peak, staying |")
    print("|---" * 6 + "|")
    for name, (rate, errors) in loops.items():
        print(_row(LOOPED, name, rate, scipy_rate, errors, ""), flush=True)
    for devices in args.devices:
        radio, steps = mall(devices)
        for name, build in BATCHED.items():
            rate, errors = timed(build(radio), steps)
            peak, stays = bytes_held(build, radio, steps)
            memory = f"{peak / devices:,.0f}, {stays / devices:,.0f}"
            print(_row(devices, name, rate, scipy_rate, errors, memory), flush=True)
        rate = bound(devices)
        times = f"{rate:,.0f} | {rate / scipy_rate:,.0f}"
        print(f"| {devices:,} | the arrays copied once (bound) | {times} | | |", flush=True)


def _row(devices: int, name: str, rate: float, base: float, errors: Floats, memory: str) -> str:
    errors = errors[np.isfinite(errors)]
    quality = f"{np.median(errors):.1f} / {np.percentile(errors, 95):.1f}"
    return f"| {devices:,} | {name} | {rate:,.0f} | {rate / base:,.1f} | {quality} | {memory} |"


if __name__ == "__main__":
    main()
