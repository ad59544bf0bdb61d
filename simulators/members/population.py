"""The people of a mall: those who come, again and again or once, and the members among them.

Drawn once from a seed. Everything that a member's systems would know is here, with its truth: phone, car,
consents and when they were given, and when the phone first logged in to the mall's Wi-Fi.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from contracts.crm import Purpose
from simulators.car_park.fleet import Plate, random_plate
from simulators.frames import draw_addresses
from simulators.members.behaviours import KINDS, SPREAD, Behaviour
from simulators.phone_elements import build_shares
from simulators.phone_kinds import Kinds
from simulators.phone_models import Addressing

Ints = npt.NDArray[np.int64]

DAY_MS = 86_400_000
CONSENTS: dict[tuple[Purpose, ...], float] = {
    (): 0.08,
    (Purpose.PARKING,): 0.10,
    (Purpose.POSITION,): 0.08,
    (Purpose.POSITION, Purpose.PARKING): 0.14,
    (Purpose.POSITION, Purpose.PARKING, Purpose.MARKETING): 0.60,
}
"""What members agree to -> share of them."""
TEXT = "2026-01"
"""Version of what they agree to."""
AGREE_LATER, WITHDRAW = 0.10, 0.05
"""Shares of those who agree only in the middle of the period, and of those who take it back then."""
LOGGED_IN_BEFORE, NEVER_LOG_IN = 0.78, 0.10
"""Shares of the members; the others log in at their first visit of the period."""
OTHERS_JOIN = 0.3
"""Share of those who are no members that use the mall's Wi-Fi, without saying who they are."""
HAVE_CAR = 0.45
OTHERS_BY_CAR = 0.5
SHARE_A_CAR, SHARE_A_TABLET = 0.03, 0.01
"""Shares of the members whose plate is another member's, too, or on whose device another one logged in."""
OTHERS_AGAIN = 0.05
"""Mean number of further visits in a week of who is no member."""


class Consent(NamedTuple):
    """Something that a member has said."""

    purpose: Purpose
    given: bool
    t_ms: int
    text: str
    channel: str


class Phone(NamedTuple):
    """The phone somebody carries, the same on every day."""

    model: int
    """Index into `phone_models.MODELS`."""
    build: int
    address: int
    """In the mall's network, where it stays the same: 48 bits."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who comes to the mall; a member where there is a reference."""

    number: int
    reference: str | None
    behaviour: Behaviour
    visits_a_week: float
    by_car: float
    """Share of the visits."""
    plate: Plate | None
    phone: Phone
    joins: bool
    """Whether the phone uses the mall's Wi-Fi, at every visit from the first login on."""
    login_ms: int | None
    """When it first did, where that was before the period."""
    favourite: int
    """Number of the shop that is liked best, modulo the number of shops."""
    consents: tuple[Consent, ...] = ()
    tablet_of: int | None = None
    """Number of the member on whose device this one logged in, and not on the own one."""

    def agrees(self, purpose: Purpose, t_ms: int) -> bool:
        """Tell whether the person agrees to something at a moment."""
        said = [c for c in self.consents if c.purpose is purpose and c.t_ms <= t_ms]
        return bool(said) and max(said, key=lambda c: c.t_ms).given


@dataclass(frozen=True)
class Population:
    """All people, by number, and the period they are drawn for."""

    persons: tuple[Person, ...]
    start_ms: int
    end_ms: int
    visits: Ints
    """How often each comes in the period, at least once."""

    def __len__(self) -> int:
        """Return the number of people."""
        return len(self.persons)

    @cached_property
    def members(self) -> tuple[Person, ...]:
        """Those who are members, by number."""
        return tuple(person for person in self.persons if person.reference is not None)

    @staticmethod
    def draw(
        *, members: int, others: int, start_ms: int, days: float = 7.0, builds: int = 8, seed: int = 1
    ) -> "Population":
        """Draw people who come in a period; the same arguments give the same people.

        `builds` as in `simulators.phones.Habits`. Who they are and what they carry does not depend on the
        period; what they agree to in the middle of it does.
        """
        rng = np.random.default_rng([seed, 20])
        count, end_ms = members + others, start_ms + round(days * DAY_MS)
        phones = _phones(rng, count, builds)
        kinds = list(KINDS)
        behaviour = rng.choice(len(kinds), count, p=[kind.share for kind in KINDS.values()])
        weekly = np.array([kind.visits_a_week for kind in KINDS.values()])[behaviour]
        weekly = weekly * np.exp(rng.normal(0.0, SPREAD, count))
        weekly[members:] = OTHERS_AGAIN
        again = np.where(np.arange(count) < members, np.maximum(weekly - 0.7, 0.1), weekly)
        persons = [
            _person(rng, number, kinds[kind], rate, phone, (start_ms, end_ms), member=number < members)
            for number, (kind, rate, phone) in enumerate(
                zip(behaviour.tolist(), weekly.tolist(), phones, strict=True)
            )
        ]
        _households(rng, persons, members)
        return Population(tuple(persons), start_ms, end_ms, 1 + rng.poisson(again * days / 7))


