"""Reading a lattice with a grammar: what text did the recogniser see, if what it saw is a plate?

A recogniser trained with connectionist temporal classification (CTC; Graves et al., ICML 2006) gives, for each of T
steps from left to right, the probability of each character and of "no new character" (the blank). A text's
probability is the sum over all ways to spread it over the steps. `Decoder.search` finds the likeliest texts that
the grammar allows with a prefix beam search (Hannun et al., 2014, algorithm 1) that walks the grammar's automaton;
`Decoder.score` gives the probability of given texts.

What a step says of characters that the grammar does not allow at that position is not lost: a share of it goes to
the allowed ones that look alike (O to 0, say), a little to all others, and so does what it says of characters that
are on no plate. One step that is quite sure of an impossible character therefore cannot rule out a whole plate.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_agent.plates.alphabet import ALIKE, INDEX, SYMBOLS
from edge_agent.plates.grammar import Grammar

Lattice = npt.NDArray[np.float32]
"""(T, 2 + len(SYMBOLS)) probabilities of a step: blank, each symbol, then all other characters together."""

BEAM = 12
TO_ALIKE = 0.3
"""Share of an impossible character's probability that goes to those it is mistaken for."""
TO_ALL = 0.05
"""Share of it that is spread over all allowed characters."""
FLOOR = 1e-6
"""No step is surer than this."""
_NEGLIGIBLE = 1e-4
"""A character less likely than this at a step starts no new text there."""


class Decoder:
    """Finds and scores the texts of a grammar in lattices."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self._next = np.full((len(grammar.steps), len(SYMBOLS)), -1, np.int32)
        for state, step in enumerate(grammar.steps):
            self._next[state, list(step)] = list(step.values())
        # Many states allow the same characters: what a step says to them is worked out once for all of them.
        allowed, self._set = np.unique(self._next >= 0, axis=0, return_inverse=True)
        self._allowed = allowed.astype(np.float32)
        self._mixing = _mixing()
        self._spread = self._allowed * (TO_ALL / np.maximum(allowed.sum(1, keepdims=True), 1))

    def search(self, lattice: Lattice, beam: int = BEAM) -> list[str]:
        """The likeliest plates in `lattice`, best first; none if nothing like a plate is there."""
        emissions = self._emissions(lattice)
        blank = np.maximum(lattice[:, 0], FLOOR).astype(np.float64)
        # A prefix is (its state, its text as symbols); the probabilities that it ends in a blank and in its last.
        prefixes: dict[tuple[int, ...], list[float]] = {(): [1.0, 0.0]}
        states: dict[tuple[int, ...], tuple[int, int]] = {(): (0, -1)}
        for step in range(len(lattice)):
            grown: dict[tuple[int, ...], list[float]] = {}
            for prefix, (ends_blank, ends_last) in prefixes.items():
                state, before = states[prefix]
                total = ends_blank + ends_last
                kept = grown.setdefault(prefix, [0.0, 0.0])
                kept[0] += total * blank[step]
                if prefix:
                    kept[1] += ends_last * emissions[step, self._set[before], prefix[-1]]
                following = emissions[step, self._set[state]]
                for symbol in np.flatnonzero(following > _NEGLIGIBLE).tolist():
                    longer = (*prefix, symbol)
                    if longer not in states:
                        states[longer] = (int(self._next[state, symbol]), state)
                    source = ends_blank if prefix and prefix[-1] == symbol else total
                    grown.setdefault(longer, [0.0, 0.0])[1] += source * following[symbol]
            best = sorted(grown, key=lambda key: -sum(grown[key]))[:beam]
            scale = sum(grown[best[0]])
            prefixes = {key: [grown[key][0] / scale, grown[key][1] / scale] for key in best}
        complete = [prefix for prefix in prefixes if self.grammar.accepts[states[prefix][0]]]
        return ["".join(SYMBOLS[symbol] for symbol in prefix) for prefix in complete]

    def score(self, lattice: Lattice, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """(N,) natural logarithms of the probabilities of N `texts` of the grammar (the CTC forward algorithm)."""
        emissions = self._emissions(lattice)
        return np.array([self._forward(lattice, emissions, text) for text in texts])

    def _forward(self, lattice: Lattice, emissions: npt.NDArray[np.float64], text: str) -> float:
        states = self.grammar.walk(text)
        if states is None:
            return -np.inf
        symbols = [INDEX[character] for character in text]
        length = len(symbols)
        path = np.empty((len(lattice), 2 * length + 1))
        path[:, 0::2] = np.maximum(lattice[:, :1], FLOOR)
        path[:, 1::2] = emissions[:, self._set[states[:-1]], symbols]
        skips = np.zeros(2 * length + 1)  # from one character right to the next, where they differ
        skips[3::2] = [first != second for first, second in zip(symbols, symbols[1:], strict=False)]
        alpha = np.zeros(2 * length + 1)
        alpha[:2] = path[0, :2]
        logarithm = 0.0
        for row in path[1:]:
            total = alpha.sum()
            logarithm += np.log(total)
            alpha /= total
            moved = alpha.copy()
            moved[1:] += alpha[:-1]
            moved[2:] += skips[2:] * alpha[:-2]
            alpha = moved * row
        return float(logarithm + np.log(alpha[-1] + alpha[-2] + 1e-300))

    def _emissions(self, lattice: Lattice) -> npt.NDArray[np.float64]:
        """(T, sets, symbols) probabilities of a symbol at a step, where the grammar allows that set of symbols."""
        symbols = lattice[:, None, 1:-1] * self._allowed
        lost = lattice[:, None, 1:-1] - symbols
        alike = (lost.reshape(-1, lost.shape[-1]) @ self._mixing).reshape(lost.shape) * self._allowed
        elsewhere = lost.sum(-1, keepdims=True) + lattice[:, None, -1:]
        mixed = symbols + TO_ALIKE * alike + elsewhere * self._spread
        return (mixed + FLOOR * self._allowed).astype(np.float64)


def _mixing() -> npt.NDArray[np.float32]:
    """(symbols, symbols) the share of a character's probability that goes to each one it is mistaken for."""
    mixing = np.zeros((len(SYMBOLS), len(SYMBOLS)), np.float32)
    for group in ALIKE:
        for first in group:
            for second in group:
                if first != second:
                    mixing[INDEX[first], INDEX[second]] = 1.0
    return mixing / np.maximum(mixing.sum(1, keepdims=True), 1.0)
