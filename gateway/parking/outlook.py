"""What is expected to happen in the car park: cars that come, and cars that leave."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.parking.cars import Cars
from gateway.parking.forecast import MINUTES, Flow
from gateway.parking.lengths import MINUTE_MS, Lengths
from gateway.parking.rates import Rates

Floats = npt.NDArray[np.float64]


def flows(
    t_ms: int, cars: Cars, there: Floats, hidden: float, lengths: Lengths, rates: Rates
) -> dict[int, Flow]:
    """Return what is expected within each of the minutes that the forecast looks ahead.

    Args:
        t_ms: now.
        cars: those that were seen to enter ...
        there: ... and (N,) how likely each is there.
        hidden: how many others are.
        lengths: how long cars stay.
        rates: how many come.
    """
    spans: Floats = np.array(MINUTES, dtype=np.float64) * MINUTE_MS
    leave = variance = np.zeros(len(spans))
    if len(cars):
        ages = np.maximum(t_ms - cars.columns()[0], 0.0)[:, None]
        stay = lengths.beyond(ages + spans) / np.maximum(lengths.beyond(ages), 1e-12)
        going = there[:, None] * (1.0 - stay)
        leave, variance = going.sum(axis=0), (going * (1.0 - going)).sum(axis=0)
    unseen = hidden * (1.0 - lengths.residual(spans))
    found = {}
    for i, minutes in enumerate(MINUTES):
        enter, enter_variance = rates.expected(t_ms, minutes)
        found[minutes] = Flow(
            enter - float(leave[i] + unseen[i]), enter_variance + float(variance[i] + unseen[i])
        )
    return found
