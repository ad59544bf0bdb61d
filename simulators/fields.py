"""Random fields: shadowing that is alike at places close to each other."""

import numpy as np
import numpy.typing as npt


def gaussian_field(
    shape: tuple[int, int], cell_m: float, deviation: float, decorrelation_m: float, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Draw a field of (rows, columns) with zero mean and covariance deviation^2 * exp(-d / decorrelation_m).

    The exponential model is Gudmundson's (1991). White noise is filtered with the root of its spectrum
    (circulant embedding, Dietrich and Newsam 1997) on a torus large enough that opposite edges do not meet.
    """
    rows, columns = (n + int(6 * decorrelation_m / cell_m) for n in shape)
    y = np.minimum(np.arange(rows), rows - np.arange(rows)) * cell_m
    x = np.minimum(np.arange(columns), columns - np.arange(columns)) * cell_m
    covariance = deviation**2 * np.exp(-np.hypot(y[:, None], x) / decorrelation_m)
    spectrum = np.fft.rfft2(covariance).real.clip(min=0.0)
    noise = np.fft.rfft2(rng.standard_normal((rows, columns)))
    field = np.fft.irfft2(np.sqrt(spectrum) * noise, s=(rows, columns))
    return field[: shape[0], : shape[1]].astype(np.float32)
