"""What a plate may look like: formats, each a set of characters per position, as one automaton.

A pattern is a string in which `#` is a digit, `@` a letter, `{name}` one of the named `SETS`, and any other
character itself. All plates of a pattern have the same length, so that a character's position is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log

from edge_agent.plates.alphabet import DIGITS, INDEX, LETTERS, PROVINCES, UMLAUTS
from edge_agent.plates.colour import Colour


def _without(letters: str) -> str:
    return "".join(letter for letter in LETTERS if letter not in letters)


SETS = {
    "#": DIGITS,
    "@": LETTERS,
    "province": PROVINCES,
    "office": _without("I"),  # which of a province's offices issued it
    "serial": DIGITS + _without("IO"),
    "energy": "ABCDEFGHJK",  # A to E battery-electric, F to K other new energy; first D and F alone
    "army": "ABCEGHJKLNSV",
    "umlaut": LETTERS + UMLAUTS,
    "consonant": _without("AEIOU"),
    "no-ioq": _without("IOQ"),
    "no-iou": _without("IOU"),
    "no-vowel-q": _without("AEIOUQ"),
    "it": _without("IOQU"),
    "greek": "ABEHIKMNOPTXYZ",  # letters that look alike in Greek and Latin
    "cyrillic": "ABCEHIKMOPTXY",  # the same of Cyrillic
}
"""Sets of characters that patterns name."""

RARE_LETTERS = 3.0
"""Each letter beyond what a format usually has makes a text e to this power less likely."""
RARE_COLOUR = 3.0
"""So does a ground colour that plates of this format do not have."""


@dataclass(frozen=True)
class Format:
    """One way in which a country writes its plates."""

    country: str
    """ISO 3166-1 alpha-2."""
    kind: str
    """What the plate is for: `car`, `new-energy small`, `learner`, …"""
    pattern: str
    weight: float = 1.0
    """How common plates of this format are against the others: a prior, to decide between doubtful texts."""
    colours: frozenset[Colour] = frozenset()
    """Ground colours, none given: any."""
    usual_letters: int = 99
    """Most Latin letters that plates of this format usually have."""

    @cached_property
    def positions(self) -> tuple[str, ...]:
        """The characters allowed at each position."""
        found: list[str] = []
        rest = self.pattern
        while rest:
            if rest[0] == "{":
                name, _, rest = rest[1:].partition("}")
                found.append(SETS[name])
            else:
                found.append(SETS.get(rest[0], rest[0]))
                rest = rest[1:]
        return tuple(found)

    def log_prior(self, text: str, colour: Colour) -> float:
        """Natural logarithm of how likely `text` is before it is seen, but for a constant."""
        letters = sum(character in LETTERS for character in text)
        prior = log(self.weight) - RARE_LETTERS * max(0, letters - self.usual_letters)
        odd = bool(self.colours) and colour is not Colour.UNKNOWN and colour not in self.colours
        return prior - RARE_COLOUR * odd


class Grammar:
    """All formats a reader expects, as a deterministic automaton over symbols; state 0 is the start."""

    def __init__(self, formats: Iterable[Format]) -> None:
        self.formats: Sequence[Format] = tuple(formats)
        self.steps: list[dict[int, int]] = []
        """Of each state: the symbols that may follow, and the state each leads to."""
        self.accepts: list[tuple[int, ...]] = []
        """Of each state: the formats (indices) that are complete there."""
        self._build()

    def _build(self) -> None:
        """Powerset construction: a state is the formats that are still possible after so many characters."""
        start = (0, tuple(range(len(self.formats))))
        numbers = {start: 0}
        queue = [start]
        for depth, alive in queue:
            following: dict[int, list[int]] = {}
            for format_ in alive:
                positions = self.formats[format_].positions
                for character in positions[depth] if depth < len(positions) else "":
                    following.setdefault(INDEX[character], []).append(format_)
            step: dict[int, int] = {}
            for symbol, possible in sorted(following.items()):
                state = (depth + 1, tuple(possible))
                if state not in numbers:
                    numbers[state] = len(numbers)
                    queue.append(state)
                step[symbol] = numbers[state]
            self.steps.append(step)
            self.accepts.append(tuple(f for f in alive if len(self.formats[f].positions) == depth))

    def walk(self, text: str) -> list[int] | None:
        """The states that `text` passes, the start included; None if no plate begins with it."""
        states = [0]
        for character in text:
            following = self.steps[states[-1]].get(INDEX.get(character, -1))
            if following is None:
                return None
            states.append(following)
        return states

    def formats_of(self, text: str) -> list[Format]:
        """The formats that `text` is a plate of, none if it is no plate."""
        states = self.walk(text)
        return [] if states is None else [self.formats[index] for index in self.accepts[states[-1]]]

    def best_format(self, text: str, colour: Colour = Colour.UNKNOWN) -> tuple[Format, float]:
        """The likeliest format of the plate `text` on a ground of `colour`, and its `Format.log_prior`.

        Raises:
            ValueError: `text` is no plate.

        """
        found = [(format_, format_.log_prior(text, colour)) for format_ in self.formats_of(text)]
        return max(found, key=lambda pair: pair[1])
