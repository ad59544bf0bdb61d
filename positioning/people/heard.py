"""What is heard in a window, as numbers that grow with the people in the room and little with those outside.

The number is the mean over the minutes of a window of how many different things are heard at once, near by.
Who passes by is heard for a minute and counts a tenth of who stays. Near is a soft level: reception wavers by
some dB from frame to frame.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEVELS_DBM = (-85.0, -75.0, -65.0, -55.0)
"""How loud near is depends on the room, on the receiver and on its place: the index weighs several levels."""
SOFT_DB = 3.0
"""Scale of the logistic around the level: short-term fading at rest."""
MINUTE_MS = 60_000


def concurrent(
    t_ms: Ints, thing: Ints, rssi_dbm: Floats, start_ms: Ints, window_ms: int, levels_dbm: Floats
) -> Floats:
    """Return how many things are heard at once, near by, on the mean over each window: (W, L).

    Args:
        t_ms: (N,) when something was heard.
        thing: (N,) what it was: numbers of addresses, of models, of devices.
        rssi_dbm: (N,) how loud.
        start_ms: (W,) starts of the windows, rising; they do not overlap.
        window_ms: their length.
        levels_dbm: (L,) levels that count half.
    """
    window = np.searchsorted(start_ms, t_ms, side="right") - 1
    inside = (window >= 0) & (t_ms < start_ms[np.maximum(window, 0)] + window_ms)
    window = window[inside]
    minute = (t_ms[inside] - start_ms[window]) // MINUTE_MS
    order = np.lexsort((thing[inside], minute, window))
    key = np.stack((window, minute, thing[inside]))[:, order]
    counts = np.zeros((len(start_ms), len(levels_dbm)))
    if not inside.any():
        return counts
    first = np.flatnonzero(np.append(True, np.any(key[:, 1:] != key[:, :-1], axis=0)))
    loudest_dbm = np.maximum.reduceat(rssi_dbm[inside][order], first)
    near = 1.0 / (1.0 + np.exp((levels_dbm - loudest_dbm[:, None]) / SOFT_DB))
    np.add.at(counts, key[0, first], near)
    result: Floats = counts / (window_ms / MINUTE_MS)
    return result
