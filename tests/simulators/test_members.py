"""People who come again: the same person with the same phone, car and consents, and what they do."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from contracts.crm import IdentifierKind, Purpose
from edge_agent.members import member_digest
from simulators import mall
from simulators.arrivals import Profile
from simulators.car_park.layout import car_park_site
from simulators.members.cars import Cars
from simulators.members.casting import AGAIN_H, Casting
from simulators.members.life import live
from simulators.members.population import Population
from simulators.members.receipts import BEHAVIOURS
from simulators.members.records import Records
from simulators.members.scoring import Facts, ToldVisit, ZoneVisit, score_visits
from simulators.members.truth import Whose
from simulators.members.written import Members
from simulators.source import SimulatedSource

START_MS = round(datetime(2026, 3, 16, 12, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp()) * 1000
KEY = bytes(32)


@pytest.fixture(scope="module")
def people() -> Population:
    """Some hundred members, and others."""
    return Population.draw(members=400, others=600, start_ms=START_MS)


def source(casting: Casting | None) -> SimulatedSource:
    """Return a minute of the simulated mall."""
    return SimulatedSource(
        shoppers=60, start_ms=START_MS, duration_s=60, site=mall.site(), casting=casting,
        profile=Profile.CONSTANT,
    )  # fmt: skip


def test_the_same_seed_gives_the_same_people(people: Population) -> None:
    """And another seed gives others."""
    again = Population.draw(members=400, others=600, start_ms=START_MS)
    assert again.persons == people.persons
    assert np.array_equal(again.visits, people.visits)
    assert Population.draw(members=400, others=600, start_ms=START_MS, seed=2).persons != people.persons


def test_some_never_agree_some_to_parking_alone_and_some_take_it_back(people: Population) -> None:
    """All that consent can be is among the members, and nobody else has said anything."""
    end = [
        frozenset(purpose for purpose in Purpose if one.agrees(purpose, people.end_ms))
        for one in people.members
    ]
    assert {frozenset(), frozenset({Purpose.PARKING}), frozenset(Purpose)} <= set(end)
    assert any(not said.given for one in people.members for said in one.consents)
    assert any(people.start_ms < said.t_ms < people.end_ms for one in people.members for said in one.consents)
    assert not any(one.consents for one in people.persons if one.reference is None)


def test_nobody_is_there_twice_at_a_time() -> None:
    """Between two appearances of a person there are hours, in one crowd and from one to the next."""
    people = Population.draw(members=40, others=40, start_ms=START_MS)
    casting = Casting(people)
    rng = np.random.default_rng(0)
    enter = np.sort(rng.uniform(0, 4 * 86_400, 400))
    visits = [casting.cast(n, n % 5, at, at + rng.uniform(600, 9000)) for n, at in enumerate(enter.tolist())]
    found = [visit for visit in visits if visit is not None]
    assert 60 < len(found) <= people.visits.sum()
    for person in {visit.person for visit in found}:
        mine = [visit for visit in found if visit.person == person]
        for one, following in pairwise(mine):
            assert following.enter_s >= one.leave_s + AGAIN_H * 3600


def test_a_cast_phone_has_its_address_in_the_network_and_all_others_are_as_without(
    people: Population,
) -> None:
    """Who is cast is heard under the address of the population; walks do not change by it."""
    cast = source(Casting(people))
    plain = source(None)
    heard = {address for block in cast.blocks() for address in block.address}
    assert cast.cast is not None
    known = {people.persons[visit.person].phone.address for visit in cast.cast.visits.values()}
    assert sum(address.to_bytes(6, "big") in heard for address in known) > 10
    for _ in plain.blocks():
        pass
    assert np.array_equal(cast.shoppers.id, plain.shoppers.id)
    assert np.array_equal(cast.shoppers.journeys.x_m, plain.shoppers.journeys.x_m)


def test_cars_are_parked_while_their_drivers_are_there(people: Population) -> None:
    """Passages come in order of time, and every car's stay holds its person's visit."""
    crowd = source(Casting(people))
    assert crowd.cast is not None
    cars = Cars(crowd.cast, car_park_site(), start_ms=START_MS, until_ms=START_MS + 3_600_000)
    times = [passage.t_ms for passage in cars.passages()]
    assert times == sorted(times)
    assert len(cars.stays) > 5
    visits = {visit.person: visit for visit in crowd.cast.visits.values()}
    for stay in cars.stays:
        visit = visits[stay.person]
        assert stay.entered_ms < visit.enter_s * 1000 < visit.leave_s * 1000 < stay.left_ms


def test_what_has_become_known_is_delivered_once_and_again_with_consent(people: Population) -> None:
    """A login from before consent is said again when consent is given; digests are those of the nodes."""
    records = Records(people, KEY)
    before, after = records.until(START_MS), records.until(people.end_ms)
    assert not records.until(people.end_ms)
    assert all(said.t_ms <= START_MS for _, said in before.consents)
    assert all(said.t_ms > START_MS for _, said in after.consents)
    late = next(
        one
        for one in people.members
        if one.login_ms and one.tablet_of is None
        and any(s.given and s.purpose is Purpose.POSITION and s.t_ms > START_MS for s in one.consents)
    )  # fmt: skip
    digest = member_digest(KEY, late.phone.address.to_bytes(6, "big"))
    for delivery in (before, after):
        found = [one for one in delivery.identifiers if one.reference == late.reference]
        assert [one.digest for one in found if one.kind is IdentifierKind.WIFI] == [digest]


def test_months_of_life_show_what_was_planted(people: Population) -> None:
    """Who lives nearby comes most often; groceries and discounts go to those who come for them."""
    site = mall.site()
    life = live(site, people.members, start_ms=START_MS - 43_200_000, days=56)
    visits = np.bincount(life.type[life.visits.person]) / np.bincount(life.type)
    of_type = life.type[life.sales.person]
    discounted = [np.mean(life.sales.discount[of_type == kind] > 0) for kind in range(len(BEHAVIOURS))]
    grocery = np.array([category == "grocery" for category in life.categories])[life.sales.shop]
    groceries = [np.mean(grocery[of_type == kind]) for kind in range(len(BEHAVIOURS))]
    assert BEHAVIOURS[int(np.argmax(visits))] == "lives-nearby"
    assert BEHAVIOURS[int(np.argmax(discounted))] == "price-sensitive"
    assert BEHAVIOURS[int(np.argmax(groceries))] == "grocery"


def test_whose_a_device_was_follows_what_was_decided() -> None:
    """Frames count for the device an address was in then; who sent most of them has carried it."""
    whose = Whose()
    whose.hear(30_000, ["a", "a", "b"])
    whose.decide(["b"], ["a"])
    whose.settle(300_000)
    whose.hear(330_000, ["b", "c"])
    whose.settle(900_000)
    whose.reveal({"a": 7, "b": 8, "c": 9}, {"b": 8})
    assert whose.person("a", 0, 60_000) == 7
    assert whose.person("a", 300_000, 360_000) == 8
    assert whose.person("a", 600_000, 700_000) is None
    assert whose.in_network("a") == {8}


def test_a_wrong_name_and_a_name_of_somebody_who_never_agreed_are_counted(people: Population) -> None:
    """The score tells right from wrong: it is no score that cannot fail."""
    agrees = next(
        p for p in people.members if p.agrees(Purpose.POSITION, START_MS) and p.joins and p.login_ms
    )
    never = next(p for p in people.members if not p.consents)
    carried = {"d1": agrees.number, "d2": never.number, "d3": -5}
    facts = Facts(
        population=people,
        logged_in_ms={agrees.number: 0},
        person=lambda device, _from_ms, _to_ms: carried[device],
        in_network=lambda _device: set(),
        appearances=[],
        visits=[ZoneVisit(agrees.number, "shop", START_MS, START_MS + 60_000)],
        stays=[],
        until_ms=START_MS,
    )
    told = [
        ToldVisit(device, "shop", START_MS, START_MS + 60_000, name)
        for device, name in (("d1", agrees.reference), ("d1", None), ("d2", agrees.reference), ("d3", None))
    ]
    score = score_visits(told, facts)
    assert (score.events, score.named, score.right, score.others_named) == (4, 2, 1, 1)
    assert (score.allowed, score.recalled, score.visits, score.visits_named) == (2, 1, 1, 1)
    assert score.missed == {"another device of the same phone": 1}


def test_members_are_written_as_files(tmp_path: Path) -> None:
    """What the systems deliver and who it was stand in one folder; no address and no plate does."""
    site = mall.site()
    members = Members(site, members=60, others=60, start_ms=START_MS, days=0.1)
    crowd = SimulatedSource(
        shoppers=40, start_ms=START_MS, duration_s=60, site=site, profile=Profile.CONSTANT,
        casting=members.casting, tills=members.tills,
    )  # fmt: skip
    for _ in crowd.blocks():
        pass
    assert crowd.cast is not None
    members.write(tmp_path, crowd.cast, KEY, START_MS + 60_000)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *("truth_members.csv", "truth_appearances.csv"),
        *("consents.jsonl", "identifiers.csv", "sales.csv"),
    }
    text = "".join(path.read_text(encoding="utf-8") for path in tmp_path.iterdir())
    assert text.count("m-") > 60
    for one in members.population.members:
        assert one.plate is None or one.plate.text not in text
        assert f"{one.phone.address:012x}" not in text.lower()
