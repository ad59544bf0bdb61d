"""Whose phone a device of the engine really was, from what was heard and how addresses were put together."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

MINUTE_MS = 60_000
SETTLED = 2
"""After so many minutes what was decided of a minute's addresses is taken down."""


class Whose:
    """Takes notes of hearings, minute by minute, and of decisions; then tells whose a device was.

    An address counts for the device that it was put into when it was heard, or within `SETTLED` minutes.
    People are numbers: those of a population from 0 on, strangers below.
    """

    def __init__(self) -> None:
        self._device: dict[str, str] = {}
        self._open: dict[int, Counter[str]] = defaultdict(Counter)
        self._heard: defaultdict[str, list[tuple[int, str, int]]] = defaultdict(list)
        self._owner: dict[str, int] = {}
        self._network: dict[str, int] = {}

    def hear(self, t_ms: int, addresses: Iterable[str]) -> None:
        """Note that pseudonyms were heard about `t_ms`, once for each frame."""
        self._open[t_ms // MINUTE_MS].update(addresses)

    def decide(self, address: Iterable[str], device: Iterable[str]) -> None:
        """Note whose pseudonyms were found to be (`gateway.engine.Decided`)."""
        self._device.update(zip(address, device, strict=True))

    def settle(self, before_ms: float) -> None:
        """Take down for which device the addresses of minutes counted that are over for long enough."""
        for minute in sorted(m for m in self._open if (m + SETTLED) * MINUTE_MS <= before_ms):
            for address, count in self._open.pop(minute).items():
                self._heard[self._device.get(address, address)].append((minute, address, count))

    def reveal(self, owner: Mapping[str, int], network: Mapping[str, int]) -> None:
        """Say who was behind pseudonyms, and which of them are phones' in the mall's network."""
        self._owner.update(owner)
        self._network.update(network)

    def person(self, device: str, from_ms: int, to_ms: int) -> int | None:
        """Return who carried a device in a period: whose phone most of its frames came from."""
        found: Counter[int] = Counter()
        for address, count in self._rows(device, from_ms, to_ms):
            if address in self._owner:
                found[self._owner[address]] += count
        return found.most_common(1)[0][0] if found else None

    def in_network(self, device: str) -> set[int]:
        """Return whose phones' network addresses were ever put into a device."""
        return {self._network[a] for _, a, _ in self._heard.get(device, ()) if a in self._network}

    def _rows(self, device: str, from_ms: int, to_ms: int) -> Iterable[tuple[str, int]]:
        first, last = from_ms // MINUTE_MS, to_ms // MINUTE_MS
        return ((a, count) for minute, a, count in self._heard.get(device, ()) if first <= minute <= last)
