"""The simulated mall as a source of frames like any other."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contracts.messages import FrameKind
from contracts.site import Site
from edge_agent.sources.protocol import Heard
from simulators import mall
from simulators.arrivals import Profile
from simulators.frames import Frames, address_bytes
from simulators.members.casting import Cast, Casting
from simulators.members.tills import Tills
from simulators.passers_by import PassersBy
from simulators.phones import Habits, Phones
from simulators.radio import Radio
from simulators.shoppers import BATCH_S, Places, Shoppers
from simulators.truth import Truth
from simulators.world import World

_KINDS = {kind.value: kind for kind in FrameKind}
WEAKEST_DBM = -100


class SimulatedSource:
    """What all nodes of a simulated mall hear, second by second. The same arguments give the same day.

    `shoppers` is how many people are expected in the mall at its fullest, or always with a constant profile.
    `passers_by` are always in the street around it; the shoppers do the same with them as without.
    The mall is already populated at `start_ms`. Without `duration_s` the day never ends.
    """

    def __init__(
        self,
        *,
        shoppers: float,
        passers_by: int = 0,
        start_ms: int,
        duration_s: int | None = None,
        seed: int = 1,
        site: Site | None = None,
        profile: Profile = Profile.DAY,
        habits: Habits | None = None,
        truth: Truth | None = None,
        casting: Casting | None = None,
        tills: Tills | None = None,
    ) -> None:
        """Build the mall and let the first people in.

        `casting` says who they are: people who come again, with phones of their own; `tills` sell to them.

        Raises:
            ConfigurationError: nobody can walk about in this site.

        """
        self.site = site or mall.site()
        self.world = World.of(self.site)
        self._start_s = start_ms // 1000
        self._now_s = self._start_s
        self._duration_s = duration_s
        self._rng = np.random.default_rng([seed, 4])
        self.shoppers = Shoppers(
            self.world.building,
            self.world.walkways,
            people=shoppers,
            start_s=float(self._start_s),
            seed=seed,
            profile=profile,
        )
        self.cast = None if casting is None else Cast(casting, self.shoppers)
        """Who the people are, of those who come again."""
        self._phones = Phones(seed, habits, None if self.cast is None else self.cast.phones)
        self.passers_by = PassersBy(self.world.building, passers_by, start_s=float(self._start_s), seed=seed)
        self._their_phones = Phones([seed, 6], habits)
        self._their_rng = np.random.default_rng([seed, 7])
        self._truth, self._tills = truth, tills

    @property
    def nodes(self) -> tuple[str, ...]:
        """All nodes of the site that hear phones."""
        return tuple(node.id for node in self.world.site.nodes)

    def pass_over(self, until_ms: int) -> None:
        """Let time pass up to a moment without hearing anybody; who is there then, is there as at the start.

        Before the first block is taken.
        """
        until_s = until_ms // 1000
        while self._now_s < until_s:
            self._now_s = min(self._now_s + int(BATCH_S), until_s)
            if self.cast:
                self.cast.advance(self._now_s + 2 * BATCH_S)
            self.shoppers.advance(float(self._now_s))

    def fraction(self) -> float:
        """Tell how much of the day has been given, from 0 to 1; a day without an end has only begun."""
        return (self._now_s - self._start_s) / self._duration_s if self._duration_s else 0.0

    def blocks(self) -> Iterator[Heard]:
        """Yield a block for every node for every second; a second call goes on where the first one is."""
        while self._duration_s is None or self._now_s < self._start_s + self._duration_s:
            heard = self._second(self._now_s)
            self._now_s += 1
            yield from heard

    def _second(self, second: int) -> list[Heard]:
        shoppers, phones = self.shoppers, self._phones
        if self.cast:
            self.cast.advance(second + 2 * BATCH_S)
        shoppers.advance(float(second))
        phones.follow(shoppers.id, float(second))
        owner = np.searchsorted(shoppers.id, phones.owner)
        frames = phones.send(shoppers.present(float(second))[owner], second)
        if self._truth:
            self._truth.people(self.world.building, shoppers, second)
        if self._tills:
            self._tills.people(self.world.building, shoppers, second)
        self._note(phones)
        places = shoppers.places(owner[frames.phone], frames.t_ms / 1000)
        columns = [self._hear(frames, places, phones, self.world.radio, self._rng)]
        if self._truth:
            self._truth.census.hear(phones.id[frames.phone[columns[0].heard.any(axis=1)]], second)
        if len(self.passers_by):
            columns.append(self._outside(second))
        return self._blocks(columns, second)

    def _outside(self, second: int) -> "_Columns":
        """Return what is heard of the passers-by. Their frames and those from inside do not collide."""
        people, phones = self.passers_by, self._their_phones
        people.advance(float(second))
        phones.follow(people.id, float(second))
        owner = np.searchsorted(people.id, phones.owner)
        frames = phones.send(np.ones(len(phones), dtype=np.bool_), second)
        self._note(phones)
        places = people.places(owner[frames.phone], frames.t_ms / 1000)
        return self._hear(frames, places, phones, self.world.street, self._their_rng)

    def _note(self, phones: Phones) -> None:
        """Note whose phone has taken up which address."""
        if self._truth:
            for ids, addresses in phones.changed:
                self._truth.addresses(ids, addresses)
        phones.changed.clear()

    @staticmethod
    def _hear(
        frames: Frames, places: Places, phones: Phones, radio: Radio, rng: np.random.Generator
    ) -> "_Columns":
        strength = radio.strength_dbm(
            places.floor,
            places.x_m,
            places.y_m,
            heading=places.heading,
            power_dbm=phones.power_dbm[frames.phone],
            body_db=phones.body_db[frames.phone],
            burst=frames.burst,
            rng=rng,
        )
        heard = radio.heard(strength, frames.channel, frames.kind == FrameKind.DATA, rng)
        return _Columns(frames, heard, np.rint(strength).astype(np.int64).clip(WEAKEST_DBM, -10))

    def _blocks(self, columns: "list[_Columns]", second: int) -> list[Heard]:
        """Return a block for every node, its frames in order of time."""
        frames = _join([one.frames for one in columns])
        heard = np.concatenate([one.heard for one in columns])
        rssi = np.concatenate([one.rssi_dbm for one in columns])
        order = np.argsort(frames.t_ms, kind="stable")
        addresses = address_bytes(frames.address)
        kinds = [_KINDS[kind] for kind in frames.kind.tolist()]
        probe = (frames.kind == FrameKind.PROBE).tolist()
        table = self._phones.elements
        elements = [table[e] if p else b"" for e, p in zip(frames.elements.tolist(), probe, strict=True)]
        blocks = []
        for number, node in enumerate(self.nodes):
            rows = order[heard[order, number]]
            block = Heard(node, complete_to_ms=1000 * (second + 1), frames=len(rows))
            if len(rows):
                each = rows.tolist()
                block.t_ms = frames.t_ms[rows].tolist()
                block.address = [addresses[row] for row in each]
                block.rssi_dbm = rssi[rows, number].tolist()
                block.channel = frames.channel[rows].tolist()
                block.frame_kind = [kinds[row] for row in each]
                block.sequence = frames.sequence[rows].tolist()
                block.elements = [elements[row] for row in each]
            blocks.append(block)
        return blocks


class _Columns(NamedTuple):
    """What is heard of some frames: which nodes hear each, and how strongly, both (frames, nodes)."""

    frames: Frames
    heard: npt.NDArray[np.bool_]
    rssi_dbm: npt.NDArray[np.int64]


def _join(parts: Sequence[Frames]) -> Frames:
    """Return the frames of all parts."""
    return Frames(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Frames)))
