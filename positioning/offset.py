"""Offsets of devices: how much louder each is than the radio map expects, learnt with its positions."""

from __future__ import annotations

import numpy as np

from positioning.grid import Floats

STAY_S = 300.0  # hands, pockets and power change over minutes
LEAST_DB2 = 0.1


class DeviceOffsets:
    """How offsets are forgotten and learnt: part of what is found in one moment is of that moment alone."""

    def __init__(self, prior_sd_db: float, moment_sd_db: float) -> None:
        """Take the spread of offsets over devices, and of what one moment adds."""
        self._prior_db2 = prior_sd_db**2
        self.moment_db2 = moment_sd_db**2

    def expected(self, mean_db: Floats, db2: Floats, since_s: Floats) -> tuple[Floats, Floats]:
        """Return mean and variance (N,) ``since_s`` later: what was learnt fades to the prior."""
        known = np.minimum(np.exp(-since_s / STAY_S), 1.0)
        return known * mean_db, self._prior_db2 + known**2 * (db2 - self._prior_db2)

    def learnt(
        self, mean_db: Floats, db2: Floats, found_db: Floats, found_db2: Floats
    ) -> tuple[Floats, Floats]:
        """Return mean and variance (N,) after a moment.

        Args:
            mean_db: (N,) expected.
            db2: (N,) its variance.
            found_db: (N,) posterior mean of the moment's offset beside what was expected.
            found_db2: (N,) its variance.
        """
        # What one moment adds is white; the rest of the offset found belongs to the device.
        share = db2 / (db2 + self.moment_db2)
        left = db2 + self.moment_db2 - found_db2
        return mean_db + share * found_db, np.maximum(db2 - share**2 * left, LEAST_DB2)
