"""The engine: observation batches in, ticks out. Deterministic, without I/O and without a clock."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

import numpy as np
import numpy.typing as npt

from contracts.control import CarParkCount
from contracts.events import PathEvent, VisitEvent, stable_id
from contracts.messages import AgentState, AgentStatus, ObservationBatch
from contracts.site import Site, ZoneKind
from gateway.engine.events import Events
from gateway.engine.hand_over import HandOver
from gateway.engine.identities import Whereabouts, appearances, decided
from gateway.engine.join import Columns, Join
from gateway.engine.members import Members
from gateway.engine.places import Places
from gateway.engine.protocol import Positioner
from gateway.engine.slots import Slots
from gateway.engine.state import START_WITHOUT, Arrays, StateError, Stateful, pack, unpack
from gateway.engine.tick import LIKELY, NOTHING_DECIDED, Decided, Sighting, Tick, Tracks
from gateway.engine.watermarks import TOLERANCE_MS, UNKNOWN
from gateway.parking.car_park import CarPark
from gateway.parking.report import ParkingTick
from gateway.parking.shape import shape
from positioning.identity import Linker, Nearness
from positioning.locate import Readings
from positioning.paths import Paths, Step
from positioning.positioner import Estimates
from positioning.presence import Presence
from positioning.visits import Change, Changes, Visits
from positioning.zones import HeatGrid, ZoneMap

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

log = logging.getLogger(__name__)

MAX_DEVICES = 100_000
"""Most devices at a time; a flood of made-up addresses is counted and left out."""
IDLE_MS = 60_000
"""While nobody is in the mall, ticks come this seldom."""
GAP_MS = 86_400_000
"""Longer stretches without anybody are passed over without a tick."""
CERTAIN = 0.8
"""A new address is taken for that of a known phone when that is at least so sure: a visit must not jump to
another person. Between 0.7 and 0.9 visits in the simulated mall are found equally well."""
CAUSES = {
    "unknown_node": "the site file has no such node; add it there or correct the node's id",
    "bad_device": "a pseudonym is not 16 hexadecimal digits",
    "clock_ahead": "the node's clock is ahead of the other nodes'; check its time synchronisation",
    "foreign_camera": "the site file gives that camera to another node; whose batches are these?",
    "clock_behind": "the node's clock is behind the other nodes'; check its time synchronisation",
    "late": "they came after their tick was computed; check the node's network and clock",
    "buffer_full": "too many wait for their tick; is a node that is online not sending its watermark?",
    "camera_at_no_gate": "no gate of the site file's car_park has that camera; add one",
    "no_car_park": "the site file has no car_park; add one, or take the cameras out",
    "plates_full": "too many wait for their tick; is a node that is online not sending its watermark?",
    "no_crm": "the site file has no section crm; add one, or take the list of members' phones back",
    "members_full": "too many wait for their tick; is a node that is online not sending its watermark?",
    "too_many_devices": f"more than {MAX_DEVICES:,} devices at a time; are addresses being made up?",
}
VISITABLE = (ZoneKind.SHOP, ZoneKind.FACILITY)
"""Being in these is a visit; corridors, entrances and escalators are passed through."""


class Engine:
    """Everything between the observations and what is published about one mall.

    The result depends on what was observed alone: not on how observations are cut into batches, not on their
    order within the site's lateness, and not on a checkpoint in between.
    """

    def __init__(
        self, site: Site, positioner: Positioner, zones: ZoneMap, *, room_weight: float = 1.0
    ) -> None:
        """Start empty.

        Args:
            site: floors, zones and nodes; fixes the order of every index.
            positioner: its receivers are the site's nodes, its floors the site's floors, in their order.
            zones: the site's zones as a raster.
            room_weight: how likely the positioner takes a place in a shop to be, beside the open floor.
        """
        tracking = site.tracking
        self._tick_ms = round(tracking.tick_s * 1000)
        self._min_dwell_ms = round(site.visits.min_dwell_s * 1000)
        self._site = stable_id(
            site.model_dump_json(include={"mall", "floors", "nodes", "tracking"}) + shape(site)
        )
        nodes = [node.id for node in site.nodes]
        self._node_of = {camera.id: node.id for node in site.nodes for camera in node.cameras}
        self._hears = np.array([node.hears for node in site.nodes], dtype=bool)
        self._join = Join(nodes, tick_ms=self._tick_ms, lateness_ms=round(tracking.lateness_s * 1000))
        self._positioner = positioner
        self._slots = Slots(MAX_DEVICES)
        visitable = np.array([zone.kind in VISITABLE for _, zone in site.zones()], dtype=bool)
        share = zones.area_m2 * np.where(np.append(visitable, False), room_weight, 1.0)
        self._visits = Visits(visitable, share, site.visits)
        self._paths = Paths(tracking.vanish_s)
        self._presence = Presence()
        self._places = Places(zones)
        self._events = Events(site)
        self._hand_over = HandOver()
        self._floors, self._area_m2 = len(site.floors), float(zones.area_m2.sum())
        self._linker = Linker(certain=CERTAIN) if tracking.link_addresses else None
        self._parts: dict[str, Stateful] = {
            "watermarks": self._join.watermarks,
            "join": self._join,
            "slots": self._slots,
            "positioner": positioner,
            "visits": self._visits,
            "paths": self._paths,
            "presence": self._presence,
            "places": self._places,
            "hand_over": self._hand_over,
        }
        if self._linker is not None:
            self._parts["linker"] = self._linker
        self._car_park: CarPark | None = None
        if site.car_park is not None:
            self._car_park = CarPark(site, site.car_park, self.counters)
            self._parts["car_park"] = self._car_park
        self._members: Members | None = None
        if site.crm is not None:
            self._members = Members()
            self._parts["members"] = self._members
        self._logged: set[str] = set()

    @property
    def counters(self) -> Counter[str]:
        """What could not be used, by cause: observations, or batches for `unknown_node` and `bad_device`."""
        return self._join.counters

    @property
    def heat_grid(self) -> HeatGrid:
        """The lattice that `Tick.cells` are on."""
        return self._places.heat_grid

    @property
    def mall_ms(self) -> int:
        """What time it is in the mall; -1 until more than half of the nodes online have spoken."""
        return self._join.watermarks.mall_ms

    @property
    def done_ms(self) -> int:
        """The last tick given; -1 before the first."""
        return self._join.done_ms

    def status(self, status: AgentStatus) -> None:
        """Take in which nodes are there. Ticks wait for nodes online, so say who is before feeding."""
        self._join.status(status.nodes, status.state == AgentState.ONLINE)

    def feed(self, batch: ObservationBatch) -> None:
        """Take in a batch; what cannot be used is counted in `counters` and logged once per cause."""
        if self._join.feed(batch):
            if batch.plates:
                self._feed_plates(batch)
            if batch.members:
                self._feed_members(batch)
        self._log_new_causes(f"observations of node {batch.node}")

    def _feed_plates(self, batch: ObservationBatch) -> None:
        reads = batch.plates or []
        on_time = [read for read in reads if read.t_ms <= batch.watermark_ms + TOLERANCE_MS]
        if len(on_time) < len(reads):
            self.counters["clock_ahead"] += len(reads) - len(on_time)
        if self._car_park is None:
            self.counters["no_car_park"] += len(reads)
            return
        for read in on_time:
            if self._node_of.get(read.camera, batch.node) == batch.node:
                self._car_park.feed(read)
            else:
                self.counters["foreign_camera"] += 1

    def _feed_members(self, batch: ObservationBatch) -> None:
        for heard in batch.members or ():
            if self._members is None:
                self.counters["no_crm"] += 1
            elif heard.t_ms > batch.watermark_ms + TOLERANCE_MS:
                self.counters["clock_ahead"] += 1
            elif not self._members.feed(heard):
                self.counters["members_full"] += 1

    def count_cars(self, count: CarParkCount) -> None:
        """Take in that somebody has counted the cars in the car park."""
        if self._car_park is not None:
            self._car_park.count(count)

    def advance(self) -> Iterator[Tick]:
        """Compute every tick that is complete now."""
        while (tick := self._next(self._join.watermarks.complete_ms)) is not None:
            yield self._compute(tick)

    def flush(self) -> Iterator[Tick]:
        """Compute everything left, complete or not, and end all visits and paths: the recording is over."""
        last = self._last_waiting()
        while last is not None and (tick := self._next(last)) is not None:
            yield self._compute(tick)
        if self.done_ms != UNKNOWN:
            end = self.done_ms + self._tick_ms
            self._join.take(end)
            events = self._leave(end, self._paths.present)
            nobody = np.zeros(0, dtype=np.int64)
            found = self._positioner.step(end, Readings(nobody, nobody, nobody.astype(np.float64)))
            parking = self._car_park.finish(end) if self._car_park is not None else None
            yield self._report(end, found, events, parking=parking, sightings=self._sighted(end))

    def state(self) -> bytes:
        """Return a checkpoint: an engine that restores it goes on bit for bit as this one would."""
        return pack(self._site, {name: part.state() for name, part in self._parts.items()})

    def restore(self, state: bytes) -> None:
        """Go on from a checkpoint.

        Raises:
            StateError: it cannot be used; the engine is then as it was before.
        """
        parts = unpack(state, self._site)
        before = unpack(self.state(), self._site)
        try:
            self._load(parts)
        except (KeyError, ValueError) as error:
            self._load(before)
            raise StateError(f"the checkpoint does not fit: {error}", START_WITHOUT) from error

    def _load(self, parts: Mapping[str, Arrays]) -> None:
        for name, part in self._parts.items():
            if part is self._members:  # a checkpoint from before the mall had a CRM has none
                part.restore(parts.get(name, {}))
            else:
                part.restore(parts[name])

    def _next(self, complete_ms: int) -> int | None:
        """Return the next tick to compute that ends by ``complete_ms``; None when there is none yet."""
        first, done = self._first_waiting(), self._join.done_ms
        if done == UNKNOWN:
            return first if first is not None and first <= complete_ms else None
        tick = done + self._tick_ms
        if not len(self._paths.present):
            idle = -(-tick // IDLE_MS) * IDLE_MS if complete_ms - done < GAP_MS else complete_ms
            tick = idle if first is None else min(idle, first)
            tick = -(-tick // self._tick_ms) * self._tick_ms
        return tick if tick <= complete_ms else None

    def _first_waiting(self) -> int | None:
        """Return the first tick for which anything waits: what cars did late waits for the next one."""
        of_phones = self._join.first_waiting()
        read_ms = None if self._car_park is None else self._car_park.first_ms
        if read_ms is None:
            return of_phones
        of_cars = self._tick_of(read_ms)
        if self._join.done_ms != UNKNOWN:
            of_cars = max(of_cars, self._join.done_ms + self._tick_ms)
        return of_cars if of_phones is None else min(of_phones, of_cars)

    def _last_waiting(self) -> int | None:
        """Return the last tick for which anything waits."""
        of_phones = self._join.last_waiting()
        read_ms = None if self._car_park is None else self._car_park.last_ms
        if read_ms is None:
            return of_phones
        return max(self._tick_of(read_ms), of_phones or 0)

    def _tick_of(self, t_ms: int) -> int:
        return (t_ms // self._tick_ms + 1) * self._tick_ms

    def _compute(self, tick: int) -> Tick:
        """Compute one tick."""
        events = self._leave(tick, self._paths.vanished(tick))
        heard_of = self._hand_over.take(self._join.take(tick), self._remembers)
        columns, devices, whose = self._whose(tick, heard_of)
        found = self._locate(tick, columns, devices)
        heard = found.updated
        self._paths.hear(tick, found.slot[heard])
        self._presence.hear(tick, found.slot[heard])
        probabilities = self._places.put(_rows(found, heard), _outside(found)[heard])
        events += self._tell(tick, self._visits.step(tick, found.slot[heard], probabilities))
        parking = self._car_park.step(tick) if self._car_park is not None else None
        return self._report(tick, found, events, whose, parking, self._sighted(tick))

    def _sighted(self, tick: int) -> list[Sighting]:
        """Return which devices members' phones have turned out to be."""
        if self._members is None:
            return []
        return self._members.step(tick, self._hand_over.names, self._devices_of)

    def _devices_of(self, addresses: Keys) -> tuple[Keys, Floats, Bools]:
        """Return the devices of addresses (N,), how sure that is, and which of them are remembered."""
        there = self._remembers(addresses)
        if self._linker is None:
            return addresses, np.ones(len(addresses)), there
        return *self._linker.whose(addresses), there

    def _remembers(self, addresses: Keys) -> Bools:
        """Return which addresses (N,) are of devices that are there."""
        if self._linker is not None:
            return self._linker.remembers(addresses)
        return self._slots.find(addresses) >= 0

    def _locate(self, tick: int, columns: Columns, devices: Keys) -> Estimates:
        """Give the positioner what was heard of ``devices``, one for each row of the columns."""
        slots = self._slots.assign(devices)
        if (slots < 0).any():
            self.counters["too_many_devices"] += int((slots < 0).sum())
            self._log_new_causes("observations")
            columns, slots = columns.where(slots >= 0), slots[slots >= 0]
        readings = Readings(slots, columns.receiver.astype(np.int64), columns.rssi_dbm.astype(np.float64))
        return self._positioner.step(tick, readings, awake=self._hears & self._join.watermarks.awake(tick))

    def _whose(self, tick: int, columns: Columns) -> tuple[Columns, Keys, Decided]:
        """Find out whose the addresses are; return the observations not yet located, and their devices.

        A new address is located as a device of its own first: where it is tells whose it may be. Those that
        turn out to be of phones known before are taken back, and located again as these.
        """
        linker = self._linker
        if linker is None:
            return columns, columns.address, NOTHING_DECIDED
        heard = appearances(columns)
        unknown = ~linker.remembers(heard.address)
        links = linker.hear(heard, self._nearness(tick, columns, heard.address, unknown))
        taken_back = self._slots.find(heard.address[unknown & (links.device != heard.address)])
        taken_back = taken_back[taken_back >= 0]
        self._positioner.forget(taken_back)
        self._slots.free(taken_back)
        devices = links.device[np.searchsorted(heard.address, columns.address)]
        located = np.isin(columns.address, heard.address[unknown & (links.device == heard.address)])
        return columns.where(~located), devices[~located], decided(heard.address, links)

    def _nearness(self, tick: int, columns: Columns, address: Keys, unknown: Bools) -> Nearness | None:
        """Locate the unknown ones of addresses (A,); return how near devices are to them, if any are."""
        if not unknown.any():
            return None
        fresh = columns.where(np.isin(columns.address, address[unknown]))
        found = self._locate(tick, fresh, fresh.address)
        places = Whereabouts(found, self._slots, self._floors, self._area_m2)
        return lambda i, devices: places.apart(address[i], devices)

    def _leave(self, tick: int, slots: Ints) -> list[VisitEvent | PathEvent]:
        """End the visits and paths of devices that have left the mall and free their slots."""
        if not len(slots):
            return []
        devices = self._slots.names(slots)
        events = self._tell(tick, self._visits.vanish(slots))
        # An address that was used for a burst or two and visited nothing tells nobody anything, nor do
        # those that only passed by outside.
        events += [
            self._events.path(tick, path, device)
            for path, device, inside in zip(
                self._paths.end(slots), devices, self._places.forget(slots).tolist(), strict=True
            )
            if path.steps or (inside and path.ended_ms - path.started_ms >= self._min_dwell_ms)
        ]
        self._presence.vanish(slots)
        self._positioner.forget(slots)
        if self._linker is not None:
            self._linker.forget(self._slots.keys(slots))
            self._linker.expire(tick)
        self._slots.free(slots)
        if self._members is not None:
            self._members.left(self._remembers)
        return events

    def _tell(self, tick: int, changes: Changes) -> list[VisitEvent | PathEvent]:
        """Make events of changes, and put visits that ended on their paths."""
        ended = changes.change == Change.ENDED
        rows = (
            column[ended].tolist()
            for column in (changes.slot, changes.zone, changes.started_ms, changes.ended_ms)
        )
        for slot, zone, started_ms, ended_ms in zip(*rows, strict=True):
            self._paths.visited(slot, Step(zone, started_ms, ended_ms))
        return list(self._events.visits(tick, changes, self._slots.names(changes.slot)))

    def _report(
        self,
        tick: int,
        found: Estimates,
        events: list[VisitEvent | PathEvent],
        whose: Decided = NOTHING_DECIDED,
        parking: ParkingTick | None = None,
        sightings: Sequence[Sighting] = (),
    ) -> Tick:
        """Put together what is said at the end of a tick."""
        outside = _outside(found)
        weight = np.where(outside, 0.0, self._people(tick, found.slot))
        names = self._slots.names(found.slot)
        tracks = Tracks(names, found.floor, found.xy_m, found.cov_m2, found.updated, weight, outside)
        return Tick(
            t_ms=tick,
            tracks=tracks,
            occupancy=self._places.occupancy(self._visits.belief(found.slot), weight),
            cells=self._places.cells(found.slot, weight),
            events=events,
            present=float(weight.sum()),
            present_variance=float((weight * (1.0 - weight)).sum()),
            decided=whose,
            parking=parking,
            sightings=sightings,
        )

    def _people(self, tick: int, slots: Ints) -> Floats:
        """Return for how many people devices (D,) count: how likely each is there, and no other device.

        A phone that could not be told from its twins counts under its old address, as long as it is believed
        to be there; what is left of it counts here.
        """
        there = self._presence.probability(tick, slots)
        if self._linker is None:
            return there
        known, since_ms = self._linker.known_elsewhere(self._slots.keys(slots))
        if not known.any():
            return there
        twice: Floats = known * self._presence.still_there(tick, tick - since_ms)
        return there * (1.0 - twice)

    def _log_new_causes(self, what: str) -> None:
        for cause in sorted(self.counters.keys() - self._logged):
            self._logged.add(cause)
            log.warning("%s are left out: %s; from now on they are counted", what, CAUSES[cause])


def _outside(found: Estimates) -> Bools:
    """Return which devices are more likely outside than inside: they are tracked, but nobody counts them."""
    return found.outside_probability > 1.0 - LIKELY


def _rows(found: Estimates, rows: Bools) -> Estimates:
    """Return some rows of estimates."""
    columns = {
        column.name: getattr(found, column.name)[rows] for column in fields(found) if column.name != "t_ms"
    }
    return Estimates(t_ms=found.t_ms, **columns)
