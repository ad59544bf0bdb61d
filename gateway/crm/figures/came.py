"""Who came: visits of the mall, different visitors, and who bounced."""

from __future__ import annotations

from collections.abc import Iterator
from math import exp, hypot, log

import numpy as np

from gateway.crm.figures import estimation
from gateway.crm.figures.columns import Columns, Floats, Ints
from gateway.crm.figures.intervals import Interval, exact, positive, share
from gateway.crm.figures.telling import Figure, Teller
from gateway.figures.intervals import Z_90
from gateway.people import ENTERED


def came(columns: Columns, bounce_s: float, tell: Teller) -> Iterator[Figure]:
    """Give the figures of who came; a path of at most `bounce_s` seconds and one zone has bounced."""
    visits = visits_of_mall(columns, tell)
    again = visits_per_visitor(columns.path_device)
    yield tell.whole("visits", None, visits, columns.arrived)
    yield tell.whole("visitors", None, divided(visits, again), columns.arrived / again.value, columns.arrived)
    devices = int((np.bincount(columns.path_device) > 0).sum())
    yield tell.figure("visits_per_visitor", None, again if devices else None, *tell.both(devices))
    bounced, paths = bounces(columns, bounce_s)
    rate = bounce_rate(bounced, paths) if paths else None
    yield tell.figure("bounce_rate", None, rate, *tell.both(paths, bounced, paths - bounced))


def visits_of_mall(columns: Columns, tell: Teller) -> Interval:
    """Return people's visits of the mall."""
    counted = ENTERED in tell.people.calibrated
    return tell.came(columns.arrived, estimation.CAME if counted else estimation.CAME_UNCOUNTED)


def visits_per_visitor(path_device: Ints) -> Interval:
    """Return the mean number of paths of the devices that made paths (P,); 1 where there are none.

    It may be 1 always: a phone that was silent for long looks like one that came back.
    """
    counts = np.bincount(path_device)
    paths: Floats = counts[counts > 0].astype(np.float64)
    if not len(paths):
        return exact(1.0)
    value = float(paths.mean())
    spread = float(paths.var(ddof=1)) if len(paths) > 1 else 0.0
    return Interval(value, 1.0, positive(value, spread / len(paths) / value**2).high)


def bounces(columns: Columns, bounce_s: float) -> tuple[int, int]:
    """Return how many paths bounced, of how many that visited anything and of which it is known."""
    short = (columns.path_s <= bounce_s) & (columns.path_zones == 1)
    known = (columns.path_zones > 0) & (columns.path_over | ~short)
    return int((short & known).sum()), int(known.sum())


def bounce_rate(bounced: int, paths: int) -> Interval:
    """Return the rate of paths; each of them may be the piece of one that did not bounce."""
    told = share(bounced, paths)
    return Interval(told.value, 0.0, told.high)


def divided(above: Interval, below: Interval) -> Interval:
    """Return a ratio of two quantities that err independently: on the logarithm, each side by itself.

    Raises `ValueError` where there is nothing to divide by.
    """
    if below.value <= 0.0:
        raise ValueError("nothing to divide by")
    if above.value <= 0.0:
        return Interval(0.0, 0.0, above.high / below.value)
    value = above.value / below.value
    under = hypot(_log(above.value, above.low), _log(below.high, below.value))
    over = hypot(_log(above.high, above.value), _log(below.value, below.low))
    return Interval(value, value * exp(-under), value * exp(over))


def log_variance(of: Interval) -> float:
    """Return the variance of a quantity's logarithm that its interval shows."""
    return (_log(of.high, of.low) / (2 * Z_90)) ** 2


def _log(high: float, low: float) -> float:
    return log(high / low) if low > 0.0 else 0.0
