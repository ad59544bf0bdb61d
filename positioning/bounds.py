"""How well anybody could do: Cramer-Rao bounds of one fix, and of a track.

Fisher information of what R receivers tell in one tick about a device's place and its common offset, for a
radio map with mean ``m``, standard deviation ``s`` and the chance ``p`` of being heard, whose gradients are
taken by central differences::

    levels    sum p [ (dm, 1) (dm, 1)' / s^2 + 2 (ds, 0) (ds, 0)' / s^2 ]
    hearing   sum (dp, 0) (dp, 0)' / (p (1 - p))

(Kay, *Fundamentals of Statistical Signal Processing: Estimation Theory*, 1993, equation 3.31, for a normal
level; a Bernoulli trial for hearing.) For path loss on a plane the first term is that of Patwari et al.,
*Relative location estimation in wireless sensor networks* (IEEE Trans. Signal Processing 51, 2003), with
``(10 n / (s ln 10))^2`` as its factor. What all levels of one moment share, and the offset itself, are
nuisance parameters with normal priors; the Schur complement takes them out.

The bound of a track is the posterior Cramer-Rao bound (Tichavsky, Muravchik and Nehorai, IEEE Trans. Signal
Processing 46, 1998). As the motion is linear and normal, its recursion is that of a Kalman filter's
covariance with the information of each tick, here taken along a given path.

Bounds hold for errors that are independent from tick to tick and as large as the map says: an estimator that
meets them cannot be had where the map is wrong for seconds on end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from positioning.offset import STAY_S
from positioning.radio import Prediction, RadioMap
from positioning.track import Motion

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHANCE_LIMIT = 1e-6  # no receiver is ever certain


def tick_information(radio: RadioMap, xyz_m: Floats, *, step_m: float = 0.5) -> Floats:
    """Return the information (N, 3, 3) of one tick about ``(x, y, offset)`` at places ``xyz_m`` (N, 3).

    What all levels of a moment share is taken out; the offset's prior is not in it. Units: m^-2, (m dB)^-1
    and dB^-2.

    Args:
        radio: what receivers are expected to hear.
        xyz_m: places, in the frame of the radio map.
        step_m: half the base of the differences; keep it well under the distance over which shadows change.
    """
    here, mean, sd, chance = _gradients(radio, xyz_m, step_m)
    heard = np.clip(here.hear_probability, CHANCE_LIMIT, 1.0 - CHANCE_LIMIT)
    weight = heard / here.sd_db**2
    levels = np.zeros((len(xyz_m), 3, 3))
    levels[:, :2, :2] = np.einsum("nr,nri,nrj->nij", weight, mean, mean)
    levels[:, :2, 2] = levels[:, 2, :2] = np.einsum("nr,nri->ni", weight, mean)
    levels[:, 2, 2] = weight.sum(axis=1)
    if radio.moment_sd_db > 0:
        levels = _without_moment(levels, radio.moment_sd_db)
    levels[:, :2, :2] += 2.0 * np.einsum("nr,nri,nrj->nij", weight, sd, sd)
    levels[:, :2, :2] += np.einsum("nr,nri,nrj->nij", 1.0 / (heard * (1.0 - heard)), chance, chance)
    return levels


def fix_bound(information: Floats, offset_sd_db: float) -> Floats:
    """Return the bound (N, 2, 2) in m^2 on the covariance of unbiased fixes from one tick each.

    Args:
        information: (N, 3, 3) of :func:`tick_information`.
        offset_sd_db: prior standard deviation of the device's offset; 0 where it is known.

    Raises:
        numpy.linalg.LinAlgError: at some place the tick does not tell both coordinates.
    """
    own = information[:, :2, :2]
    if offset_sd_db > 0:
        cross = information[:, :2, 2]
        total = information[:, 2, 2] + offset_sd_db**-2
        own = own - cross[:, :, None] * cross[:, None, :] / total[:, None, None]
    return np.asarray(np.linalg.inv(own), dtype=np.float64)


def _gradients(radio: RadioMap, xyz_m: Floats, step_m: float) -> tuple[Prediction, Floats, Floats, Floats]:
    """Return what is predicted, and the gradients (N, R, 2) of mean, spread and chance in x and y."""
    step = step_m * np.array([[0.0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    shape = (len(step), len(xyz_m), -1)
    # All at once: a surveyed map costs most before the first place.
    found = radio.predict((step[:, None] + xyz_m).reshape(-1, 3))
    mean, sd, chance = (
        column.reshape(shape) for column in (found.mean_dbm, found.sd_db, found.hear_probability)
    )
    slopes = [
        np.stack((part[1] - part[2], part[3] - part[4]), axis=-1) / (2.0 * step_m)
        for part in (mean, sd, chance)
    ]
    return Prediction(mean[0], sd[0], chance[0]), slopes[0], slopes[1], slopes[2]


def _without_moment(levels: Floats, moment_sd_db: float) -> Floats:
    """Take out a level shared by all readings of the tick: it looks like the offset but is new every time."""
    shared = levels[:, :, 2]
    total = levels[:, 2, 2] + moment_sd_db**-2
    return np.asarray(levels - shared[:, :, None] * shared[:, None, :] / total[:, None, None])


@dataclass(frozen=True)
class TrackBound:
    """The bound of a filter that follows one device whose state is ``(x, y, vx, vy, offset)``.

    Attributes:
        motion: how the device moves.
        offset_sd_db: prior standard deviation of its offset.
        start_sd_m: how well its place is known before anything is heard, per coordinate.
        offset_stay_s: time in which an offset is forgotten to 1/e.
    """

    motion: Motion
    offset_sd_db: float
    start_sd_m: float
    offset_stay_s: float = STAY_S

    def along(self, moment_s: Floats, information: Floats, at_s: Floats, known: Ints) -> Floats:
        """Return the bound (N, 2, 2) in m^2 on the covariance of estimates along a path.

        Args:
            moment_s: (K,) ascending moments that the ticks tell of, not before 0, when the walk starts.
            information: (K, 3, 3) of each tick, see :func:`tick_information`.
            at_s: (N,) moments whose place is estimated, not before 0.
            known: (N,) number of ticks that have been heard by then. Some of them may tell of moments after
                ``at_s``, as with a clock offset: the bound is then that of a smoother with so much lag.
        """
        if not len(moment_s):
            return np.stack([self._predicted(self._start(), t)[:2, :2] for t in at_s])
        before, after = self._filter(moment_s, information)
        return np.stack(
            [self._at(float(t), int(k), moment_s, before, after) for t, k in zip(at_s, known, strict=True)]
        )

    def _at(self, t_s: float, known: int, moment_s: Floats, before: Floats, after: Floats) -> Floats:
        """Return the bound (2, 2) at one moment, with the first ``known`` ticks."""
        passed = min(int(np.searchsorted(moment_s, t_s, side="right")), known)
        since_s = t_s - moment_s[passed - 1] if passed else t_s
        bound = self._predicted(after[passed - 1] if passed else self._start(), since_s)
        if known > passed:  # Rauch, Tung and Striebel's smoother, back from the last tick known
            later = after[known - 1]
            for k in range(known - 1, passed, -1):
                later = self._smoothed(after[k - 1], before[k], later, moment_s[k] - moment_s[k - 1])
            bound = self._smoothed(bound, before[passed], later, moment_s[passed] - t_s)
        return bound[:2, :2]

    def _filter(self, moment_s: Floats, information: Floats) -> tuple[Floats, Floats]:
        """Return the bounds (K, 5, 5) before and after each tick."""
        before, after = [], []
        bound, last_s = self._start(), 0.0
        seen = np.ix_((0, 1, 4), (0, 1, 4))
        for t_s, told in zip(moment_s.tolist(), information, strict=True):
            bound = self._predicted(bound, t_s - last_s)
            before.append(bound)
            total = np.linalg.inv(bound)
            total[seen] += told
            bound, last_s = np.linalg.inv(total), t_s
            after.append(bound)
        return np.stack(before), np.stack(after)

    def _start(self) -> Floats:
        place, speed = self.start_sd_m**2, self.motion.speed_sd_m_s**2
        return np.diag([place, place, speed, speed, max(self.offset_sd_db**2, 1e-12)])

    def _transition(self, dt_s: float) -> Floats:
        matrix = np.zeros((5, 5))
        matrix[:4, :4] = self.motion.transition(np.array([dt_s]))[0]
        matrix[4, 4] = np.exp(-dt_s / self.offset_stay_s)
        return matrix

    def _predicted(self, bound: Floats, dt_s: float) -> Floats:
        transition = self._transition(dt_s)
        moved: Floats = transition @ bound @ transition.T
        moved[:4, :4] += self.motion.noise(np.array([dt_s]))[0]
        moved[4, 4] += self.offset_sd_db**2 * (1.0 - transition[4, 4] ** 2)
        return moved

    def _smoothed(self, earlier: Floats, predicted: Floats, later: Floats, dt_s: float) -> Floats:
        """Return the bound before a step of ``dt_s``, given those after it without and with what follows."""
        gain = earlier @ self._transition(dt_s).T @ np.linalg.inv(predicted)
        smoothed: Floats = earlier + gain @ (later - predicted) @ gain.T
        return smoothed
