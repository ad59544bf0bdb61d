"""From plates in pictures to passages of cars: each is said once, as `new`, `update` and `end`.

A track is a passage when it has moved: a parked car in view and a sign on the wall never do. It is said
when its plate is likely enough, or when it ends: a plate that could not be read well is a car all the same,
and its low confidence says so.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from contracts.plates import MAX_CHARACTERS, Direction, PlateChange
from edge_agent.camera.lanes import LaneView
from edge_agent.camera.picture import Reading
from edge_agent.camera.tracks import Place, Track, assign
from edge_agent.camera.vote import Candidates
from edge_agent.sources.protocol import PlateSighting

SAY_AT = 0.8
"""A passage is said while the car is there where its plate is so sure; else in the end."""
LEAST_SURE = 0.2
"""A plate less sure than this in the end was none: text on a van, a grille."""
LEAST_PICTURES = 2
LOST_PICTURES = 5
LOST_MS = 1_000
"""A plate has gone when it was looked for so often, for so long, and not found."""
LEFT_PICTURES = 2
"""Where nothing moves any more, a plate that was not found in the last pictures has gone."""
LONGEST_MS = 1_800_000
"""A car that stands in the lane for longer is forgotten; it is followed anew when it moves."""


@dataclass(slots=True)
class _Passage:
    """A track, and what was said of it."""

    track: Track
    id: str
    lanes: dict[str, int] = field(default_factory=dict)
    said: tuple[str, Direction] | None = None


class Passages:
    """Follows the plates of one camera; gives what is to be said of them."""

    def __init__(self, camera: str, lanes: Sequence[LaneView], new_id: Callable[[], str]) -> None:
        """`new_id` gives 16 random hex digits for each passage."""
        self._camera = camera
        self._lanes = {lane.id: lane for lane in lanes}
        self._new_id = new_id
        self._open: list[_Passage] = []
        self.passages = 0
        """How many were said."""

    def look(
        self, t_ms: int, readings: Sequence[Reading], looked_at: Sequence[LaneView]
    ) -> Iterator[PlateSighting]:
        """Take in what was read in a picture; `looked_at` are the lanes that were read in."""
        found = [
            (reading, place)
            for reading in readings
            if 0 < len(reading.text) <= MAX_CHARACTERS
            and self._lane_at(place := Place.of(reading)) is not None
        ]
        by_track = {id(passage.track): passage for passage in self._open}
        pairs, strangers = assign(t_ms, [passage.track for passage in self._open], found)
        for track, j in pairs:
            self._found(by_track.pop(id(track)), t_ms, *found[j])
        for j in strangers:
            passage = _Passage(Track(t_ms, found[j][1]), self._new_id())
            self._open.append(passage)
            self._found(passage, t_ms, *found[j])
        watched = {lane.id for lane in looked_at}
        for passage in by_track.values():
            lane = self._lane_at(passage.track.last)
            if lane is None or lane.id in watched:
                passage.track.missed_ms.append(t_ms)
        yield from self._say(t_ms)

    def still(self, t_ms: int) -> Iterator[PlateSighting]:
        """Take in that nothing moves: cars that stand are still there, and stand."""
        for passage in self._open:
            passage.track.stand_still()
        yield from self._end(t_ms, [p for p in self._open if _has_left(p.track, t_ms)])

    def end_all(self, t_ms: int) -> Iterator[PlateSighting]:
        """End what is open: the recording is over, or its time has jumped."""
        yield from self._end(t_ms, list(self._open))

    @property
    def all_known(self) -> bool:
        """Whether plates are followed, and all of them are as sure as they will be."""
        return bool(self._open) and all(passage.track.known for passage in self._open)

    def _found(self, passage: _Passage, t_ms: int, reading: Reading, place: Place) -> None:
        passage.track.add(t_ms, reading, place)
        lane = self._lane_at(place)
        if lane is not None:
            passage.lanes[lane.id] = passage.lanes.get(lane.id, 0) + 1

    def _lane_at(self, place: Place) -> LaneView | None:
        return next((lane for lane in self._lanes.values() if lane.holds(place.x, place.y)), None)

    def _say(self, t_ms: int) -> Iterator[PlateSighting]:
        gone = [
            passage
            for passage in self._open
            if len(missed := passage.track.missed_ms) >= LOST_PICTURES and t_ms - missed[0] >= LOST_MS
        ]
        yield from self._end(t_ms, gone)
        for passage in self._open:
            known = passage.track.votes.result()
            told = (known[0][0], self._direction(passage))
            if told == passage.said or known[0][1] < SAY_AT or not self._is_car(passage):
                continue
            if passage.said is None and told[1] is Direction.UNKNOWN:
                continue  # it will be known in a moment
            change = PlateChange.NEW if passage.said is None else PlateChange.UPDATE
            yield self._sighting(passage, change, t_ms, known)
            passage.said = told

    def _end(self, t_ms: int, gone: Sequence[_Passage]) -> Iterator[PlateSighting]:
        for passage in gone:
            self._open.remove(passage)
            known = passage.track.votes.result()
            if passage.said is None:
                if not self._is_car(passage) or known[0][1] < LEAST_SURE:
                    continue
                yield self._sighting(passage, PlateChange.NEW, t_ms, known)
            yield self._sighting(passage, PlateChange.END, t_ms, known)

    def _is_car(self, passage: _Passage) -> bool:
        return passage.track.votes.count >= LEAST_PICTURES and passage.track.has_moved

    def _direction(self, passage: _Passage) -> Direction:
        lane = self._lanes[max(passage.lanes, key=passage.lanes.__getitem__)]
        return lane.direction(passage.track.moved_widths)

    def _sighting(
        self, passage: _Passage, change: PlateChange, t_ms: int, known: Candidates
    ) -> PlateSighting:
        if change is PlateChange.NEW:
            self.passages += 1
        return PlateSighting(passage.id, change, t_ms, self._camera, self._direction(passage), known)


def _has_left(track: Track, t_ms: int) -> bool:
    return len(track.missed_ms) >= LEFT_PICTURES or t_ms - track.last_ms > LONGEST_MS
