"""How well changing addresses were put together into devices, and devices counted: pure functions.

A hearing is one time at which some address was heard: columns of one length, in any order. Addresses, phones
and devices are numbers without meaning. An address belongs to one phone; what device it was put into may be
decided late or revised, so that links are judged by the device it was put into at its last hearing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class IdentityScore:
    """How well addresses were put together into devices; figures of nothing are nan."""

    hearings: int
    addresses: int
    phones: int
    devices: int
    """Devices that hold an address at the end."""
    homogeneity: float
    """1 where no device holds hearings of two phones."""
    completeness: float
    """1 where no phone is spread over two devices."""
    v_measure: float
    """Harmonic mean of both, over hearings."""
    links: int
    """Pairs of addresses that follow each other in one device."""
    false_merge_rate: float
    """Share of these links that join two phones."""
    changes: int
    """Pairs of addresses that follow each other in one phone."""
    false_split_rate: float
    """Share of these changes that were not noticed: the two are in different devices."""


@dataclass(frozen=True, slots=True)
class CountScore:
    """How well numbers of phones or people were told, period by period; shares of the true mean."""

    periods: int
    true_mean: float
    bias_share: float
    """Mean of told minus true."""
    error_share: float
    """Mean of its absolute value."""
    worst_share: float
    """Largest absolute error of a period, as a share of its own truth (at least one)."""


def score_identity(t_ms: Ints, address: Ints, phone: Ints, device: Ints) -> IdentityScore:
    """Score hearings (N,) of addresses: which phone sent each, and which device it was put into then.

    Raises:
        ValueError: the columns differ in length, or an address is of two phones.

    """
    if not len(t_ms) == len(address) == len(phone) == len(device):
        raise ValueError("columns of different lengths; every hearing has time, address, phone and device")
    if not len(t_ms):
        return IdentityScore(0, 0, 0, 0, np.nan, np.nan, np.nan, 0, np.nan, 0, np.nan)
    order = np.argsort(t_ms, kind="stable")
    address, phone, device = (
        np.unique(column[order], return_inverse=True)[1] for column in (address, phone, device)
    )
    owner, final = np.zeros((2, address.max() + 1), dtype=np.int64)
    owner[address] = phone
    final[address] = device  # the last one written stays
    if (owner[address] != phone).any():
        raise ValueError("an address that two phones share; addresses must be told apart by their owner")
    links, changes = _pairs(final[address], address), _pairs(phone, address)
    return IdentityScore(
        len(address),
        len(owner),
        len(np.unique(owner)),
        len(np.unique(final)),
        *v_measure(phone, device),
        len(links),
        _share(owner[links[:, 0]] != owner[links[:, 1]]),
        len(changes),
        _share(final[changes[:, 0]] != final[changes[:, 1]]),
    )


def v_measure(truth: Ints, found: Ints) -> tuple[float, float, float]:
    """Return homogeneity, completeness and their harmonic mean for two labellings (N,) of the same things.

    Source: Rosenberg and Hirschberg, "V-Measure: A conditional entropy-based external cluster evaluation
    measure" (2007), with beta = 1.
    """
    joint = _entropy(np.unique(np.stack([truth, found]), axis=1, return_counts=True)[1])
    of_truth, of_found = (_entropy(np.unique(one, return_counts=True)[1]) for one in (truth, found))
    shared = of_truth + of_found - joint
    homogeneity = shared / of_truth if of_truth > 0 else 1.0
    completeness = shared / of_found if of_found > 0 else 1.0
    total = homogeneity + completeness
    return homogeneity, completeness, 2 * homogeneity * completeness / total if total > 0 else 0.0


def score_counts(told: Floats, true: Floats) -> CountScore:
    """Score numbers told for some periods against the true ones, both (periods,).

    Raises:
        ValueError: the shapes differ.

    """
    _same_shape(told, true)
    if not true.size or not true.mean() > 0:
        return CountScore(len(true), float(true.mean()) if true.size else np.nan, np.nan, np.nan, np.nan)
    off, mean = told - true, float(true.mean())
    return CountScore(
        len(true),
        mean,
        float(off.mean()) / mean,
        float(np.abs(off).mean()) / mean,
        float((np.abs(off) / np.maximum(true, 1)).max()),
    )


def coverage(low: Floats, high: Floats, true: Floats) -> float:
    """Return the share of periods whose true number lies inside the interval told; all (periods,).

    Raises:
        ValueError: the shapes differ.

    """
    _same_shape(low, true)
    _same_shape(high, true)
    return _share((low <= true) & (true <= high))


def _pairs(group: Ints, address: Ints) -> Ints:
    """Return (before, address) for every address but the first of its group; hearings in order of time.

    `before` is the address heard last in the group when the other one was first heard.
    """
    order = np.argsort(group, kind="stable")
    group, address = group[order], address[order]
    first = np.zeros(len(address), dtype=np.bool_)
    first[np.unique(address, return_index=True)[1]] = True
    rows = np.flatnonzero(first[1:] & (group[1:] == group[:-1])) + 1
    return np.stack([address[rows - 1], address[rows]], axis=1)


def _entropy(counts: Ints) -> float:
    share = counts / counts.sum()
    return float(-(share * np.log(share)).sum())


def _share(which: npt.NDArray[np.bool_]) -> float:
    return float(which.mean()) if len(which) else np.nan


def _same_shape(told: Floats, true: Floats) -> None:
    if told.shape != true.shape:
        raise ValueError(f"counts of shape {told.shape}, truth of shape {true.shape}")
