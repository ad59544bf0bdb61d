"""Plates as cars in a mainland-Chinese city carry them, drawn at random (GA 36-2018)."""

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from contracts.site.model import PROVINCES

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS = "0123456789"
LOCAL_SHARE = 0.8
"""Of the mall's own province; so many of those are of its own city, whose letter is A."""
GREEN_SHARE = 0.3
"""New-energy cars among those that drive in Chinese cities in the middle of the 2020s; of our own choice."""


class PlateKind(StrEnum):
    """What a plate is made for, which decides its colours and its form."""

    BLUE = "blue"
    """Small cars: 440 x 140 mm, white on blue, 7 characters."""
    GREEN_SMALL = "green_small"
    """Small new-energy cars: 480 x 140 mm, black on white to green, 8 characters."""
    GREEN_LARGE = "green_large"
    """Large new-energy cars: 480 x 140 mm, black on yellow and green, 8 characters."""
    YELLOW = "yellow"
    """Large cars: 440 x 140 mm in front, black on yellow, 7 characters."""
    LEARNER = "learner"
    """Driving schools: yellow, the last character is 学."""


KINDS = {
    PlateKind.BLUE: 1 - GREEN_SHARE - 0.05,
    PlateKind.GREEN_SMALL: GREEN_SHARE - 0.02,
    PlateKind.GREEN_LARGE: 0.02,
    PlateKind.YELLOW: 0.04,
    PlateKind.LEARNER: 0.01,
}


class Plate(NamedTuple):
    """A plate: its text without the dot, and its kind."""

    text: str
    kind: PlateKind


def random_plate(rng: np.random.Generator, province: str = "浙") -> Plate:
    """Draw a plate of somebody who comes to a mall in `province`."""
    kind = list(KINDS)[rng.choice(len(KINDS), p=list(KINDS.values()))]
    if rng.random() < LOCAL_SHARE:
        head = province + ("A" if rng.random() < LOCAL_SHARE else _one(rng, LETTERS[1:12]))
    else:
        head = _one(rng, PROVINCES) + _one(rng, LETTERS[:12])
    return Plate(head + _tail(rng, kind), kind)


def _tail(rng: np.random.Generator, kind: PlateKind) -> str:
    if (
        kind is PlateKind.GREEN_SMALL
    ):  # D, A, B, C, E: battery; F, G, H, J, K: others; the fifth may be a letter
        second = _one(rng, LETTERS) if rng.random() < 0.3 else _one(rng, DIGITS)
        return _one(rng, "DDDFAG") + second + _digits(rng, 4)
    if kind is PlateKind.GREEN_LARGE:
        return _digits(rng, 5) + _one(rng, "DF")
    if kind is PlateKind.LEARNER:
        return _digits(rng, 4) + "学"
    serial = list(_digits(rng, 5))
    for place in rng.permutation(5)[: rng.choice(3, p=[0.25, 0.45, 0.3])]:  # at most two letters
        serial[place] = _one(rng, LETTERS)
    return "".join(serial)


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(_one(rng, DIGITS) for _ in range(count))


def _one(rng: np.random.Generator, choices: str) -> str:
    return choices[rng.integers(len(choices))]
