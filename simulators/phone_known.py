"""Phones of which something is known before they come: those of people who come again."""

from typing import NamedTuple

import numpy as np

from simulators.frames import Addresses, Floats, Ints

STRANGER = -1
"""The model of a phone of which nothing is known."""


class Known(NamedTuple):
    """What is known of the phones of people (N,); columns."""

    model: Ints
    """Index into `phone_models.MODELS`, or `STRANGER`: the rest here then means nothing."""
    build: Ints
    address: Addresses
    """In the mall's network."""
    join_s: Floats
    """When it joins that, epoch seconds, for as long as it is there; infinite: never."""


def nothing_known(people: Ints) -> Known:
    """Return that nothing is known of the phones of people (N,)."""
    none = np.zeros(len(people), dtype=np.int64)
    return Known(none + STRANGER, none, none.astype(np.uint64), none.astype(np.float64))
