"""Frames: the mall at one moment as the console draws it, from a tick or from the store."""

import secrets
from collections.abc import Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from contracts.site import Site
from gateway.api import schemas
from gateway.engine import Tick
from gateway.figures.people import PeopleFigures
from gateway.figures.period import minutes_until
from gateway.figures.privacy import Count
from gateway.people import MallPeople
from gateway.store import Store
from gateway.store.reading import HOUR_MS
from gateway.store.records import MINUTE_MS, WHOLE_MALL, CellGrid, Event, whole_floor

Floats = npt.NDArray[np.float64]

MAX_DOTS = 2_000
SNAPSHOT_AGE_MS = 2 * MINUTE_MS
"""Positions older than this do not stand for a moment: while nobody is there, none are stored."""
HEAT_FLOOR = 0.002
"""Cells with fewer expected devices are not drawn: they are most of the bytes and none of the picture."""


class Frames:
    """Makes frames of one mall."""

    def __init__(self, site: Site, grid: CellGrid, people: MallPeople | None = None) -> None:
        self._floors = [floor.id for floor in site.floors]
        self._zones = [zone.id for _, zone in site.zones()]
        self._people = PeopleFigures(site.privacy.k, people)
        self._grid = grid
        self._key = secrets.token_bytes(16)  # of this run: ids of dots lead back to nobody

    def live(self, tick: Tick, floor: str, delay_ms: int, events: Sequence[Event]) -> schemas.Frame:
        """The frame of a tick. Raises `KeyError` for a floor that is not there."""
        number = self._number(floor)
        tracks, cells = tick.tracks, tick.cells
        per_floor = np.bincount(cells.floor, cells.weight, len(self._floors)).astype(np.float64)
        on_floor = cells.floor == number
        rows = tracks.likely(number)
        return schemas.Frame(
            t_ms=tick.t_ms,
            delay_ms=max(0, delay_ms),
            present=_count(self._people.present(tick.present, tick.present_variance)),
            floors=self._floor_counts(per_floor),
            floor=floor,
            heat=self._heat(cells.index[on_floor], cells.weight[on_floor], per_floor[number]),
            dots=self._dots(rows, tracks.device, tracks.xy_m, tracks.cov_m2, per_floor[number]),
            zones=self._zone_counts(tick.occupancy.expected.tolist(), tick.occupancy.variance.tolist()),
            events=[event_row(event) for event in events],
        )

    def past(self, store: Store, t_ms: int, floor: str) -> schemas.Frame:
        """The frame of a moment in the past: positions of that moment, numbers and heat of its minute.

        Raises `KeyError` for a floor that is not there.
        """
        self._number(floor)
        minute_ms = t_ms // MINUTE_MS * MINUTE_MS
        if (newest_ms := store.newest_ms()) is not None and minute_ms + MINUTE_MS > minutes_until(newest_ms):
            minute_ms -= MINUTE_MS  # this minute is not over: the one before stands for it
        minutes = {z.zone: z for z in store.zone_minutes(minute_ms, minute_ms + MINUTE_MS, MINUTE_MS)}
        mean = {zone: row.people_mean for zone, row in minutes.items()}
        variance = {zone: row.variance_mean for zone, row in minutes.items()}
        people = np.array([mean.get(whole_floor(f), 0.0) for f in self._floors])
        here = store.heat(floor, minute_ms, minute_ms + MINUTE_MS)
        cells = np.zeros(self._grid.size) if here is None or here[0] != self._grid else here[1] / 60.0
        used = np.flatnonzero(cells)
        on_floor = people[self._floors.index(floor)]
        places = store.positions(floor, t_ms, SNAPSHOT_AGE_MS)
        dots = schemas.Dots(id=[], x_m=[], y_m=[], sd_m=[])
        if places is not None:
            rows = np.arange(len(places.device))
            dots = self._dots(rows, places.device, places.xy_m, places.cov_m2, on_floor)
        return schemas.Frame(
            t_ms=t_ms,
            delay_ms=0,
            present=_count(self._people.present(mean.get(WHOLE_MALL, 0.0), variance.get(WHOLE_MALL, 0.0))),
            floors=self._floor_counts(people),
            floor=floor,
            heat=self._heat(used, cells[used], on_floor),
            dots=dots,
            zones=self._zone_counts(
                [mean.get(zone, 0.0) for zone in self._zones],
                [variance.get(zone, 0.0) for zone in self._zones],
            ),
            events=[event_row(e) for e in store.events_between(t_ms - HOUR_MS, t_ms + 1, 50)],
        )

    def _number(self, floor: str) -> int:
        try:
            return self._floors.index(floor)
        except ValueError:
            raise KeyError(floor) from None

    def _floor_counts(self, devices: Floats) -> list[schemas.FloorCount]:
        return [
            schemas.FloorCount(floor=floor, people=self._people.part(n).people)
            for floor, n in zip(self._floors, devices.tolist(), strict=True)
        ]

    def _zone_counts(self, mean: Sequence[float], variance: Sequence[float]) -> list[schemas.ZoneCount]:
        counts = map(self._people.part, mean, variance)
        return [
            schemas.ZoneCount(zone=zone, people=c.people, low=c.low, high=c.high, suppressed=c.suppressed)
            for zone, c in zip(self._zones, counts, strict=True)
        ]

    def _heat(self, index: npt.NDArray[np.int64], value: Floats, on_floor: float) -> schemas.Heat:
        if not self._people.part(on_floor).people:
            index, value = index[:0], value[:0]
        shown = value >= HEAT_FLOOR
        return heat_answer(self._grid, index[shown], value[shown], 3)

    def _dots(
        self,
        rows: npt.NDArray[np.int64],
        device: Sequence[str],
        xy_m: Floats,
        cov_m2: Floats,
        on_floor: float,
    ) -> schemas.Dots:
        if not self._people.part(on_floor).people:
            rows = rows[:0]
        if len(rows) > MAX_DOTS:
            # By id, which is random: the same sample from frame to frame, so that dots do not flicker.
            rows = np.array(sorted(rows.tolist(), key=device.__getitem__)[:MAX_DOTS])
        sd_m = np.linalg.det(cov_m2[rows]).clip(0.0) ** 0.25
        return schemas.Dots(
            id=[self._id(device[i]) for i in rows.tolist()],
            x_m=xy_m[rows, 0].round(1).tolist(),
            y_m=xy_m[rows, 1].round(1).tolist(),
            sd_m=sd_m.round(1).tolist(),
        )

    def _id(self, device: str) -> int:
        digest = blake2b(device.encode(), digest_size=6, key=self._key).digest()
        return int.from_bytes(digest)


def _count(count: Count) -> schemas.Count:
    return schemas.Count(people=count.people, low=count.low, high=count.high, suppressed=count.suppressed)


def heat_answer(grid: CellGrid, index: npt.NDArray[np.int64], value: Floats, decimals: int) -> schemas.Heat:
    """Cells as the API shows them."""
    return schemas.Heat(
        cell_m=grid.cell_m,
        x0_m=grid.x0_m,
        y0_m=grid.y0_m,
        nx=grid.nx,
        ny=grid.ny,
        index=index.tolist(),
        value=value.round(decimals).tolist(),
    )


def event_row(event: Event) -> schemas.EventRow:
    """An event as the feed shows it: without the device."""
    of_visit, of_car = event.kind.startswith("visit."), event.kind.startswith("car")
    return schemas.EventRow(
        cursor=event.cursor,
        kind=event.kind,
        t_ms=event.t_ms,
        zone=event.zone if of_visit or of_car else None,
        floor=event.floor if of_visit else None,
        dwell_s=None if of_car and not event.dwell_s else event.dwell_s,
        visit=event.visit if of_visit else None,
    )
