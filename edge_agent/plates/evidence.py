"""What several looks at one plate say together: texts, and how well each explains what was seen.

A plate is shown to the recogniser of any text in several ways, and to that of plates as a second opinion.
Looks of one recogniser are averaged as probabilities, since each is right or wrong as a whole; the second
opinion, which knows fewer provinces well, counts by `SECOND_OPINION`. A plate that may have two lines is
read both ways; the better one holds.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_agent.plates.colour import Colour
from edge_agent.plates.lattice import Decoder, Lattice

SECOND_OPINION = 0.3
"""Weight of what the second recogniser says, as a power of its probabilities (docs/plates.md)."""
TWO_LINES = 2.0
"""Plates with two lines are e to this power rarer than those with one, among plates of their shape."""
SOMETHING_ELSE = -10.0
"""Natural logarithm of how well the thought that something else is written there explains any plate."""
_TAKEN = 6
"""Texts taken from one lattice."""

Logs = npt.NDArray[np.float64]


class Seen(NamedTuple):
    """The lattices of one way to read a plate: as one line or as two."""

    text: Sequence[Lattice]
    """Of the recogniser of any text, one a look."""
    plate: Sequence[Lattice]
    """Of the recogniser of plates."""
    lines: int


class Evidence(NamedTuple):
    """N texts, likeliest first."""

    texts: list[str]
    shares: Logs
    """(N,) relative probabilities; what they leave is for texts that are not among them."""
    by_text: Logs
    """(N,) natural logarithms of what the recogniser of any text gives each, whatever else there might be."""


def weigh(decoder: Decoder, ways: Sequence[Seen], colour: Colour) -> Evidence | None:
    """Put together what was seen of a plate on a ground of `colour`; None if it is like no plate at all."""
    texts = sorted({text for lattice in _lattices(ways) for text in decoder.search(lattice)[:_TAKEN]})
    if not texts:
        return None
    prior = np.array([decoder.grammar.best_format(text, colour)[1] for text in texts])
    by_text = np.array([_mean([decoder.score(lattice, texts) for lattice in way.text]) for way in ways])
    by_plate = np.array([_mean([decoder.score(lattice, texts) for lattice in way.plate]) for way in ways])
    rarity = np.array([TWO_LINES * (way.lines - 1) for way in ways])
    totals = by_text + SECOND_OPINION * by_plate - rarity[:, None]
    way_of = totals.argmax(0)
    columns = np.arange(len(texts))
    total = totals[way_of, columns] + prior
    order = np.argsort(-total, kind="stable")
    shares = np.exp(total[order] - np.logaddexp(np.logaddexp.reduce(total), SOMETHING_ELSE))
    return Evidence([texts[index] for index in order], shares, by_text[way_of, columns][order])


def _lattices(ways: Sequence[Seen]) -> Iterator[Lattice]:
    for way in ways:
        yield from way.text
        yield from way.plate


def _mean(logs: Sequence[Logs]) -> Logs:
    """The logarithm of the mean of probabilities that are given as logarithms."""
    return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(len(logs)))
