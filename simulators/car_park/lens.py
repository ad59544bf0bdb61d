"""A camera over two lanes: from metres to pixels (the pinhole model of Hartley and Zisserman, 6.1)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float64]
NEAREST_M = 0.5


@dataclass(frozen=True, slots=True)
class Lens:
    """A camera that looks along the lanes and a little down. x is to the right, y up, z away, in metres."""

    width: int = 1280
    height: int = 720
    above_m: float = 2.2
    pitch_deg: float = 12.0
    focal: float = 1.1
    """Focal length in widths of the picture: 1.1 sees 49 degrees."""

    def project(self, points_m: Points) -> Points:
        """Give (N, 2) pixels of (N, 3) places."""
        pitch = np.deg2rad(self.pitch_deg)
        x, y, z = points_m[:, 0], points_m[:, 1] - self.above_m, points_m[:, 2]
        deep = np.maximum(z * np.cos(pitch) - y * np.sin(pitch), NEAREST_M)
        up = y * np.cos(pitch) + z * np.sin(pitch)
        scale = self.focal * self.width / deep
        return np.stack([self.width / 2 + scale * x, self.height / 2 - scale * up], axis=1)

    def px_per_m(self, z_m: float) -> float:
        """Give how large things are at a distance."""
        return self.focal * self.width / max(z_m, NEAREST_M)
