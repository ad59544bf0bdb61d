"""A crowd whose places follow from the time alone.

It stands in for the gateway's engine in the tests of the console, so it needs no history: where everybody is
at a moment is a function of that moment.
"""

import numpy as np
import numpy.typing as npt

from tests.dashboards.fake_mall import DEPTH_M, FLOORS, WIDTH_M, ZONES

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

DAY_MS, HOUR_MS, MINUTE_MS = 86_400_000, 3_600_000, 60_000
OFFSET_MS = 8 * HOUR_MS  # Shanghai has no summer time
_UPSTAIRS = 42  # of a hundred phones


def crowd_share(t_ms: Floats | float) -> Floats:
    """Return how full the mall is, 0 to 1: shut until ten, a rush at noon and one in the evening."""
    hour = ((np.asarray(t_ms, dtype=np.float64) + OFFSET_MS) % DAY_MS) / HOUR_MS
    noon, evening = np.exp(-(((hour - 12.7) / 1.3) ** 2)), np.exp(-(((hour - 18.6) / 2.0) ** 2))
    doors = 1 / (1 + np.exp(-(hour - 10.2) * 5)) / (1 + np.exp((hour - 21.8) * 5))
    ripple = 0.02 * np.sin(hour * 9.1) + 0.015 * np.sin(hour * 23.0)
    return np.asarray(doors * (0.22 + ripple + 0.42 * noon + 0.5 * evening))


class Crowd:
    """Phones that stay in shops and walk round the ring corridor between them."""

    def __init__(self, phones: int, seed: int = 7, *, full: bool = False) -> None:
        self.phones = phones
        self._full = full
        random = np.random.default_rng(seed)
        self._threshold = random.permutation(phones) / phones
        self._stay_ms = random.uniform(4, 13, phones) * MINUTE_MS
        self._phase_ms = random.uniform(0, 1, phones) * self._stay_ms
        self._salt = random.integers(1, 2**31, phones)
        stays = [i for i, (_, zone) in enumerate(ZONES) if zone["kind"] not in {"corridor", "vertical"}]
        self._places = [np.array([i for i in stays if ZONES[i][0] == floor["id"]]) for floor in FLOORS]
        self._appeal = [random.gamma(1.4, 1.0, len(places)).cumsum() for places in self._places]

    def at(self, t_ms: float) -> tuple[Whole, Whole, Floats, Whole]:
        """Return phones (n,), floor numbers (n,), places in metres (n, 2) and zone numbers or -1 (n,)."""
        here = np.flatnonzero(self._threshold < (1.0 if self._full else crowd_share(t_ms)))
        clock = (t_ms + self._phase_ms[here]) / self._stay_ms[here]
        leg, part = np.floor(clock).astype(np.int64), clock % 1.0
        upstairs = 0 if self._full else _UPSTAIRS
        level = (_hash(self._salt[here], leg // 4) % 100 < upstairs).astype(np.int64)
        start, start_zone = self._place(here, leg, level)
        end, _ = self._place(here, leg + 1, level)
        walking = np.clip((part - 0.72) / 0.28, 0.0, 1.0)
        xy = _walk(start, end, walking) + 3.4 * np.stack((np.sin(here * 2.3), np.cos(here * 3.1)), axis=1)
        sway = np.stack((np.sin(t_ms / 9e3 + here), np.cos(t_ms / 11e3 + here * 1.7)), axis=1)
        xy = np.where((walking > 0)[:, None], xy, start + 0.9 * sway)
        zone = np.where(walking <= 0, start_zone, -1)
        return here, level, np.clip(xy, 0.5, (WIDTH_M - 0.5, DEPTH_M - 0.5)), zone

    def _place(self, here: Whole, leg: Whole, level: Whole) -> tuple[Floats, Whole]:
        """Return where each phone stands during one leg, and in which zone."""
        draw = (_hash(self._salt[here], leg) % 10_000) / 10_000
        xy, zone = np.zeros((len(here), 2)), np.zeros(len(here), dtype=np.int64)
        for number, (places, appeal) in enumerate(zip(self._places, self._appeal, strict=True)):
            rows = level == number
            found = np.searchsorted(appeal / appeal[-1], draw[rows], side="right")
            zone[rows] = places[found.clip(0, len(places) - 1)]
        boxes = np.asarray([np.ptp(np.asarray(z["area"]["coordinates"][0]), axis=0) for _, z in ZONES])
        middles = np.asarray([z["label"] for _, z in ZONES], dtype=np.float64)
        for axis in (0, 1):
            inside = (_hash(self._salt[here] + 17 * (axis + 1), leg) % 1000) / 1000 - 0.5
            xy[:, axis] = middles[zone, axis] + inside * (boxes[zone, axis] - 4)
        return xy, zone


def _hash(salt: Whole, leg: Whole) -> Whole:
    mixed = (salt * 2_654_435_761 + leg * 40_503 + 12_345) & 0x7FFFFFFF
    return np.asarray((mixed ^ (mixed >> 13)) * 1_274_126_177 >> 7 & 0xFFFFFF)


_RING = np.array([[23.0, 23.0], [127.0, 23.0], [127.0, 61.0], [23.0, 61.0]])
_SIDES = np.array([104.0, 38.0, 104.0, 38.0])


def _to_ring(xy: Floats) -> Floats:
    """Return how far along the corridor's middle line the nearest point to each place is."""
    low, high = _RING[0], _RING[2]
    inside = np.clip(xy, low, high)
    left, down = (inside - low).T
    right, up = (high - inside).T
    gaps = np.stack((down, right, up, left), axis=1)
    along = np.stack((left, 104 + down, 142 + right, 246 + up), axis=1)
    return np.asarray(along[np.arange(len(xy)), gaps.argmin(axis=1)])


def _on_ring(along: Floats) -> Floats:
    corner = np.searchsorted(np.cumsum(_SIDES), along % 284.0, side="right") % 4
    start = _RING[corner]
    step = (along % 284.0) - (np.cumsum(_SIDES) - _SIDES)[corner]
    return np.asarray(start + (_RING[(corner + 1) % 4] - start) / _SIDES[corner][:, None] * step[:, None])


def _walk(start: Floats, end: Floats, part: Floats) -> Floats:
    """Return places on the way: out to the corridor, along its shorter side, in again."""
    leave, arrive = _to_ring(start), _to_ring(end)
    turn = (arrive - leave + 142.0) % 284.0 - 142.0
    door, goal = _on_ring(leave), _on_ring(arrive)
    out = np.clip(part / 0.2, 0, 1)
    along = np.clip((part - 0.2) / 0.6, 0, 1)
    into = np.clip((part - 0.8) / 0.2, 0, 1)
    way = _on_ring(leave + turn * along)
    way = np.where((out < 1)[:, None], start + (door - start) * out[:, None], way)
    return np.asarray(np.where((into > 0)[:, None], goal + (end - goal) * into[:, None], way))
