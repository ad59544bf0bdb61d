"""A simulated day at a car park as reads, without pictures: a source like any other, in seconds."""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np

from contracts.plates import Direction, PlateChange, PlateRead
from contracts.site import Site
from edge_agent.plate_hashes import PlateHashes
from edge_agent.sources import Heard
from edge_agent.sources.protocol import PlateSighting
from simulators.car_park.day import TruePassage, simulate_day
from simulators.car_park.layout import Step, car_park_site
from simulators.car_park.reading_errors import Candidates, ReadingErrors, random_sign

IN_VIEW_MS = (1_500, 7_000)
"""How long a car is in the picture."""
LEARNS_MORE = 0.2
"""Share of tracks of which more is known in the middle than at first."""
BLOCK_MS = 1_000
ERRORS = ReadingErrors()


class CarParkReads:
    """What the cameras of a car park say of a simulated day; `day` is the truth.

    Cars come by the hours of a day that is `utc_offset_h` ahead of UTC.
    `block_ms` may be longer than a second where a whole day shall go by quickly: tests of stays need no more.
    `visitors` are further passages, in order of time, asked for as time goes on: `simulators.members.cars`.
    """

    def __init__(
        self,
        *,
        start_ms: int,
        duration_s: float = 86_400.0,
        cars: int = 1_500,
        seed: int = 1,
        site: Site | None = None,
        errors: ReadingErrors = ERRORS,
        block_ms: int = BLOCK_MS,
        utc_offset_h: float = 8.0,
        visitors: Iterable[TruePassage] = (),
    ) -> None:
        self.site = site or car_park_site()
        self.day = simulate_day(
            self.site,
            start_ms=start_ms,
            duration_s=duration_s,
            cars=cars,
            utc_offset_h=utc_offset_h,
            seed=seed,
        )
        self.passage_of: dict[str, int] = {}
        """Of each track, the true passage; none for what was no car."""
        self._start_ms = start_ms // block_ms * block_ms
        self._block_ms = block_ms
        self._errors = errors
        self._visitors = visitors
        self._rng = np.random.default_rng((seed, 1))

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes with cameras."""
        return tuple(node.id for node in self.site.nodes if node.cameras)

    @property
    def end_ms(self) -> int:
        """When the last car of the day has left; further visitors may still be there."""
        last_ms = max((passage.t_ms for passage in self.day.passages), default=self._start_ms)
        return last_ms + IN_VIEW_MS[1] + self._block_ms

    def blocks(self) -> Iterator[Heard]:
        """Give a block of every node, stretch by stretch, until the last car has left."""
        sightings = self.sightings()
        by_end = groupby(
            sightings, key=lambda one: one[1].t_ms // self._block_ms * self._block_ms + self._block_ms
        )
        following = next(by_end, None)
        for end_ms in itertools.count(self._start_ms + self._block_ms, self._block_ms):
            if following is None and end_ms > self.end_ms:
                return
            blocks = {node: Heard(node, end_ms) for node in self.nodes}
            if following is not None and following[0] == end_ms:
                for node, sighting in following[1]:
                    blocks[node].plates.append(sighting)
                following = next(by_end, None)
            yield from blocks.values()

    def reads(self, hashes: PlateHashes) -> Iterator[tuple[str, PlateRead]]:
        """Give (node, read) in order of time, as they go over the wire."""
        for node, sighting in self.sightings():
            yield node, hashes.read(sighting)

    def sightings(self) -> Iterator[tuple[str, PlateSighting]]:
        """Give (node, sighting) in order of time."""
        waiting: list[tuple[int, int, str, PlateSighting]] = []
        number = 0
        passages = heapq.merge(self.day.passages, self._visitors, key=lambda passage: passage.t_ms)
        for passage in passages:
            while waiting and waiting[0][0] <= passage.t_ms:
                yield heapq.heappop(waiting)[2:]
            for node, sighting in self._said(passage):
                number += 1
                heapq.heappush(waiting, (sighting.t_ms, number, node, sighting))
        while waiting:
            yield heapq.heappop(waiting)[2:]

    def _said(self, passage: TruePassage) -> Iterator[tuple[str, PlateSighting]]:
        """Draw what is said of a passage."""
        rng, errors = self._rng, self._errors
        if rng.random() < errors.missed:
            return
        end_ms = passage.t_ms + int(rng.integers(*IN_VIEW_MS))
        spans = [(passage.t_ms, end_ms)]
        if rng.random() < errors.lost:
            middle_ms = (passage.t_ms + end_ms) // 2
            spans = [(passage.t_ms, middle_ms), (middle_ms + 300, end_ms + 300)]
        unknown = rng.random() < errors.no_direction
        direction = Direction.UNKNOWN if unknown else passage.step.direction
        for span in spans:
            track = self._track()
            self.passage_of[track] = passage.passage
            known = [errors.read(rng, passage.plate)]
            if rng.random() < LEARNS_MORE:
                known.insert(0, errors.read(rng, passage.plate))
            yield from self._told(passage.step, track, direction, span, known)
        if rng.random() < errors.ghost:
            sign = ((random_sign(rng), float(rng.uniform(0.1, 0.6))),)
            yield from self._told(passage.step, self._track(), Direction.UNKNOWN, spans[0], [sign])

    def _told(
        self,
        step: Step,
        track: str,
        direction: Direction,
        span_ms: tuple[int, int],
        known: Sequence[Candidates],
    ) -> Iterator[tuple[str, PlateSighting]]:
        """Say a track with what is known of its plate at first, perhaps in the middle, and in the end."""
        first_ms, last_ms = span_ms
        moments = [(PlateChange.NEW, first_ms, known[0]), (PlateChange.END, last_ms, known[-1])]
        if len(known) > 1:
            moments.insert(1, (PlateChange.UPDATE, (first_ms + last_ms) // 2, known[1]))
        for change, t_ms, candidates in moments:
            yield step.node, PlateSighting(track, change, t_ms, step.camera, direction, candidates)

    def _track(self) -> str:
        return f"{int(self._rng.integers(2**63)):016x}"
