"""What follows from the answers to a round of letters: what has arrived, what waits, and how long. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gateway.crm.delivery.backoff import pause_s
from gateway.crm.delivery.transport import Answer, Letter, Verdict

LANE_AWAY_S = 60.0
"""Longest pause of a lane whose event met a receiver that was away: it is tried again soon after."""
REFUSED_IN_ROW = 32
"""So many refusals with nothing taken in between are no longer about single events."""
REFUSED_S = 60.0
"""Longest pause of a receiver that refuses everything."""


@dataclass(frozen=True, slots=True)
class Streak:
    """What has gone wrong in a row, of one receiver."""

    failures: int = 0
    refusals: int = 0


@dataclass(frozen=True, slots=True)
class Round:
    """What to write down after a round."""

    taken: list[int] = field(default_factory=list)
    """Rows that have arrived."""
    failed: list[tuple[int, float, str]] = field(default_factory=list)
    """Rows that wait, for how many seconds, and why."""
    streak: Streak = Streak()
    pause_s: float = 0.0
    """How long the receiver as a whole is left alone."""
    problem: str | None = None
    """Why something waits; None where everything was taken."""
    gone: bool = False
    """The receiver wants nothing any more."""


def after(
    letters: Sequence[Letter], answers: Sequence[Answer], before: Streak, chance: Callable[[], float]
) -> Round:
    """Tell what follows. `chance` gives a number from 0 to 1."""
    pairs = list(zip(letters, answers, strict=True))
    taken = [letter.seq for letter, answer in pairs if answer.verdict is Verdict.TAKEN]
    away = [answer for answer in answers if answer.verdict is Verdict.AWAY]
    refused = sum(answer.verdict is Verdict.REFUSED for answer in answers)
    before = Streak() if taken else before
    streak = Streak(before.failures + 1 if away else 0, before.refusals + refused)
    rest_s = 0.0
    if away:
        asked_s = max(answer.retry_after_s for answer in away)
        rest_s = pause_s(streak.failures, chance, retry_after_s=asked_s)
    elif streak.refusals >= REFUSED_IN_ROW:
        streak = Streak(before.failures + 1, streak.refusals)
        rest_s = pause_s(streak.failures, chance, longest_s=REFUSED_S)
    return Round(
        taken,
        [
            (letter.seq, _lane_s(letter, answer, chance), answer.reason)
            for letter, answer in pairs
            if answer.verdict is not Verdict.TAKEN
        ],
        streak,
        rest_s,
        next((answer.reason for answer in answers if answer.verdict is not Verdict.TAKEN), None),
        any(answer.verdict is Verdict.GONE for answer in answers),
    )


def _lane_s(letter: Letter, answer: Answer, chance: Callable[[], float]) -> float:
    if answer.verdict is Verdict.REFUSED:
        return pause_s(letter.attempts + 1, chance, retry_after_s=answer.retry_after_s)
    return pause_s(letter.attempts + 1, chance, longest_s=LANE_AWAY_S)
