"""What the models of phones do, as columns by model."""

import numpy as np
import numpy.typing as npt

from simulators.phone_models import MODELS

Floats = npt.NDArray[np.float64]


class Kinds:
    """What the models do, as columns."""

    def __init__(self) -> None:
        share = np.array([model.share for model in MODELS])
        self.share: Floats = share / share.sum()
        self.addressing = np.array([model.addressing for model in MODELS])
        self.counter = np.array([model.counter for model in MODELS])
        self.varies = np.array([model.varies.value for model in MODELS])
        self.scans_apart = np.array([model.scans_apart for model in MODELS])
        self.rotate_s = np.array([model.rotate_s for model in MODELS])
        self.jitter = np.array([model.jitter for model in MODELS])
        self.per_channel = np.array([model.per_channel for model in MODELS])
        self.power_dbm = np.array([model.power_dbm for model in MODELS])
        longest = max(len(gaps) for model in MODELS for gaps in (model.on_s, model.off_s))
        self.gap_s: Floats = np.array(
            [
                [[*gaps, *[gaps[-1]] * (longest - len(gaps))] for gaps in (model.off_s, model.on_s)]
                for model in MODELS
            ],
            dtype=np.float64,
        )
        """Time to the next burst: (models, screen off or on, bursts since it was turned)."""
