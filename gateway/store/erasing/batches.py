"""Erasing in the journal: batches as nodes sent them, kept for a day."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice

import msgspec

from contracts.messages import ObservationBatch, decode, encode
from contracts.plates import PlateRead
from gateway.store import columns
from gateway.store.erasing.traces import Traces
from gateway.store.files import SharedWriter

_ROWS = 500
"""So many batches are read at once."""
_AT_ONCE = 100
"""Batches that are written in a transaction."""
Change = tuple[int, ObservationBatch | None]
"""Where a batch stands in the journal, and what it becomes; None = it stays as it is."""
_COLUMNS = ("t_ms", "device", "address_kind", "rssi_dbm", "channel", "frame_kind", "sequence", "elements")


def take_out(file: SharedWriter, traces: Traces) -> tuple[Counter[str], Traces]:
    """Take devices, plates and digests out of batches; gives the devices that digests were said of, too."""
    gone: Counter[str] = Counter()
    heard: set[str] = set()
    moments: list[int] = []
    with file.connection() as db:
        row = db.execute("SELECT position FROM checkpoint").fetchone()
    done = row[0] if row else 0

    def changed() -> Iterator[Change]:
        for position, payload in _batches(file, 0):
            if not traces.are_in(payload):
                continue
            batch = decode(payload, ObservationBatch)
            for one in batch.members or ():
                if one.digest in traces.digests:
                    heard.update((one.device, one.formerly) if one.formerly else (one.device,))
                    moments.append(one.t_ms)
            # The engine has not taken in what came later: without its observations it would go on otherwise
            # than it has begun. That goes the next time.
            devices, plates = (traces.devices, traces.plates) if position <= done else (frozenset[str](),) * 2
            yield position, _without(batch, devices, plates, traces.digests)

    gone["journal"] = _rewrite(file, changed())
    return gone, Traces(frozenset(heard), moments=tuple(moments))


def strip_digests(file: SharedWriter, after: int, kept: AbstractSet[str]) -> tuple[int, int]:
    """Take digests of members' phones and plates that are not `kept` out of batches and unsent events.

    Looks at batches with a position above `after`; gives the last one, and how many batches and events were
    changed.
    """
    last = after

    def without() -> Iterator[Change]:
        nonlocal last
        for position, payload in _batches(file, after):
            last = position
            if b'"digest"' in payload or b'"enrolled_digest"' in payload:
                yield position, _without_digests(decode(payload, ObservationBatch), kept)

    changed = _rewrite(file, without())
    with file.transaction() as db:
        for cursor, payload in db.execute(
            "SELECT cursor, payload FROM events WHERE instr(payload, ?)", (b'"enrolled_digest"',)
        ).fetchall():
            event = json.loads(payload)
            if event["data"]["enrolled_digest"] not in kept:
                del event["data"]["enrolled_digest"]
                db.execute(
                    "UPDATE events SET payload = ? WHERE cursor = ?", (msgspec.json.encode(event), cursor)
                )
                changed += 1
    return last, changed


def _batches(file: SharedWriter, after: int) -> Iterator[tuple[int, bytes]]:
    while True:
        with file.connection() as db:
            rows = db.execute(
                "SELECT id, payload, seq FROM journal WHERE id > ? ORDER BY id LIMIT ?", (after, _ROWS)
            ).fetchall()
        for position, packed, seq in rows:
            if seq is not None:  # a batch of a node
                yield position, columns.unpack(packed)
        if len(rows) < _ROWS:
            return
        after = rows[-1][0]


def _rewrite(file: SharedWriter, changes: Iterable[Change]) -> int:
    """Write batches that have changed, some in a transaction; gives how many."""
    changed = ((columns.pack(encode(batch)), position) for position, batch in changes if batch is not None)
    count = 0
    while some := list(islice(changed, _AT_ONCE)):
        with file.transaction() as db:
            db.executemany("UPDATE journal SET payload = ? WHERE id = ?", some)
        count += len(some)
    return count


def _without(
    batch: ObservationBatch, devices: AbstractSet[str], plates: AbstractSet[str], digests: AbstractSet[str]
) -> ObservationBatch | None:
    """Return a batch without these; None where it has none of them."""
    formerly = batch.formerly or [""] * len(batch)
    keep = [
        device not in devices and former not in devices
        for device, former in zip(batch.device, formerly, strict=True)
    ]
    members = [one for one in batch.members or () if one.digest not in digests and one.device not in devices]
    reads = [read for read in batch.plates or () if not _is_of(read, plates, digests)]
    if all(keep) and len(members) == len(batch.members or ()) and len(reads) == len(batch.plates or ()):
        return None
    changed = {name: _kept(getattr(batch, name), keep) for name in _COLUMNS}
    if batch.formerly:
        changed["formerly"] = _kept(batch.formerly, keep)
    return msgspec.structs.replace(
        batch, **changed, members=members or msgspec.UNSET, plates=reads or msgspec.UNSET
    )


def _is_of(read: PlateRead, plates: AbstractSet[str], digests: AbstractSet[str]) -> bool:
    said = {read.plate, read.formerly, *(other.plate for other in read.alternatives)}
    return not said.isdisjoint(plates) or read.enrolled_digest in digests


def _without_digests(batch: ObservationBatch, kept: AbstractSet[str]) -> ObservationBatch | None:
    members = [one for one in batch.members or () if one.digest in kept]
    reads = [
        read
        if not read.enrolled_digest or read.enrolled_digest in kept
        else msgspec.structs.replace(read, enrolled_digest=msgspec.UNSET)
        for read in batch.plates or ()
    ]
    if len(members) == len(batch.members or ()) and reads == list(batch.plates or ()):
        return None
    return msgspec.structs.replace(batch, members=members or msgspec.UNSET, plates=reads or msgspec.UNSET)


def _kept(values: Sequence[object], keep: Sequence[bool]) -> list[object]:
    return [value for value, stays in zip(values, keep, strict=True) if stays]
