"""The probe requests of a scan: when, on which channel, and in which form of the information elements."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulators.frames import Bools, Ints
from simulators.phone_elements import DIRECTED, NARROW, SHORT
from simulators.phone_models import Varies

Floats = npt.NDArray[np.float64]

CHANNELS = (1, 6, 11)
"""The channels that nodes listen to; what phones send on others is not heard and not simulated."""
CHANNEL_DWELL_MS, FRAME_GAP_MS = 45, 14
"""How long a scan stays on one channel, and the gap between its frames there."""
SHORT_BURSTS, DIRECTED_PROBES = 0.4, 0.3
"""Shares of bursts in the short form (captures of Pintor and Atzori 2021: 0.1 to 0.5), and of probes that ask
for a network by name, where a model does so."""


class Probes(NamedTuple):
    """Probe requests, columns; those of a burst stand together, in order of time."""

    burst: Ints
    """Which of the bursts."""
    t_ms: Ints
    """Into the second in which the burst begins; all are sent in that second."""
    channel: Ints


def draw_probes(per_channel: Ints, start_s: Floats, rng: np.random.Generator) -> Probes:
    """Draw the probe requests of bursts: fewest and most on each channel (B, 2), begun at `start_s` (B,)."""
    shape = (len(start_s), len(CHANNELS))
    count = rng.integers(per_channel[:, :1], per_channel[:, 1:] + 1, shape).ravel()
    slot = np.repeat(np.arange(len(count)), count)
    burst, place = np.divmod(slot, len(CHANNELS))
    nth = np.arange(len(slot)) - np.repeat(np.cumsum(count) - count, count)
    last_start_ms = 999 - len(CHANNELS) * CHANNEL_DWELL_MS
    start_ms = np.floor(np.mod(start_s, 1.0) * 1000).clip(max=last_start_ms).astype(np.int64)
    shake = rng.integers(0, FRAME_GAP_MS // 2, len(slot))
    t_ms = start_ms[burst] + place * CHANNEL_DWELL_MS + nth * FRAME_GAP_MS + shake
    return Probes(burst, np.minimum(t_ms, 999), np.array(CHANNELS)[place])


def draw_forms(varies: Ints, screen: Bools, probes: Probes, rng: np.random.Generator) -> Ints:
    """Draw the form of each probe request.

    Args:
        varies: what the elements depend on, for each burst (B,): bits of `phone_models.Varies`.
        screen: whether the screen is on, for each burst (B,).
        probes: the probe requests (N,) of the bursts.
        rng: draws which bursts are short and which probes ask by name.

    """
    short = _has(varies, Varies.STATE) & ~screen
    short |= _has(varies, Varies.BURST) & (rng.random(len(varies)) < SHORT_BURSTS)
    of_probe = varies[probes.burst]
    directed = _has(of_probe, Varies.DIRECTED) & (rng.random(len(of_probe)) < DIRECTED_PROBES)
    narrow = _has(of_probe, Varies.CHANNEL) & (probes.channel == CHANNELS[-1])
    forms: Ints = SHORT * short[probes.burst] + DIRECTED * directed + NARROW * narrow
    return forms


def _has(varies: Ints, kind: Varies) -> Bools:
    return (varies & kind.value) > 0
