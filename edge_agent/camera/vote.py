"""One string from many readings of one plate: whole strings are voted on, weighted by calibrated confidence.

A reading of one picture says how likely each string is. Were pictures independent, probabilities would be
multiplied (Bayes' rule with even odds for all plates). They are not: dirt, a shadow or a bent plate is in
all of them. So the sum of logarithms is tempered: n pictures count as much as `1 + TEMPER (n - 1)`
independent ones would, and a share `COMMON` of all plates is believed to be misread in every picture. A
single picture keeps its own confidence. Both numbers are learnt by least log loss on drawn plates
(`benchmarks/lane.py`).
"""

from collections.abc import Iterable
from math import exp, log
from typing import NamedTuple

TEMPER = 0.1
COMMON = 0.0005
ELSEWHERE = 2.0
"""Among so many strings a reading shares what it leaves for strings that it does not name."""
LEAST = 1e-6
MOST_STRINGS = 24
"""Strings that are followed; of a plate that is read differently in each picture, the likeliest."""

MOST_TOLD = 8

Candidates = tuple[tuple[str, float], ...]


class Ballot(NamedTuple):
    """What one picture says: strings with their probabilities, likeliest first."""

    named: dict[str, float]

    @property
    def elsewhere(self) -> float:
        """What is left for strings that it does not name."""
        return max(1.0 - sum(self.named.values()), LEAST)

    @classmethod
    def of(cls, text: str, confidence: float, alternatives: Iterable[tuple[str, float]] = ()) -> "Ballot":
        """Take a reading; what adds up to more than 1 is scaled down."""
        named = {other: float(p) for other, p in alternatives if p > LEAST and other}
        named[text] = float(confidence)
        total = sum(named.values())
        return cls({one: p / max(total, 1.0) for one, p in named.items()})


class Votes:
    """What the pictures of one track say together."""

    def __init__(self, *, temper: float = TEMPER, common: float = COMMON) -> None:
        self.count = 0
        self._temper, self._common = temper, common
        self._logs: dict[str, float] = {}
        self._unnamed = 0.0
        """Sum of logarithms of a string that no picture names."""
        self._weight = self._heaviest = 0.0

    def add(self, ballot: Ballot, weight: float = 1.0) -> None:
        """Take in a picture; a `weight` below 1 is for one that shows less."""
        unnamed = weight * log(max(ballot.elsewhere / ELSEWHERE, LEAST))
        for text in ballot.named.keys() - self._logs.keys():
            self._logs[text] = self._unnamed
        for text in self._logs:
            probability = ballot.named.get(text)
            self._logs[text] += unnamed if probability is None else weight * log(max(probability, LEAST))
        self._unnamed += unnamed
        self._weight += weight
        self._heaviest = max(self._heaviest, weight)
        self.count += 1
        if len(self._logs) > 2 * MOST_STRINGS:
            kept = sorted(self._logs, key=self._logs.__getitem__, reverse=True)[:MOST_STRINGS]
            self._logs = {text: self._logs[text] for text in kept}

    def result(self) -> Candidates:
        """Give the strings with their probabilities, likeliest first; what is missing to 1 is for others.

        Nothing where no picture was taken in.
        """
        if not self.count:
            return ()
        # The picture that shows most counts as one, whatever it shows: its confidence says that already.
        pictures = self._weight / self._heaviest
        tempered = (1 + self._temper * (pictures - 1)) / self._weight
        scores = {text: tempered * total for text, total in self._logs.items()}
        # All the strings that nobody named: as many as they are, they share what each picture left over.
        others = tempered * self._unnamed + log(ELSEWHERE)
        highest = max(*scores.values(), others)
        total = sum(exp(score - highest) for score in scores.values()) + exp(others - highest)
        sure = 1.0 if self.count == 1 else 1 - self._common
        ranked = sorted(scores.items(), key=lambda one: -one[1])
        return tuple((text, sure * exp(score - highest) / total) for text, score in ranked[:MOST_TOLD])
