"""Recorded walks as a source of frames: all of them start together, each walk is one device."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b

import numpy as np

from contracts.errors import ConfigurationError
from contracts.messages import FrameKind
from edge_agent.sources import Heard
from simulators.recorded import RecordedDataset
from simulators.recorded_tables import Ints, Readings

BLOCK_MS = 1000


def address_of(walk: str) -> bytes:
    """Return the address, 6 bytes, of the device on a walk: locally administered, as phones make theirs."""
    digest = blake2b(walk.encode(), digest_size=6).digest()
    return bytes([digest[0] & 0xFC | 0x02]) + digest[1:]


class RecordedSource:
    """Plays walks of one or several floors at once; event time starts at `start_ms`.

    Every receiver is a node. A reading at `t_s` into its walk is heard at start_ms + round(t_s * 1000).
    """

    def __init__(
        self, datasets: Sequence[RecordedDataset], *, start_ms: int, walks: Sequence[Ints] | None = None
    ) -> None:
        """Play `walks` (indices for each data set) or, by default, the test walks.

        Raises:
            ConfigurationError: two data sets share a receiver or a walk.

        """
        self._datasets = datasets
        self._walks = [dataset.split("test") for dataset in datasets] if walks is None else walks
        self._heard = [dataset.readings.of(w) for dataset, w in zip(datasets, self._walks, strict=True)]
        self._start_ms = start_ms
        self._played = 0.0
        names = [name for dataset in datasets for name in dataset.receivers]
        ids = self.walk_ids()
        for what, all_ids in (("receiver", names), ("walk", ids)):
            if twice := sorted({an_id for an_id in all_ids if all_ids.count(an_id) > 1}):
                raise ConfigurationError(f"two of the recordings share the {what} {twice[0]}")
        self._nodes = tuple(names)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The receivers of all data sets."""
        return self._nodes

    def walk_ids(self) -> list[str]:
        """Return the ids of the walks that are played."""
        return [
            dataset.walks[i].id
            for dataset, walks in zip(self._datasets, self._walks, strict=True)
            for i in walks.tolist()
        ]

    @property
    def span_s(self) -> tuple[int, int]:
        """First and last + 1 of the seconds, relative to the start, in which something is heard."""
        since_ms = np.concatenate([_since_ms(heard) for heard in self._heard] or [np.empty(0, np.int64)])
        if not len(since_ms):
            return 0, 0
        return int(since_ms.min()) // BLOCK_MS, int(since_ms.max()) // BLOCK_MS + 1

    def blocks(self) -> Iterator[Heard]:
        """One block a second for every node, empty or not, until the longest walk is over."""
        heard = self._by_second()
        first, end = self.span_s
        for second in range(first, end):
            self._played = (second - first + 1) / (end - first)
            complete_to_ms = self._start_ms + (second + 1) * BLOCK_MS
            for node in self._nodes:
                block = heard.pop((second, node), None) or Heard(node, 0)
                block.complete_to_ms = complete_to_ms
                block.frames = len(block.t_ms)
                yield block

    def fraction(self) -> float:
        """Return how much of the recording has been played, from 0 to 1."""
        return self._played

    def _by_second(self) -> dict[tuple[int, str], Heard]:
        heard: dict[tuple[int, str], Heard] = {}
        for dataset, readings in zip(self._datasets, self._heard, strict=True):
            addresses = [address_of(walk.id) for walk in dataset.walks]
            since_ms = _since_ms(readings)
            for i in np.lexsort((readings.walk, since_ms)).tolist():
                node = dataset.receivers[readings.receiver[i]]
                key = (int(since_ms[i]) // BLOCK_MS, node)
                block = heard.setdefault(key, Heard(node, 0))
                block.t_ms.append(self._start_ms + int(since_ms[i]))
                block.address.append(addresses[readings.walk[i]])
                block.rssi_dbm.append(round(readings.rssi_dbm[i]))
                block.channel.append(int(readings.channel[i]))
                # Which frame of the phone a recording stands for, nobody wrote down.
                block.frame_kind.append(FrameKind.OTHER)
                block.sequence.append(-1)
                block.elements.append(b"")
        return heard


def _since_ms(readings: Readings) -> Ints:
    """Return the time of each reading since its walk's start, to the millisecond."""
    return np.round(readings.t_s * 1000).astype(np.int64)
