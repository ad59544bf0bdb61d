"""How long to wait before the next try: exponential backoff with full jitter.

After Brooker, "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): a uniform pause between nothing
and a ceiling that doubles, so that what failed together does not come back together.
"""

from collections.abc import Callable
from datetime import UTC
from email.utils import parsedate_to_datetime

BASE_S = 1.0
"""Ceiling after the first failure."""
LONGEST_S = 900.0
"""Ceiling at most: who comes back after days is noticed within a quarter of an hour."""
LONGEST_RETRY_AFTER_S = 3600.0
"""What a receiver may ask for at most."""
PATIENCE_MS = 3 * 24 * 3_600_000
"""How long an event is tried."""


def ceiling_s(failures: int, longest_s: float = LONGEST_S) -> float:
    """Return the longest pause after so many failures in a row (1 = the first)."""
    return float(min(longest_s, BASE_S * 2 ** min(max(0, failures - 1), 30)))


def pause_s(
    failures: int, chance: Callable[[], float], *, retry_after_s: float = 0.0, longest_s: float = LONGEST_S
) -> float:
    """Return how long to wait after so many failures in a row; at least what the receiver asks for.

    `chance` gives a number from 0 to 1, like `random.random`.
    """
    return max(chance() * ceiling_s(failures, longest_s), min(retry_after_s, LONGEST_RETRY_AFTER_S))


def read_retry_after(text: str | None, now_s: float) -> float:
    """Return the seconds that a header `Retry-After` asks for (RFC 9110, 10.2.3: seconds, or a date).

    0 where there is none, or it cannot be read.
    """
    if text is None or len(text) > 64:
        return 0.0
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return 0.0
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - now_s)
