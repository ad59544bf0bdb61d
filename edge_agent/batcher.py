"""From blocks of sightings to numbered batches on the wire."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from msgspec import UNSET

from contracts.messages import AddressKind, MemberHeard, ObservationBatch
from contracts.plates import MAX_CHARACTERS, PlateRead
from edge_agent.members import Naming
from edge_agent.plate_hashes import PlateHashes
from edge_agent.pseudonym import Pseudonyms
from edge_agent.sources.protocol import Heard, PlateSighting

MAX_ROWS = 5_000
"""Most observations in a batch: about 400 kB, which every broker takes at its defaults or close to them."""
MAX_PLATE_READS = 500
"""Most plate reads in a batch: about 350 kB."""
LOCALLY_ADMINISTERED = 0x02
"""The bit of an address's first byte that says the phone chose it (IEEE 802, 8.4)."""
_KINDS = (AddressKind.GLOBAL, AddressKind.RANDOM)
_RANGES = {
    "t_ms": (0, 4_102_444_800_000),
    "rssi_dbm": (-127, 20),
    "channel": (0, 233),
    "sequence": (-1, 4095),
}
"""What `contracts.messages` admits; one value outside would have the gateway refuse the whole batch."""


@dataclass(slots=True)
class _Open:
    """A node's batch that still grows; holds pseudonyms, never addresses."""

    opened_ms: int
    watermark_ms: int = 0
    told_ms: int = 0
    """Watermark of the batch before."""
    t_ms: list[int] = field(default_factory=list)
    device: list[str] = field(default_factory=list)
    address_kind: list[AddressKind] = field(default_factory=list)
    rssi_dbm: list[int] = field(default_factory=list)
    channel: list[int] = field(default_factory=list)
    frame_kind: list[int] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    elements: list[str] = field(default_factory=list)
    formerly: list[str] = field(default_factory=list)
    plates: list[PlateRead] = field(default_factory=list)
    members: list[tuple[int, MemberHeard]] = field(default_factory=list)
    """With the row in which each was heard."""


