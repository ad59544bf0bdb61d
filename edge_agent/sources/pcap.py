"""Capture files as a source: what one node's adapters have heard, merged in order of time."""

import glob
import heapq
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from contracts.errors import ConfigurationError
from edge_agent.frames import Frame, parse_frame
from edge_agent.pcap import Packet, PcapFile
from edge_agent.sources.protocol import Heard

_log = logging.getLogger(__name__)

BLOCK_MS = 1_000
REORDER_MS = 1_000
"""How far packets may be out of order (buffers are flushed, clocks are set); later ones are skipped."""
LONGEST_SILENCE_MS = 60_000
"""A longer silence is a pause between captures: no empty blocks are given for it."""
_SUFFIXES = (".pcap", ".pcap.gz", ".cap", ".cap.gz")


class PcapSource:
    """Plays capture files of one node. Event time is capture time, moved by `shift_ms`.

    Several files may cover the same time: one adapter a channel. `paths` are files, folders (searched for
    .pcap and .cap, also .gz) and patterns. Damaged files are used up to the damage, counted and logged.

    Raises:
        ConfigurationError: there is no such file, or it is no capture of 802.11 frames with radiotap headers.

    """

    def __init__(self, node: str, paths: Sequence[str | Path], *, shift_ms: int = 0) -> None:
        self._node = node
        self._files = [PcapFile(path) for path in find_captures(paths)]
        self.shift_ms = shift_ms
        """Added to every capture time."""
        self._total_bytes = sum(file.path.stat().st_size for file in self._files)
        for file in self._files:
            file.read_bytes = 0  # of the look at its start

    @property
    def nodes(self) -> tuple[str, ...]:
        """The one node."""
        return (self._node,)

    @property
    def first_ms(self) -> int | None:
        """Capture time of the first packet, not shifted; None where no file has any."""
        return min((file.first_ms for file in self._files if file.first_ms is not None), default=None)

    @property
    def files(self) -> int:
        """How many capture files there are."""
        return len(self._files)

    @property
    def fraction(self) -> float:
        """How much of the files has been read, from 0 to 1."""
        return sum(file.read_bytes for file in self._files) / max(self._total_bytes, 1)

    def blocks(self) -> Iterator[Heard]:
        """Give a block for every second, complete up to a second before its newest packets."""
        end_ms = None
        heard = Heard(self._node, 0)
        for t_ms, packet in self._packets():
            if end_ms is None:
                end_ms = t_ms // BLOCK_MS * BLOCK_MS + BLOCK_MS
                heard.complete_to_ms = end_ms - BLOCK_MS - REORDER_MS
            if t_ms >= end_ms:
                following = t_ms // BLOCK_MS * BLOCK_MS + BLOCK_MS
                if following - end_ms > LONGEST_SILENCE_MS:
                    heard.complete_to_ms = end_ms
                    yield heard
                    heard = Heard(self._node, end_ms)
                    end_ms = following - BLOCK_MS
                for complete_ms in range(end_ms, following, BLOCK_MS):
                    heard.complete_to_ms = complete_ms - REORDER_MS
                    yield heard
                    heard = Heard(self._node, heard.complete_to_ms)
                end_ms = following
            heard.frames += 1
            if t_ms < heard.complete_to_ms:
                heard.skipped["out_of_order"] = heard.skipped.get("out_of_order", 0) + 1
                continue
            _take(heard, t_ms, parse_frame(packet.data, cut=packet.cut))
        self._count_damage(heard)
        if end_ms is not None or heard.skipped:
            heard.complete_to_ms = end_ms or 0
            yield heard

    def _packets(self) -> Iterator[tuple[int, Packet]]:
        """Merge the files; give packets with their event time. Each file is opened when its time has come."""
        waiting = sorted(
            (file.first_ms, i) for i, file in enumerate(self._files) if file.first_ms is not None
        )
        waiting.reverse()
        heap: list[tuple[int, int, Packet, Iterator[Packet]]] = []
        while heap or waiting:
            while waiting and (not heap or waiting[-1][0] <= heap[0][0]):
                packets = iter(self._files[waiting[-1][1]])
                heapq.heappush(heap, (*waiting.pop(), next(packets), packets))
            t_ms, number, packet, packets = heap[0]
            yield t_ms + self.shift_ms, packet
            following = next(packets, None)
            if following is None:
                heapq.heappop(heap)
            else:
                heapq.heapreplace(heap, (following.t_ms, number, following, packets))

    def _count_damage(self, heard: Heard) -> None:
        for file in self._files:
            if file.damage:
                _log.warning("%s: %s", file.path, file.damage)
                heard.skipped["damaged_file"] = heard.skipped.get("damaged_file", 0) + 1


def _take(heard: Heard, t_ms: int, frame: object) -> None:
    """Add what the parser made of a packet to the block."""
    if not isinstance(frame, Frame):
        cause = str(frame)
        heard.skipped[cause] = heard.skipped.get(cause, 0) + 1
        return
    heard.t_ms.append(t_ms)
    heard.address.append(frame.address)
    heard.rssi_dbm.append(frame.rssi_dbm)
    heard.channel.append(frame.channel)
    heard.frame_kind.append(frame.kind)
    heard.sequence.append(frame.sequence)
    heard.elements.append(frame.elements)


def find_captures(paths: Sequence[str | Path]) -> list[Path]:
    """Find the capture files that files, folders and patterns name, each once.

    Raises:
        ConfigurationError: one of them names none.

    """
    found: dict[Path, None] = {}
    for text in map(str, paths):
        path = Path(text)
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.name.lower().endswith(_SUFFIXES))
        else:
            files = [path] if path.exists() else sorted(map(Path, glob.glob(text, recursive=True)))  # noqa: PTH207  # may be absolute
        if not files:
            what = f"no {', '.join(_SUFFIXES)} file in this folder" if path.is_dir() else "no such file"
            raise ConfigurationError(
                f"{text}: {what}", "Name capture files, folders of them, or a pattern like 'day/*.pcap'."
            )
        found.update(dict.fromkeys(files))
    return list(found)
