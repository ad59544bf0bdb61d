"""From ticks to records for the store. No I/O, no clock; its state goes into the checkpoint."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET

from contracts.events import CarEvent, CarParkEvent, PathEvent, VisitEvent
from contracts.messages import encode
from contracts.site import Site
from gateway.engine import Tick
from gateway.engine.tick import Sighting
from gateway.parking.minutes import Minutes
from gateway.parking.report import ParkingTick
from gateway.rollups import Rollups
from gateway.store.records import WHOLE_MALL, CellGrid, CrmItem, Event, Outputs, Path, Positions, Visit

POSITIONS_EVERY_MS = 10_000
"""Positions are stored this often; live ones come with every tick."""


class _State(msgspec.Struct, array_like=True):
    next_cursor: int
    snapshot_ms: int
    devices: bytes
    rollups: bytes
    car_park: bytes = b""
    passing: bytes = b""


class Recorder:
    """Collects what ticks give in `outputs`, until somebody writes and replaces them."""

    def __init__(self, site: Site, grid: CellGrid) -> None:
        self._floors = [floor.id for floor in site.floors]
        self._rollups = Rollups(site, grid)
        self._minutes = Minutes(site.car_park) if site.car_park is not None else None
        self._devices: set[str] = set()
        self._crm = site.crm is not None
        self._passing: set[str] = set()
        self._snapshot_ms = -1
        self.next_cursor = 1
        self.outputs = Outputs()

    def add(self, tick: Tick) -> list[Event]:
        """Take in a tick; gives its events, numbered."""
        tracks = tick.tracks
        inside = {name for name, out in zip(tracks.device, tracks.outside.tolist(), strict=True) if not out}
        devices = inside | self._devices.intersection(tracks.device)  # who steps out for a moment is not new
        # Nor is an address that somebody who was there before has taken up, even if nobody can tell who.
        decided = tick.decided
        known = {name for name, apart in zip(decided.device, decided.apart.tolist(), strict=True) if apart}
        passed_by = self._passed_by(tick, devices) if self._crm else 0
        zones, cells = self._rollups.add(tick, len(devices - self._devices - known), passed_by)
        self._devices = devices
        self.outputs.zone_minutes += zones
        self.outputs.cell_minutes += cells
        if tick.t_ms // POSITIONS_EVERY_MS != self._snapshot_ms // POSITIONS_EVERY_MS:
            self._snapshot_ms = tick.t_ms
            self.outputs.positions += self._positions(tick)
        events = [self._event(event, tick.t_ms) for event in tick.events]
        told = [event.payload for event in events]
        if tick.parking is not None and self._minutes is not None:
            self.outputs.car_park_minutes += self._minutes.add(tick.parking)
            events += self._parking(tick.parking)
            told += [encode(event) for event in tick.parking.events] if self._crm else []
        self.outputs.events += events
        if self._crm:
            self.outputs.crm += crm_items(tick.sightings, told)
        return events

    def _passed_by(self, tick: Tick, inside: set[str]) -> int:
        """Give how many devices are tracked no more that have never been inside."""
        there = set(tick.tracks.device)
        gone = self._passing - there
        self._passing = there - inside
        return len(gone)

    def _positions(self, tick: Tick) -> list[Positions]:
        tracks = tick.tracks
        snapshots = []
        for number, floor in enumerate(self._floors):
            rows = tracks.likely(number)
            if len(rows):
                names = [tracks.device[i] for i in rows.tolist()]
                snapshots.append(Positions(tick.t_ms, floor, names, tracks.xy_m[rows], tracks.cov_m2[rows]))
        return snapshots

    def _event(self, event: VisitEvent | PathEvent, t_ms: int) -> Event:
        cursor, self.next_cursor = self.next_cursor, self.next_cursor + 1
        kind, payload, data = str(event.kind), encode(event), event.data
        if isinstance(event, VisitEvent):
            visit = _visit(event)
            self.outputs.visits[visit.visit] = visit
            return Event(
                cursor, event.id, kind, t_ms, visit.zone, visit.floor, visit.visit, visit.dwell_s, payload
            )
        steps = msgspec.json.encode(event.data.steps)
        path = event.data
        self.outputs.paths.append(Path(path.path, path.device, path.started_ms, path.ended_ms, steps))
        return Event(cursor, event.id, kind, t_ms, WHOLE_MALL, "", path.path, data.dwell_s, payload)

    def _parking(self, tick: ParkingTick) -> list[Event]:
        self.outputs.stays.update((stay.stay, stay) for stay in tick.stays)
        return [self._car_event(event, tick.t_ms) for event in tick.events]

    def _car_event(self, event: CarEvent | CarParkEvent, t_ms: int) -> Event:
        cursor, self.next_cursor = self.next_cursor, self.next_cursor + 1
        stay, dwell_s = "", 0.0
        if isinstance(event, CarEvent):
            stay, dwell_s = event.data.stay, event.data.dwell_s or 0.0
            if event.data.enrolled_digest is not UNSET:  # the same every day: for the CRM alone
                data = msgspec.structs.replace(event.data, enrolled_digest=UNSET)
                event = msgspec.structs.replace(event, data=data)
        kind, area = str(event.kind), event.data.area
        return Event(cursor, event.id, kind, t_ms, area, "", stay, dwell_s, encode(event))

    def state(self) -> bytes:
        """Everything that the next outputs depend on."""
        return msgspec.msgpack.encode(
            _State(
                self.next_cursor,
                self._snapshot_ms,
                _packed(self._devices),
                self._rollups.state(),
                self._minutes.state() if self._minutes is not None else b"",
                _packed(self._passing),
            )
        )

    def restore(self, state: bytes) -> None:
        """Go on from `state`, taken with the same site."""
        old = msgspec.msgpack.decode(state, type=_State)
        self.next_cursor = old.next_cursor
        self._snapshot_ms = old.snapshot_ms
        self._devices, self._passing = _unpacked(old.devices), _unpacked(old.passing)
        self._rollups.restore(old.rollups)
        if self._minutes is not None and old.car_park:
            self._minutes.restore(old.car_park)


def crm_items(sightings: Sequence[Sighting], events: Sequence[bytes]) -> list[CrmItem]:
    """What a tick has for the CRM: whose phones were heard comes before what happened (encoded events)."""
    found = [CrmItem(CrmItem.SIGHTING, encode(sighting)) for sighting in sightings]
    return found + [CrmItem(CrmItem.EVENT, event) for event in events]


def _packed(devices: set[str]) -> bytes:
    return bytes.fromhex("".join(sorted(devices)))


def _unpacked(devices: bytes) -> set[str]:
    names = devices.hex()
    return {names[i : i + 16] for i in range(0, len(names), 16)}


def _visit(event: VisitEvent) -> Visit:
    data = event.data
    return Visit(
        data.visit, data.device, data.zone, data.floor, data.started_ms, data.seen_ms, data.ended_ms,
        data.dwell_s, data.confidence,
    )  # fmt: skip
