"""What a plate may look like: formats, each a set of characters per position, as one automaton.

A format is written as a pattern in which `{name}` stands for a set of `SETS` and any other character for itself;
`{name}` followed by `{lo,hi}` as in regular expressions is written as two formats instead: patterns have one
length each, so that the automaton is a tree and a character's position is known.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from edge_agent.plates.alphabet import DIGITS, INDEX, LETTERS, PROVINCES, SYMBOLS, UMLAUTS


def _without(letters: str) -> str:
    return "".join(letter for letter in LETTERS if letter not in letters)


SETS = {
    "#": DIGITS,
    "1": "123456789",
    "@": LETTERS,
    "p": PROVINCES,
    # GA 36-2018, 5.2: a serial number has no I and no O; the office's letter has no I.
    "office": _without("I"),
    "serial": DIGITS + _without("IO"),
    "energy": "ABCDEFGHJK",
    "army": "ABCEGHJKLNSV",
    "de": LETTERS + UMLAUTS,
}
"""Sets of characters that patterns name. `energy`: A to E are battery-electric cars, F to K the other new-energy
ones (in 2016 D and F alone; the Ministry of Public Security extended both in turn as the letters ran out)."""


@dataclass(frozen=True)
class Format:
    """One way in which a country writes its plates."""

    country: str
    """ISO 3166-1 alpha-2."""
    kind: str
    """What the plate is for: `car`, `new-energy`, `learner`, …"""
    pattern: str
    weight: float = 1.0
    """How common plates of this format are, against the others: a prior, only ever a tie-breaker."""

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
                found.append(SETS.get(rest[0], rest[0]) if rest[0] in "#@" else rest[0])
                rest = rest[1:]
        return tuple(found)

    def matches(self, text: str) -> bool:
        """Whether `text` is a plate of this format."""
        return len(text) == len(self.positions) and all(
            character in allowed for character, allowed in zip(text, self.positions, strict=True)
        )


class Grammar:
    """All formats a reader expects, as a deterministic automaton over `SYMBOLS`; state 0 is the start."""

    def __init__(self, formats: Iterable[Format]) -> None:
        self.formats: Sequence[Format] = tuple(formats)
        self.steps: list[dict[int, int]] = []
        """Of each state: the symbols that may follow, and the state each leads to."""
        self.accepts: list[tuple[int, ...]] = []
        """Of each state: the formats (indices) that are complete there."""
        self._build()

    def _build(self) -> None:
        """Powerset construction: a state is the set of formats that are still possible after so many characters."""
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
        """The formats that `text` is a plate of, commonest first; none if it is no plate."""
        states = self.walk(text)
        if states is None:
            return []
        found = [self.formats[index] for index in self.accepts[states[-1]]]
        return sorted(found, key=lambda format_: -format_.weight)

    def alphabet(self) -> str:
        """Every character that some format allows."""
        used = {symbol for step in self.steps for symbol in step}
        return "".join(SYMBOLS[symbol] for symbol in sorted(used))
