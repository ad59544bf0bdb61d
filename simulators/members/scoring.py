"""How well members were matched: what the feed says in the end against who really was there. Pure functions.

*Precision*: of the events that name a member in their newest revision, those whose device was that member's
phone then. *Recall*: of the events of phones of members who agree to position analytics when it begins and
have logged in to the mall's network before it ends, those that name that member. *Found*: of these members'
true visits to zones, those that some event tells at all; *named*: those that an event with the right member
tells. Of parking the same, by the moments at which cars passed the first or the last camera. Who has taken
consent back by the end is to be in nothing, so that agreeing means: when it began, and still. A car is the
member's who named its plate, whoever drives.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple, Self

from contracts.crm import Purpose
from simulators.members.cars import CarStay
from simulators.members.casting import Visit
from simulators.members.population import Person, Population

NEAR_MS = 60_000
"""An event tells of a visit where the two overlap, give or take so much."""
PASSED_MS = 20_000
"""A camera says a passage within so long."""


class ToldVisit(NamedTuple):
    """An event of a visit or path, in its newest revision."""

    device: str
    zone: str
    began_ms: int
    ended_ms: int
    reference: str | None


class ToldStay(NamedTuple):
    """An event of a car, in its newest revision."""

    entered_ms: int | None
    left_ms: int | None
    reference: str | None


class ZoneVisit(NamedTuple):
    """Somebody of the population really visited a zone."""

    person: int
    zone: str
    enter_ms: int
    leave_ms: int


@dataclass
class MatchingScore:
    """Counts; those of several days add up."""

    events: int = 0
    """Of visits and paths."""
    named: int = 0
    right: int = 0
    """Of those named, whose device was that member's."""
    others_named: int = 0
    """Events of people who do not agree, or are no members, that name somebody: must be none."""
    allowed: int = 0
    """Events that may and should name a member."""
    recalled: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    """Of those allowed and not recalled, by cause."""
    visits_of_consenting: int = 0
    """True visits to zones of members who agree."""
    visits: int = 0
    """Of these, of those who have logged in."""
    visits_found: int = 0
    visits_named: int = 0
    car_events: int = 0
    cars_named: int = 0
    cars_right: int = 0
    stays: int = 0
    """True stays of members who agree to parking, with a plate of their own."""
    stays_named: int = 0

    def __add__(self, other: Self) -> Self:
        """Add up two stretches of time."""
        return type(self)(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    @property
    def precision(self) -> float:
        """Share of the named events that are right."""
        return self.right / max(self.named, 1)

    @property
    def recall(self) -> float:
        """Share of the events that name the member they should."""
        return self.recalled / max(self.allowed, 1)


@dataclass(frozen=True)
class Facts:
    """What is true of a stretch of time."""

    population: Population
    logged_in_ms: Mapping[int, int]
    """Of each person who has, when the phone first logged in."""
    person: Callable[[str, int, int], int | None]
    """Whose a device was in a period (`truth.Whose.person`)."""
    in_network: Callable[[str], set[int]]
    """Whose network addresses a device has held (`truth.Whose.in_network`)."""
    appearances: Sequence[Visit]
    visits: Sequence[ZoneVisit]
    stays: Sequence[CarStay]
    until_ms: int
    """When it ended."""

    def agrees(self, person: Person, purpose: Purpose, t_ms: int) -> bool:
        """Tell whether somebody agreed to something at a moment, and still did in the end."""
        return person.agrees(purpose, t_ms) and person.agrees(purpose, self.until_ms)


def score_visits(told: Iterable[ToldVisit], facts: Facts) -> MatchingScore:
    """Score events of visits and paths."""
    score, members = MatchingScore(), facts.population.persons
    joined = _joined(facts)
    tells: defaultdict[tuple[int, str], list[ToldVisit]] = defaultdict(list)
    for one in told:
        score.events += 1
        number = facts.person(one.device, one.began_ms, one.ended_ms)
        person = members[number] if number is not None and number >= 0 else None
        agrees = person is not None and facts.agrees(person, Purpose.POSITION, one.began_ms)
        right = person is not None and one.reference is not None and person.reference == one.reference
        score.named += one.reference is not None
        score.right += right
        score.others_named += one.reference is not None and not agrees
        if person is None or not agrees:
            continue
        tells[person.number, one.zone].append(one)
        if person.joins and facts.logged_in_ms.get(person.number, one.ended_ms) < one.ended_ms:
            score.allowed += 1
            score.recalled += right
            if not right:
                score.missed[_why(one, person.number, facts, joined)] += 1
    return score + _score_true(tells, facts)


def score_stays(told: Iterable[ToldStay], facts: Facts) -> MatchingScore:
    """Score events of cars."""
    score = MatchingScore()
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for member in facts.population.members:
        if member.plate is not None and member.reference is not None:
            owners[member.plate.text].append(member.reference)
    parked: defaultdict[str, list[CarStay]] = defaultdict(list)
    for stay in facts.stays:
        for reference in owners[stay.plate]:
            parked[reference].append(stay)
    names: defaultdict[str, list[ToldStay]] = defaultdict(list)
    for one in told:
        score.car_events += 1
        if one.reference is not None:
            score.cars_named += 1
            score.cars_right += any(_is(one, stay) for stay in parked[one.reference])
            names[one.reference].append(one)
    for stay in facts.stays:
        person, whose = facts.population.persons[stay.person], owners[stay.plate]
        if len(whose) == 1 and facts.agrees(person, Purpose.PARKING, stay.entered_ms):
            score.stays += 1
            score.stays_named += any(_is(one, stay) for one in names[whose[0]])
    return score


def _score_true(tells: Mapping[tuple[int, str], Sequence[ToldVisit]], facts: Facts) -> MatchingScore:
    """Score the true visits of members."""
    score = MatchingScore()
    for visit in facts.visits:
        person = facts.population.persons[visit.person]
        if not facts.agrees(person, Purpose.POSITION, visit.enter_ms):
            continue
        score.visits_of_consenting += 1
        if not person.joins or facts.logged_in_ms.get(person.number, visit.leave_ms) >= visit.leave_ms:
            continue
        score.visits += 1
        found = [
            one
            for one in tells.get((visit.person, visit.zone), ())
            if one.began_ms - NEAR_MS <= visit.leave_ms and one.ended_ms + NEAR_MS >= visit.enter_ms
        ]
        score.visits_found += bool(found)
        score.visits_named += any(one.reference == person.reference for one in found)
    return score


def _joined(facts: Facts) -> dict[int, list[Visit]]:
    joined: defaultdict[int, list[Visit]] = defaultdict(list)
    for visit in facts.appearances:
        joined[visit.person].append(visit)
    return joined


def _why(one: ToldVisit, person: int, facts: Facts, joined: Mapping[int, Sequence[Visit]]) -> str:
    """Say why an event does not name the member whose phone it is of."""
    holds = facts.in_network(one.device)
    if any(other.tablet_of == person for other in facts.population.members):
        return "two log in on one device"
    if holds - {person}:
        return "phones taken for one"
    if person in holds:
        return "not told in the end"
    there = [
        v
        for v in joined.get(person, ())
        if v.enter_s * 1000 <= one.ended_ms and v.leave_s * 1000 >= one.began_ms
    ]
    if any(visit.join_s * 1000 > one.ended_ms for visit in there):
        return "before the phone joined"
    return "another device of the same phone"


def _is(one: ToldStay, stay: CarStay) -> bool:
    """Tell whether an event speaks of a stay."""
    return (one.entered_ms is not None and abs(one.entered_ms - stay.entered_ms) < PASSED_MS) or (
        one.left_ms is not None and abs(one.left_ms - stay.left_ms) < PASSED_MS
    )