def _phones(rng: np.random.Generator, count: int, builds: int) -> list[Phone]:
    kinds = Kinds()
    model = rng.choice(len(kinds.share), count, p=kinds.share)
    build = rng.choice(builds, count, p=build_shares(builds))
    makers = kinds.addressing[model] == Addressing.GLOBAL
    address = np.where(makers, draw_addresses(count, rng, local=False), draw_addresses(count, rng))
    columns = (model.tolist(), build.tolist(), address.tolist())
    return [Phone(*row) for row in zip(*columns, strict=True)]


def _person(
    rng: np.random.Generator,
    number: int,
    behaviour: Behaviour,
    visits_a_week: float,
    phone: Phone,
    period_ms: tuple[int, int],
    *,
    member: bool,
) -> Person:
    kind = KINDS[behaviour]
    plate = random_plate(rng) if rng.random() < HAVE_CAR else None
    by_car = (kind.by_car if member else OTHERS_BY_CAR) if plate else 0.0
    before_ms = period_ms[0] - round(rng.uniform(0.5, 200) * DAY_MS)
    chance = rng.random()
    if member:
        joins = chance >= NEVER_LOG_IN
        login_ms = before_ms if joins and chance < NEVER_LOG_IN + LOGGED_IN_BEFORE else None
    else:
        joins = chance < OTHERS_JOIN
        login_ms = before_ms if joins else None
    return Person(
        number=number,
        reference=f"m-{number:06d}" if member else None,
        behaviour=behaviour,
        visits_a_week=visits_a_week,
        by_car=by_car,
        plate=plate,
        phone=phone,
        joins=joins,
        login_ms=login_ms,
        favourite=int(rng.integers(1 << 30)),
        consents=_consents(rng, *period_ms) if member else (),
    )


def _consents(rng: np.random.Generator, start_ms: int, end_ms: int) -> tuple[Consent, ...]:
    """Draw what a member agrees to and when, and whether some of it is taken back."""
    purposes = list(CONSENTS)[rng.choice(len(CONSENTS), p=list(CONSENTS.values()))]
    later = rng.random() < AGREE_LATER
    middle_ms = int(rng.uniform(start_ms, end_ms))
    given_ms = middle_ms if later else start_ms - round(rng.uniform(1, 300) * DAY_MS)
    channel = ("app", "till", "form")[rng.integers(3)]
    said = [Consent(one, given=True, t_ms=given_ms, text=TEXT, channel=channel) for one in purposes]
    if purposes and not later and rng.random() < WITHDRAW:
        taken = purposes if rng.random() < 0.5 else purposes[:1]
        said += [Consent(one, given=False, t_ms=middle_ms, text=TEXT, channel="app") for one in taken]
    return tuple(said)


def _households(rng: np.random.Generator, persons: list[Person], members: int) -> None:
    """Let some members drive the car of another one, and some log in on the other one's device."""
    order = rng.permutation(members).tolist()
    cars, tablets = round(SHARE_A_CAR * members / 2), round(SHARE_A_TABLET * members / 2)
    for place in range(min(cars + tablets, members // 2)):
        one, other = persons[order[2 * place]], persons[order[2 * place + 1]]
        if place < cars:
            plate = one.plate or random_plate(rng)
            persons[one.number] = replace(one, plate=plate, by_car=KINDS[one.behaviour].by_car)
            persons[other.number] = replace(other, plate=plate, by_car=KINDS[other.behaviour].by_car)
        else:
            login_ms = one.login_ms
            persons[one.number] = replace(one, joins=True)
            persons[other.number] = replace(other, joins=False, login_ms=login_ms, tablet_of=one.number)
