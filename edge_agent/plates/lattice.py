"""Reading a lattice with a grammar: the text that the recogniser saw, if what it saw is a plate.

A recogniser trained with connectionist temporal classification (CTC; Graves et al., ICML 2006) gives, for
each of T steps from left to right, the probability of each character and of "no new character" (the blank).
A text's probability is the sum over all ways to spread it over the steps. `Decoder.search` finds the
likeliest texts that the grammar allows with a prefix beam search (Hannun et al., 2014, algorithm 1) that
walks the grammar's automaton; `Decoder.score` gives the probability of given texts.

What a step says of characters that the grammar does not allow at that position is not lost: a share of it
goes to the allowed ones that look alike (O to 0, say), a little to all others, and so does what it says of
characters that are on no plate. So one step that is sure of an impossible character cannot rule out a plate.
"""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import numpy.typing as npt

from edge_agent.plates.alphabet import ALIKE, INDEX, SAME, SYMBOLS
from edge_agent.plates.grammar import Grammar

Lattice = npt.NDArray[np.float32]
"""(T, 2 + len(SYMBOLS)) probabilities of a step: blank, each symbol, then all other characters together."""

BEAM = 8
TO_SAME = 0.9
"""Share of an impossible letter's probability that goes to the digit that is drawn the same."""
TO_ALIKE = 0.1
"""Share of an impossible character's probability that goes to each one that it is easily mistaken for."""
TO_ANY = 0.001
"""The same for every other one."""
FLOOR = 1e-6
"""No step is surer than this."""
_NEGLIGIBLE = 1e-3
"""A character less likely than this at a step starts no new text there."""
_HOPELESS = 3e-4
"""Nor does one that makes a text this much less likely than the likeliest one so far."""
_TINY = 1e-300


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

    def search(self, lattice: Lattice, beam: int = BEAM) -> list[str]:
        """The likeliest plates in `lattice`, best first; none if nothing like a plate is there."""
        emissions = self._emissions(lattice)
        blanks = np.maximum(lattice[:, 0], FLOOR).tolist()
        # Of each text begun: the probabilities that the steps so far end in a blank, and in its last one.
        begun: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}
        places: dict[tuple[int, ...], tuple[int, int]] = {(): (0, 0)}  # its state, and the set before that
        for blank, by_set in zip(blanks, emissions, strict=True):
            grown: dict[tuple[int, ...], list[float]] = {}
            likely: dict[int, list[tuple[int, float]]] = {}
            for text, (ends_blank, ends_last) in begun.items():
                state, before = places[text]
                total = ends_blank + ends_last
                kept = grown.setdefault(text, [0.0, 0.0])
                kept[0] += total * blank
                if text:
                    kept[1] += ends_last * by_set[before, text[-1]]
                allowed = int(self._set[state])
                if allowed not in likely:
                    symbols = np.flatnonzero(by_set[allowed] > _NEGLIGIBLE)
                    likely[allowed] = list(
                        zip(symbols.tolist(), by_set[allowed, symbols].tolist(), strict=True)
                    )
                for symbol, probability in likely[allowed]:
                    gained = (ends_blank if text and text[-1] == symbol else total) * probability
                    if gained < _HOPELESS:
                        continue
                    longer = (*text, symbol)
                    if longer not in places:
                        places[longer] = (self.grammar.steps[state][symbol], allowed)
                    grown.setdefault(longer, [0.0, 0.0])[1] += gained
            best = sorted(grown.items(), key=lambda item: -sum(item[1]))[:beam]
            scale = sum(best[0][1])
            begun = {text: (ends[0] / scale, ends[1] / scale) for text, ends in best}
        accepts = self.grammar.accepts
        return ["".join(SYMBOLS[symbol] for symbol in text) for text in begun if accepts[places[text][0]]]

    def score(self, lattice: Lattice, texts: Sequence[str]) -> npt.NDArray[np.float64]:
        """(N,) natural logarithms of the probabilities of N `texts` of the grammar: CTC's forward algorithm.

        Raises:
            ValueError: a text is not of the grammar.

        """
        emissions = self._emissions(lattice)
        nodes = 2 * max(map(len, texts)) + 1  # a blank, a character, a blank, …
        path = np.zeros((len(lattice), len(texts), nodes))
        path[:, :, 0::2] = np.maximum(lattice[:, :1, None], FLOOR)
        skips = np.zeros((len(texts), nodes))  # from a character straight to the next, where they differ
        last = np.array([2 * len(text) for text in texts])
        for row, text in enumerate(texts):
            states = self.grammar.walk(text)
            if states is None:
                raise ValueError("a text to be scored is not of the grammar")
            symbols = [INDEX[character] for character in text]
            path[:, row, 1 : last[row] : 2] = emissions[:, self._set[states[:-1]], symbols]
            skips[row, 3 : last[row] : 2] = np.diff(symbols) != 0
        alpha = np.zeros((len(texts), nodes))
        alpha[:, :2] = path[0, :, :2]
        logarithms = np.zeros(len(texts))
        for step in path[1:]:
            total = alpha.sum(1, keepdims=True)
            logarithms += np.log(total[:, 0])
            alpha /= total
            moved = alpha.copy()
            moved[:, 1:] += alpha[:, :-1]
            moved[:, 2:] += skips[:, 2:] * alpha[:, :-2]
            alpha = moved * step
        rows = np.arange(len(texts))
        return np.asarray(logarithms + np.log(alpha[rows, last] + alpha[rows, last - 1] + _TINY))

    def _emissions(self, lattice: Lattice) -> npt.NDArray[np.float64]:
        """(T, sets, symbols) probabilities of symbols at a step where the grammar allows that set."""
        symbols = lattice[:, None, 1:-1] * self._allowed
        lost = lattice[:, None, 1:-1] - symbols
        alike = (lost.reshape(-1, lost.shape[-1]) @ self._mixing).reshape(lost.shape) * self._allowed
        elsewhere = lost.sum(-1, keepdims=True) + lattice[:, None, -1:]
        mixed = symbols + alike + (TO_ANY * elsewhere + FLOOR) * self._allowed
        return np.asarray(mixed, np.float64)


def _mixing() -> npt.NDArray[np.float32]:
    """(symbols, symbols) the share of a character's probability that goes to each one it is mistaken for."""
    mixing = np.zeros((len(SYMBOLS), len(SYMBOLS)), np.float32)
    for group in ALIKE:
        for first, second in permutations(group, 2):
            mixing[INDEX[first], INDEX[second]] = TO_ALIKE
    for letter, digit in SAME:
        mixing[INDEX[letter], INDEX[digit]] = TO_SAME
    return mixing
