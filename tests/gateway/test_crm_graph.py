"""The identity graph: evidence weighed, conflicts shown, merges undone without a trace."""

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.crm import IdentifierKind
from gateway.crm.identity.graph import Claim, Verdict, graph, weigh
from gateway.crm.merging import Merge, names

PERSONS = ["a", "b", "c", "d", "e"]
claims = st.lists(
    st.builds(
        Claim,
        person=st.sampled_from(PERSONS),
        kind=st.sampled_from([IdentifierKind.WIFI, IdentifierKind.PLATE]),
        digest=st.sampled_from(["1" * 32, "2" * 32]),
        evidence=st.sampled_from(["login", "form"]),
        confidence=st.floats(0.0, 1.0),
    ),
    max_size=12,
)
pairs = st.lists(st.sampled_from(PERSONS), min_size=2, max_size=2, unique=True)
merges = st.lists(pairs.map(lambda pair: Merge(*pair)), max_size=6)


def verdict(*said: tuple[str, str, float], merged: Sequence[Merge] = ()) -> Verdict:
    """Whose a phone is, by claims of (person, evidence, confidence)."""
    wifi = IdentifierKind.WIFI
    return weigh([Claim(p, wifi, "1" * 32, evidence, c) for p, evidence, c in said], names(merged))


def test_one_claim_is_as_sure_as_it_says() -> None:
    """One claim's confidence comes out as it went in; two of different kinds multiply their odds."""
    assert verdict(("a", "login", 0.9)).confidence == pytest.approx(0.9)
    both = verdict(("a", "login", 0.9), ("a", "form", 0.8))
    assert both.confidence == pytest.approx(36 / 37)  # 9 * 4 to one
    assert (both.person, both.shares[0].evidence) == ("a", ("form", "login"))


def test_saying_it_twice_adds_nothing() -> None:
    """Of one kind of evidence the strongest counts, however often it is said."""
    assert verdict(("a", "login", 0.9), ("a", "login", 0.7)) == verdict(("a", "login", 0.9))


def test_one_half_says_nothing_and_less_speaks_against() -> None:
    """Weak claims make nobody of somebody, and that is no conflict: there is nobody else."""
    assert verdict(("a", "login", 0.9), ("a", "form", 0.5)).confidence == pytest.approx(0.9)
    doubted = verdict(("a", "login", 0.6), ("a", "form", 0.2))
    assert (doubted.person, doubted.conflict) == (None, False)


def test_what_two_share_is_nobodys() -> None:
    """A family's tablet is a conflict that names both; who is far likelier has it."""
    family = verdict(("a", "login", 0.99), ("b", "login", 0.98))
    assert (family.person, family.conflict) == (None, True)
    assert [share.person for share in family.shares] == ["a", "b"]
    guest = verdict(("a", "login", 0.99), ("b", "form", 0.6))
    assert (guest.person, guest.conflict) == ("a", False)
    assert guest.confidence == pytest.approx(99 / (1 + 99 + 1.5))


def test_a_merge_solves_a_conflict() -> None:
    """Two references of one person do not compete, and their common evidence counts once."""
    one = verdict(("a", "login", 0.99), ("b", "login", 0.98), merged=[Merge("a", "b")])
    assert one.person == "b"
    assert one.confidence == pytest.approx(0.99)


def test_who_goes_on_goes_on_further() -> None:
    """Whoever is merged into somebody that was merged goes on as that one does; newer merges decide."""
    assert names([Merge("a", "b"), Merge("c", "a")]) == {"a": "b", "b": "b", "c": "b"}
    assert names([Merge("a", "b"), Merge("a", "c")]) == {"a": "c", "b": "c", "c": "c"}
    assert names([Merge("a", "b"), Merge("b", "a")]) == {"a": "b", "b": "b"}


def plain_names(made: Sequence[Merge]) -> dict[str, str]:
    """Say the same as `names`, by lists of everybody who is one, the name first."""
    groups: list[list[str]] = []
    for merge in made:
        mine = next((g for g in groups if merge.person in g), [merge.person])
        theirs = next((g for g in groups if merge.into in g), [merge.into])
        if mine is not theirs:
            groups = [g for g in groups if g is not mine and g is not theirs] + [theirs + mine]
    return {person: group[0] for group in groups for person in group}


@given(merges)
def test_union_find_is_what_lists_of_everybody_say(made: list[Merge]) -> None:
    """The fast way and the plain way agree on who is one, and on who they go on as."""
    assert names(made) == plain_names(made)


@given(claims, merges, st.integers(0, 100))
def test_the_order_of_claims_makes_no_difference(said: list[Claim], made: list[Merge], seed: int) -> None:
    """To the last digit: whoever imports first, the graph is the same, and so it is when said twice."""
    mixed = [*said, *said]
    random.Random(seed).shuffle(mixed)
    assert graph(mixed, names(made)) == graph(said, names(made))


@given(claims, merges)
def test_probabilities_are_probabilities(said: list[Claim], made: list[Merge]) -> None:
    """They add up to less than one; the rest is for nobody. A person has it only where none is near."""
    for one in graph(said, names(made)).values():
        assert sum(share.probability for share in one.shares) < 1.0
        if one.person is not None:
            assert one.confidence >= 0.5
            assert all(10 * other.probability <= one.confidence for other in one.shares[1:])
