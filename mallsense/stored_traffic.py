"""The traffic that a gateway's store still holds, as the crowd to calibrate on. The gateway may run on."""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError, MessageError
from contracts.messages import ObservationBatch, decode
from gateway.store import columns, files
from positioning.crowd import Crowd

Ints = npt.NDArray[np.int64]

SESSION_S = 1800
"""A device is taken for another one after so long: its owner may have put it elsewhere."""
READINGS = 100_000
"""So many teach all that a model of path loss can learn; more only take longer."""
MIN_NODES = 3
"""A device that fewer nodes heard at its best tells nothing of place."""


def stored_traffic(path: Path, nodes: Mapping[str, int], *, limit: int = READINGS) -> Crowd:
    """Return readings of whole devices, drawn at random from all that the store keeps.

    Devices tell nothing of each other, so the time of each counts from its own start.

    Args:
        path: the gateway's store.
        nodes: index of each node of the site; what others heard is left out.
        limit: about so many readings at most.

    Raises:
        ConfigurationError: it is no store, or holds too little traffic.

    """
    if not path.exists():
        raise ConfigurationError(f"{path}: no such file", "Name the file given to mallsense gateway --store.")
    names: dict[tuple[str, int], int] = {}
    parts = [np.empty((4, 0), dtype=np.int64)]
    for batch in _batches(path):
        if (node := nodes.get(batch.node)) is None:
            continue
        session = [
            names.setdefault((device, t_ms // (1000 * SESSION_S)), len(names))
            for device, t_ms in zip(batch.device, batch.t_ms, strict=True)
        ]
        parts.append(np.array((session, batch.t_ms, [node] * len(session), batch.rssi_dbm), dtype=np.int64))
    device, t_ms, receiver, level = np.concatenate(parts, axis=1)
    kept = _drawn(device, receiver, len(names), limit)
    if not kept.any():
        raise ConfigurationError(
            f"{path}: holds no device that {MIN_NODES} nodes of the site heard",
            "Let the gateway run for an hour while the mall is open; raw traffic is kept for a day.",
        )
    device, t_ms = device[kept], t_ms[kept]
    start = np.full(len(names), np.iinfo(np.int64).max)
    np.minimum.at(start, device, t_ms)
    return Crowd(device, (t_ms - start[device]) / 1000.0, receiver[kept], level[kept].astype(np.float64))


def _drawn(device: Ints, receiver: Ints, count: int, limit: int) -> npt.NDArray[np.bool_]:
    """Return which readings belong to the devices drawn."""
    pairs = np.unique(np.stack((device, receiver)), axis=1)
    useful = np.bincount(pairs[0], minlength=count) >= MIN_NODES
    readings = np.bincount(device, minlength=count) * useful
    order = np.random.default_rng(0).permutation(count)
    within = np.zeros(count, dtype=np.bool_)
    within[order] = np.cumsum(readings[order]) <= limit
    kept: npt.NDArray[np.bool_] = (within & useful)[device]
    return kept


def _batches(path: Path) -> Iterator[ObservationBatch]:
    try:
        with closing(files.connect_reader(path)) as store:
            for (payload,) in store.execute("SELECT payload FROM journal WHERE boot IS NOT NULL ORDER BY id"):
                yield decode(columns.unpack(payload), ObservationBatch)
    except (sqlite3.DatabaseError, MessageError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read as a gateway's store: {error}", "Name the file given to --store."
        ) from error
