"""Votes over the readings of one plate: what adds up, what does not, and how sure it gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.camera.vote import COMMON, Ballot, Votes

TEXTS = st.text("AB12", min_size=1, max_size=3)
BALLOTS = st.builds(
    Ballot.of, TEXTS, st.floats(0.01, 1), st.lists(st.tuples(TEXTS, st.floats(0, 1)), max_size=4)
)


def votes(*ballots: Ballot, weight: float = 1.0) -> Votes:
    """Take them all in."""
    found = Votes()
    for ballot in ballots:
        found.add(ballot, weight)
    return found


@given(st.lists(st.tuples(BALLOTS, st.floats(0.05, 1)), min_size=1, max_size=60))
def test_probabilities_are_probabilities(cast: list[tuple[Ballot, float]]) -> None:
    """Whatever is voted, they lie between 0 and 1, add up to at most 1, and come likeliest first."""
    under_test = Votes()
    for ballot, weight in cast:
        under_test.add(ballot, weight)
    result = [probability for _, probability in under_test.result()]
    assert 0 < len(result) <= 8
    assert all(0 <= p <= 1 for p in result)
    assert sum(result) <= 1 + 1e-9
    assert result == sorted(result, reverse=True)


@given(st.floats(0.05, 0.999))
def test_one_picture_keeps_its_confidence(confidence: float) -> None:
    """Nothing is made of it that was not in it."""
    result = dict(votes(Ballot.of("A1", confidence, [("B1", (1 - confidence) / 2)])).result())
    assert result["A1"] == pytest.approx(confidence)
    assert result["B1"] == pytest.approx((1 - confidence) / 2)


def test_readings_that_agree_make_surer_and_never_quite_sure() -> None:
    """Each more of them adds less: some plates are misread in every picture."""
    sure = [votes(*[Ballot.of("A1", 0.7, [("B1", 0.2)])] * n).result()[0][1] for n in (1, 2, 5, 40)]
    assert sure == sorted(sure)
    assert sure[0] == pytest.approx(0.7)
    assert 0.9 < sure[-1] <= 1 - COMMON


def test_the_whole_string_wins_not_the_letters_of_several() -> None:
    """Two sure pictures outvote three unsure ones that disagree among themselves."""
    good = Ballot.of("浙A12345", 0.97)
    bad = [Ballot.of(f"浙A1234{c}", 0.5, [("浙A12345", 0.2)]) for c in "678"]
    assert votes(good, *bad, good).result()[0][0] == "浙A12345"


def test_a_small_plate_counts_less() -> None:
    """Many far pictures that say one thing do not beat a few near ones that say another."""
    under_test = Votes()
    for _ in range(6):
        under_test.add(Ballot.of("浙ND80747", 0.8, [("浙MD80747", 0.1)]), 0.1)
    for _ in range(2):
        under_test.add(Ballot.of("浙MD80747", 0.99), 1.0)
    text, sure = under_test.result()[0]
    assert text == "浙MD80747"
    assert sure > 0.9


def test_a_string_that_comes_late_is_not_at_a_disadvantage() -> None:
    """Order does not matter, also for strings that early pictures did not name."""
    cast = [Ballot.of("A1", 0.6), Ballot.of("B1", 0.9), Ballot.of("B1", 0.9, [("A1", 0.05)])]
    forwards, backwards = dict(votes(*cast).result()), dict(votes(*cast[::-1]).result())
    assert forwards == pytest.approx(backwards)


def test_the_number_of_strings_is_bounded() -> None:
    """A grille that is read differently in each of a thousand pictures costs no memory."""
    under_test = votes(*[Ballot.of(f"X{n}", 0.3) for n in range(1000)], Ballot.of("A1", 0.9))
    assert len(under_test._logs) < 100
    assert under_test.result()[0][1] < 0.9
    assert Votes().result() == ()
