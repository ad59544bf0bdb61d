"""What stands between a car and its picture: night, rain, glare, blur, noise."""

from dataclasses import dataclass

import cv2
import numpy as np

from simulators.car_park.lens import Lens
from simulators.car_park.plate_picture import Image
from simulators.car_park.traffic import LANE_X_M, Car


@dataclass(frozen=True, slots=True)
class Weather:
    """How a stretch of video looks."""

    name: str
    light: float = 1.0
    """Of the whole scene, 1 = a bright day."""
    night: float = 0.0
    """1 = lamps alone: cars are dark, headlights dazzle."""
    rain: float = 0.0
    blur_px: float = 0.5
    """Standard deviation of the lens being out of focus."""
    exposure_s: float = 1 / 250
    """While the shutter is open, cars move."""
    noise: float = 2.0
    """Standard deviation of the sensor's noise, of 255."""


WEATHERS = (
    Weather("day"),
    Weather("overcast", light=0.75, blur_px=0.7, exposure_s=1 / 150, noise=3),
    Weather("rain", light=0.65, rain=1.0, blur_px=0.9, exposure_s=1 / 120, noise=4),
    Weather("dusk", light=0.45, night=0.4, blur_px=0.7, exposure_s=1 / 100, noise=5),
    Weather("night", light=0.3, night=1.0, blur_px=0.7, exposure_s=1 / 100, noise=7),
    Weather("out of focus", light=0.9, blur_px=1.5, exposure_s=1 / 150, noise=3),
)


class Atmosphere:
    """Applies a weather to pictures."""

    def __init__(self, weather: Weather, lens: Lens, rng: np.random.Generator) -> None:
        self._weather, self._lens, self._rng = weather, lens, rng
        # Fresh noise for every picture would cost more than drawing it: one larger field is shifted about.
        field = rng.normal(0, weather.noise, (lens.height + 64, lens.width + 64, 3))
        self._lighter = field.clip(0, 255).astype(np.uint8)
        self._darker = (-field).clip(0, 255).astype(np.uint8)

    def apply(self, image: Image, cars: list[Car]) -> Image:
        """Give the picture as the camera takes it."""
        weather = self._weather
        fastest = max((self._smear_px(car) for car in cars), default=0.0)
        if fastest >= 1.5:
            image = self._smear(image, cars)
        if weather.light != 1:
            image = cv2.convertScaleAbs(image, alpha=weather.light)
        if weather.night > 0:
            self._dazzle(image, cars)
        if weather.rain > 0:
            self._rain(image)
        if weather.blur_px > 0.3:
            image = cv2.GaussianBlur(image, (0, 0), weather.blur_px)
        dy, dx = self._rng.integers(64, size=2)
        window = (slice(dy, dy + self._lens.height), slice(dx, dx + self._lens.width))
        return cv2.subtract(cv2.add(image, self._lighter[window]), self._darker[window])

    def _smear_px(self, car: Car) -> float:
        """Tell how far a car's plate moves in the picture while the shutter is open."""
        z_m = max(car.z_m, 1.0)
        slope = self._lens.focal * self._lens.width * self._lens.above_m * 0.8 / z_m**2
        return slope * car.v_ms * self._weather.exposure_s

    def _smear(self, image: Image, cars: list[Car]) -> Image:
        image = image.copy()
        for car in cars:
            length = round(self._smear_px(car))
            if length < 2:
                continue
            middle = self._lens.project(np.array([[LANE_X_M[car.lane], 0.7, car.z_m]]))[0]
            reach = 1.3 * self._lens.px_per_m(car.z_m)
            left, right = (int(np.clip(middle[0] + s * reach, 0, self._lens.width)) for s in (-1, 1))
            top, bottom = (int(np.clip(middle[1] + s * reach, 0, self._lens.height)) for s in (-1, 1))
            if right - left > 8 and bottom - top > 8:
                part = image[top:bottom, left:right]
                part[:] = cv2.blur(part, (1, length))
        return image

    def _dazzle(self, image: Image, cars: list[Car]) -> None:
        for car in cars:
            if car.lane != "entry":
                continue
            lamps = np.array([[LANE_X_M["entry"] + car.look.side_m + s * 0.7, 0.7, car.z_m] for s in (-1, 1)])
            for x, y in self._lens.project(lamps):
                radius = int(0.55 * self._lens.px_per_m(car.z_m) * self._weather.night) + 4
                left, top = max(int(x) - radius, 0), max(int(y) - radius, 0)
                right, bottom = (
                    min(int(x) + radius, self._lens.width),
                    min(int(y) + radius, self._lens.height),
                )
                if right <= left or bottom <= top:
                    continue
                ys, xs = np.mgrid[top:bottom, left:right]
                glow = 230 * np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / (2 * (radius / 2.6) ** 2))
                part = image[top:bottom, left:right]
                part[:] = (part + glow[..., None]).clip(0, 255).astype(np.uint8)

    def _rain(self, image: Image) -> None:
        count = int(160 * self._weather.rain)
        xs = self._rng.integers(0, self._lens.width, count)
        ys = self._rng.integers(0, self._lens.height, count)
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            cv2.line(image, (x, y), (x - 2, y + 22), (170, 170, 170), 1, cv2.LINE_AA)
