"""A simulated quarter of an hour with members through pipeline and CRM: who is named, and who never is."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from contracts.crm import Purpose
from mallsense.crm_days import CrmDays, Days, first_day
from simulators.members.population import Population
from simulators.members.scoring import MatchingScore
from tests.mallsense.member_mall import member_mall


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrmDays]:
    """A quarter of an hour at noon with about a hundred visitors, two of three of them members."""
    site = member_mall()
    first = first_day(site, "2026-03-16")
    noon_ms = round((first + timedelta(hours=12)).timestamp()) * 1000
    people = Population.draw(members=120, others=60, start_ms=noon_ms, days=0.02)
    crm = CrmDays(
        Days(site, people, first, shoppers=60, opens_h=12.0, closes_h=12.25), tmp_path_factory.mktemp("crm")
    )
    crm.play(0)
    yield crm
    crm.close()


@pytest.fixture(scope="module")
def score(played: CrmDays) -> MatchingScore:
    """How well it was matched."""
    return played.score()


def test_members_who_agree_are_named_and_it_is_them(score: MatchingScore) -> None:
    """Of the visits that are told at all of members who may be named, most are told with the right name."""
    assert score.named > 50
    assert score.precision >= 0.98
    assert score.visits_named >= 0.8 * score.visits_found
    assert score.cars_named == score.cars_right > 0


def test_nobody_is_named_who_does_not_agree(played: CrmDays, score: MatchingScore) -> None:
    """No row of the feed, of visits or of stays names a member who does not agree; all rows are looked at."""
    assert played.trespasses() == 0
    agree = {
        person.reference
        for person in played.population.members
        if any(person.agrees(purpose, played.until_ms) for purpose in Purpose)
    }
    with played.gateway.crm.file.connection() as db:
        events = [json.loads(row[0]) for row in db.execute("SELECT payload FROM crm_feed")]
    named = {event["member"] for event in events if "member" in event}
    assert named
    assert named <= agree
    assert len(agree) < len(played.population.members)


def test_what_tills_sold_belongs_to_who_agreed_to_that(played: CrmDays) -> None:
    """Purchases arrive, and carry a member only where the member agrees to marketing."""
    with played.gateway.crm.file.connection() as db:
        of = [
            row[0]
            for row in db.execute("SELECT reference FROM crm_sales LEFT JOIN crm_persons USING (person)")
        ]
    people = {person.reference: person for person in played.population.members}
    known = [people[reference] for reference in of if reference is not None]
    assert len(of) == played.sales > len(known) > 0
    assert all(person.agrees(Purpose.MARKETING, played.until_ms) for person in known)
