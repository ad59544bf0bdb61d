"""What a calibration believes about each node, and which nodes it doubts.

Every verdict is a test with a stated rate of false alarms, `FALSE_ALARM` for each node and test as far as the
surveyed map's assumptions hold. How often they do on recorded data is measured in docs/calibration.md.

=========  ===================================================================================================
verdict    test
=========  ===================================================================================================
deaf       nothing was heard, where the others would have heard it
swapped    see :mod:`positioning.node_moves`
moved      the same
dying      level, or share of frames heard, below the other nodes' median in units of their robust spread
noisy      spread of the readings above the other nodes', likewise
=========  ===================================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from positioning.node_moves import Trial, Trials
from positioning.node_places import Peers
from positioning.node_verdicts import Finding, Verdict
from positioning.radiomap import SurveyedMap

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

FALSE_ALARM = 0.0025
"""Of one test of one node that is well; the four tests of a node add up to one in a hundred."""
MIN_READINGS = 15
"""Fewer tell nothing of a node but that it is not deaf."""
MIN_EXPECTED = 10.0
"""Ticks that a node should have heard before its silence tells anything."""
TICKS_ALIKE = 3.0
"""Ticks that follow each other are heard or missed together: so many count as one."""
LEAST_SPREAD_DB, LEAST_SPREAD_FRAMES, LEAST_SPREAD_NOISE = 1.0, 0.3, 0.15
"""Nodes are never taken to be more alike than this (dB, and logarithms of ratios)."""
LEAST_DROP_DB, LEAST_FRAMES, LEAST_NOISE = 6.0, 0.6, 1.3
"""Nodes that differ from the others by less do little harm, however sure it is: dB, ratio, ratio."""


GOOD = Finding()


@dataclass(frozen=True)
class NodeBelief:
    """What a calibration believes about one node.

    Attributes:
        node: its name.
        readings: how many readings of it were used.
        level_dbm: level at one metre, as the radio model has it.
        exponent: path loss exponent.
        noise_db: standard deviation of its readings about path loss.
        offset_db: level at ten metres above the median of all nodes; None where too little was heard.
        offset_sd_db: standard deviation of the offset.
        exponent_sd: standard deviation of the exponent.
        finding: what is thought of it, and why.
    """

    node: str
    readings: int
    level_dbm: float
    exponent: float
    noise_db: float
    offset_db: float | None = None
    offset_sd_db: float | None = None
    exponent_sd: float | None = None
    finding: Finding = GOOD

    def to_dict(self) -> dict[str, Any]:
        """Return the belief as plain, JSON-able values."""
        values = asdict(self)
        values |= values.pop("finding")
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NodeBelief:
        """Return the belief that :meth:`to_dict` wrote.

        Raises:
            ValueError: an entry is missing, unknown or bad.
        """
        values = dict(data)
        try:
            place = values.pop("place_m")
            finding = Finding(
                Verdict(values.pop("verdict")), values.pop("reason"),
                None if place is None else tuple(place), values.pop("place_sd_m"),
            )  # fmt: skip
            return cls(**values, finding=finding)
        except (KeyError, TypeError) as error:
            raise ValueError(f"a node's belief has a missing or unknown entry: {error}") from error


def node_beliefs(radio: SurveyedMap, lattice_m: Floats) -> tuple[NodeBelief, ...]:
    """Return what a surveyed map believes about each of its R nodes.

    Args:
        radio: a map fitted to readings at known, or self-calibrated, places.
        lattice_m: (C, 3) places on all floors at which a node may hang, spread evenly.
    """
    count = len(radio.receivers)
    readings = np.bincount(radio.support_receiver, radio.support_count, minlength=count)
    peers = Peers.of(radio.base)
    trials = {
        int(node): Trial.of(radio, int(node), lattice_m, peers)
        for node in np.flatnonzero(readings >= MIN_READINGS)
    }
    offsets = {node: float(trial.lines.level_dbm[0]) for node, trial in trials.items()}
    middle = float(np.median(list(offsets.values()))) if offsets else 0.0
    beliefs = []
    for node in range(count):
        belief = NodeBelief(
            radio.receivers[node], round(readings[node]), float(radio.base.p0_dbm[node]),
            float(radio.base.exponent[node]), float(radio.base.sigma_db[node]),
        )  # fmt: skip
        if node in trials:
            level_sd, exponent_sd = np.sqrt(np.diag(trials[node].lines.cov[0])).tolist()
            belief = replace(
                belief, offset_db=offsets[node] - middle, offset_sd_db=level_sd, exponent_sd=exponent_sd
            )
        beliefs.append(belief)
    found = _noisy(beliefs) | _weak(beliefs) | _losing(radio, beliefs)  # the last word is the gravest
    found |= Trials(radio.receivers, trials, FALSE_ALARM).findings()
    return tuple(
        replace(belief, finding=found.get(node, belief.finding)) for node, belief in enumerate(beliefs)
    )


def _score(values: Floats, variance: Floats, least_spread: float) -> Floats:
    """Return how far values are from their median, in units of their robust spread and own variance."""
    middle = np.median(values)
    spread = max(1.4826 * float(np.median(np.abs(values - middle))), least_spread)
    score: Floats = (values - middle) / np.sqrt(spread**2 + variance)
    return score


def _told(beliefs: list[NodeBelief]) -> list[int]:
    return [node for node, belief in enumerate(beliefs) if belief.offset_db is not None]


def _noisy(beliefs: list[NodeBelief]) -> dict[int, Finding]:
    nodes = _told(beliefs)
    if not nodes:
        return {}
    noise = np.array([beliefs[node].noise_db for node in nodes])
    readings = np.array([beliefs[node].readings for node in nodes])
    score = _score(np.log(noise), TICKS_ALIKE / (2.0 * readings), LEAST_SPREAD_NOISE)
    ratio = noise / np.median(noise)
    found = (score > -ndtri(FALSE_ALARM)) & (ratio > LEAST_NOISE)
    return {
        nodes[i]: Finding(
            Verdict.NOISY,
            f"its readings scatter by {noise[i]:.1f} dB, those of the others by {np.median(noise):.1f} dB: "
            "a loose antenna, or another source under its name",
        )
        for i in np.flatnonzero(found).tolist()
    }


def _weak(beliefs: list[NodeBelief]) -> dict[int, Finding]:
    nodes = _told(beliefs)
    if not nodes:
        return {}
    offset = np.array([beliefs[node].offset_db for node in nodes], dtype=np.float64)
    variance = np.array([beliefs[node].offset_sd_db for node in nodes], dtype=np.float64) ** 2
    score = _score(offset, variance, LEAST_SPREAD_DB)
    found = (score < ndtri(FALSE_ALARM)) & (offset < -LEAST_DROP_DB)
    return {
        nodes[i]: Finding(
            Verdict.DYING,
            f"it hears {-offset[i]:.0f} dB less than the others at one distance: antenna, cable or radio",
        )
        for i in np.flatnonzero(found).tolist()
    }


def _losing(radio: SurveyedMap, beliefs: list[NodeBelief]) -> dict[int, Finding]:
    """Compare the ticks that nodes heard with those that their levels promise."""
    if not len(radio.visit_count):
        return {}
    chance = radio.base.hear_probability(radio.predict(radio.visit_xyz_m).mean_dbm)
    expected = radio.visit_count @ chance
    heard = radio.visit_heard.sum(axis=0)
    result: dict[int, Finding] = {}
    for node, belief in enumerate(beliefs):
        if belief.readings == 0 and expected[node] >= MIN_EXPECTED:
            reason = f"it heard nothing in about {expected[node]:.0f} moments in which it should have"
            result[node] = Finding(Verdict.DEAF, reason)
        elif belief.readings < MIN_READINGS:
            reason = f"{belief.readings} readings are too few: nobody was near it"
            result[node] = Finding(Verdict.UNTOLD, reason)
    nodes = _told(beliefs)
    if not nodes:
        return result
    ratio = np.log((heard[nodes] + 1.0) / (expected[nodes] + 1.0))
    score = _score(ratio, TICKS_ALIKE / (heard[nodes] + 1.0), LEAST_SPREAD_FRAMES)
    share = np.exp(ratio - np.median(ratio))
    found = (score < ndtri(FALSE_ALARM)) & (share < LEAST_FRAMES)
    for i in np.flatnonzero(found).tolist():
        reason = (
            f"it hears {share[i]:.0%} of the frames that its level promises: it loses them, is switched off "
            "at times, or its channel is crowded"
        )
        result[nodes[i]] = Finding(Verdict.DYING, reason)
    return result
