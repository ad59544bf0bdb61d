"""Reading lattices with a grammar: brute force, look-alikes, doubtful characters, text that is no plate."""

from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.plates.alphabet import INDEX, SYMBOLS
from edge_agent.plates.china import CHINA
from edge_agent.plates.grammar import Format, Grammar
from edge_agent.plates.lattice import Decoder, Lattice

CHINESE = Decoder(Grammar(CHINA))
SMALL = Decoder(Grammar([Format("XX", "car", "A#"), Format("XX", "car", "#A")]))
BLANK, OTHER = "_", "?"


def lattice(*steps: dict[str, float]) -> Lattice:
    """A lattice of these steps; what they leave is a blank's."""
    rows = np.zeros((len(steps), len(SYMBOLS) + 2), np.float32)
    for row, step in zip(rows, steps, strict=True):
        for character, probability in step.items():
            row[-1 if character == OTHER else 1 + INDEX[character]] = probability
        row[0] = 1 - row[1:].sum()
    return rows


def spelled(text: str, sure: float = 0.95) -> Lattice:
    """A lattice that says `text`, with blanks between and within."""
    steps: list[dict[str, float]] = [{}]
    for character in text:
        steps += [{character: sure}, {character: sure / 2}, {}]
    return lattice(*steps)


@st.composite
def chinese(draw: st.DrawFn) -> str:
    """A Chinese plate of any kind."""
    positions = draw(st.sampled_from(CHINA)).positions
    return "".join(draw(st.sampled_from(sorted(allowed))) for allowed in positions)


@given(chinese())
def test_what_is_spelled_is_read(text: str) -> None:
    """A plate that is plainly there comes first, with a probability near what its characters have."""
    seen = spelled(text)
    assert CHINESE.search(seen)[0] == text
    assert CHINESE.score(seen, [text])[0] > -1.0


@given(st.lists(st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4), min_size=2, max_size=5))
def test_scores_are_sums_over_all_paths(weights: list[list[float]]) -> None:
    """The forward algorithm equals adding up every way to spread a text over the steps."""
    steps = []
    for row in weights:
        total = sum(row)
        steps.append({"A": row[0] / total, "1": row[1] / total, "2": row[2] / total})
    seen = lattice(*steps)
    texts = ["A1", "A2", "1A", "2A"]
    summed = dict.fromkeys(texts, 0.0)
    symbols = {"A": 1 + INDEX["A"], "1": 1 + INDEX["1"], "2": 1 + INDEX["2"], BLANK: 0}
    for path in product(symbols, repeat=len(seen)):
        text = "".join(character for character, _ in groupby(path) if character != BLANK)
        if text in summed:
            summed[text] += float(np.prod([seen[step, symbols[c]] for step, c in enumerate(path)]))
    scores = np.exp(SMALL.score(seen, texts))
    # What a step says of impossible characters is shared out: a score is never less than the plain sum.
    assert all(score >= 0.999 * summed[text] for text, score in zip(texts, scores, strict=True))


def test_scores_of_possible_characters_are_exact() -> None:
    """Where every character that is seen is allowed, nothing is shared out."""
    seen = lattice({"A": 0.9}, {"1": 0.6, "2": 0.3})
    assert np.exp(SMALL.score(seen, ["A1", "A2"])) == pytest.approx([0.54, 0.27], rel=1e-3)


@pytest.mark.parametrize(("seen", "meant"), [("粤AO123I", "粤A01231"), ("粤AB123O", "粤AB1230")])
def test_look_alikes_are_read_as_what_may_stand_there(seen: str, meant: str) -> None:
    """An O in a serial number is a zero, an I a one."""
    assert CHINESE.search(spelled(seen))[0] == meant


def test_a_character_that_is_on_no_plate_does_not_hide_the_others() -> None:
    """One strange character costs certainty; the rest is read, all provinces stay possible."""
    seen = np.concatenate([lattice({OTHER: 0.9, "湘": 0.02}), spelled("A12345")])
    assert "湘A12345" in CHINESE.search(seen)
    assert CHINESE.score(seen, ["湘A12345"])[0] < CHINESE.score(spelled("湘A12345"), ["湘A12345"])[0] - 2


@pytest.mark.parametrize("text", ["SALE50", "2026", "出口", "粤A123", "18:23:04"])
def test_text_that_is_no_plate_is_unlikely(text: str) -> None:
    """Other text gives no plate, or one whose probability says that something else is written there."""
    seen = spelled("".join(character for character in text if character in SYMBOLS))
    found = CHINESE.search(seen)
    assert not found or CHINESE.score(seen, found[:1])[0] < -6


def test_a_text_that_is_no_plate_is_not_scored() -> None:
    """Asking for the score of what the grammar excludes is a mistake, and said to be one."""
    with pytest.raises(ValueError, match="grammar"):
        CHINESE.score(spelled("粤A12345"), ["SALE50"])


@given(st.integers(0, 2**32 - 1), st.integers(1, 24))
def test_noise_is_decoded_without_trouble(seed: int, steps: int) -> None:
    """Whatever a recogniser says, what is found is of the grammar, each text once."""
    noise = np.random.default_rng(seed).dirichlet(np.full(len(SYMBOLS) + 2, 0.1), steps).astype(np.float32)
    found = CHINESE.search(noise)
    assert len(set(found)) == len(found)
    assert all(CHINESE.grammar.formats_of(text) for text in found)
    if found:
        assert (CHINESE.score(noise, found) <= 1e-6).all()