class Batcher:
    """Makes batches of what the nodes heard.

    A node's batch is closed when it covers `hold_ms` of event time, observations or not: an empty one is the
    heartbeat. 0 closes one with every block; replays hold longer, since a second passes in no time there.
    `number` gives each batch its sequence number within `boot`. Without `plates`, what cameras read is left
    out; without `naming`, no member is named.
    """

    def __init__(
        self,
        pseudonyms: Pseudonyms,
        *,
        boot: str,
        number: Callable[[], int],
        hold_ms: int = 0,
        plates: PlateHashes | None = None,
        naming: Naming | None = None,
    ) -> None:
        self._pseudonyms = pseudonyms
        self._plates = plates
        self._naming = naming
        self._boot = boot
        self._number = number
        self.hold_ms = hold_ms
        self._open: dict[str, _Open] = {}

    def add(self, heard: Heard) -> Iterator[ObservationBatch]:
        """Take a block; give the batches that it fills.

        Entries out of the ranges of the wire format are taken out of `heard` and counted in its `skipped`.
        """
        node = heard.node
        batch = self._open.get(node)
        if batch is None:
            self._open[node] = batch = _Open(opened_ms=min(heard.t_ms, default=heard.complete_to_ms))
        if heard.complete_to_ms < batch.watermark_ms:  # the clock of a live node was set back
            if batch.t_ms or batch.plates:
                yield self._close(node, batch, MAX_ROWS)
            batch.opened_ms = batch.told_ms = batch.watermark_ms = 0
        _drop_impossible(heard)
        device, elements, formerly = self._pseudonyms.columns(heard.t_ms, heard.address, heard.elements)
        if self._naming is not None:
            rows = len(batch.t_ms)
            named = self._naming.name(node, heard.t_ms, heard.address, device, formerly)
            batch.members += [(rows + row, member) for row, member in named]
        batch.t_ms += heard.t_ms
        batch.device += device
        batch.address_kind += [_KINDS[a[0] >> 1 & 1] for a in heard.address]
        batch.rssi_dbm += heard.rssi_dbm
        batch.channel += heard.channel
        batch.frame_kind += heard.frame_kind
        batch.sequence += heard.sequence
        batch.elements += elements
        batch.formerly += formerly
        if heard.plates and self._plates is not None:
            _drop_impossible_plates(heard)
            batch.plates += [self._plates.read(sighting) for sighting in heard.plates]
        while len(batch.t_ms) > MAX_ROWS or len(batch.plates) > MAX_PLATE_READS:
            yield self._close(node, batch, MAX_ROWS)
        batch.watermark_ms = max(batch.watermark_ms, heard.complete_to_ms)
        if batch.watermark_ms - batch.opened_ms >= self.hold_ms:
            yield self._close(node, batch, MAX_ROWS)

    def flush(self) -> Iterator[ObservationBatch]:
        """Close every batch that holds something not yet given."""
        for node, batch in self._open.items():
            if batch.watermark_ms > batch.told_ms or batch.t_ms or batch.plates:
                yield self._close(node, batch, MAX_ROWS)

    def _close(self, node: str, batch: _Open, rows: int) -> ObservationBatch:
        """Make a batch of the first `rows` entries; only the last of a split block moves the watermark on."""
        closed = ObservationBatch(
            node=node,
            boot=self._boot,
            seq=self._number(),
            watermark_ms=batch.watermark_ms,
            t_ms=batch.t_ms[:rows],
            device=batch.device[:rows],
            address_kind=batch.address_kind[:rows],
            rssi_dbm=batch.rssi_dbm[:rows],
            channel=batch.channel[:rows],
            frame_kind=batch.frame_kind[:rows],  # type: ignore[arg-type]  # an IntEnum is its number on the wire
            sequence=batch.sequence[:rows],
            elements=batch.elements[:rows],
            formerly=batch.formerly[:rows] if any(batch.formerly[:rows]) else UNSET,
            plates=batch.plates[:MAX_PLATE_READS] or UNSET,
            members=[member for row, member in batch.members if row < rows] or UNSET,
        )
        del batch.plates[:MAX_PLATE_READS]
        batch.members = [(row - rows, member) for row, member in batch.members if row >= rows]
        for column in (
            batch.t_ms,
            batch.device,
            batch.address_kind,
            batch.rssi_dbm,
            batch.channel,
            batch.frame_kind,
            batch.sequence,
            batch.elements,
            batch.formerly,
        ):
            del column[:rows]
        batch.opened_ms = batch.told_ms = batch.watermark_ms
        return closed


def _drop_impossible(heard: Heard) -> None:
    """Take out what the wire format does not admit, and count it by its column."""
    for name, (low, high) in _RANGES.items():
        column: list[int] = getattr(heard, name)
        if not column or (low <= min(column) and max(column) <= high):
            continue
        keep = [i for i, value in enumerate(column) if low <= value <= high]
        cause = f"impossible_{name}"
        heard.skipped[cause] = heard.skipped.get(cause, 0) + len(column) - len(keep)
        for other in ("t_ms", "address", "rssi_dbm", "channel", "frame_kind", "sequence", "elements"):
            values = getattr(heard, other)
            setattr(heard, other, [values[i] for i in keep])


def _drop_impossible_plates(heard: Heard) -> None:
    """Take out plate sightings that the wire format does not admit, and count them."""
    keep = [sighting for sighting in heard.plates if _possible(sighting)]
    if len(keep) < len(heard.plates):
        heard.skipped["impossible_plate"] = len(heard.plates) - len(keep)
        heard.plates = keep


def _possible(sighting: PlateSighting) -> bool:
    low, high = _RANGES["t_ms"]
    return low <= sighting.t_ms <= high and all(
        0 < len(text) <= MAX_CHARACTERS and 0 <= probability <= 1 for text, probability in sighting.candidates
    )
