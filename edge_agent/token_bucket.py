"""A limit on how often something is done: a token bucket in real time."""

import time
from collections.abc import Callable


class TokenBucket:
    """Lets `rate_hz` a second through on the average, and a second's worth at once; None = all."""

    def __init__(self, rate_hz: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate_hz = rate_hz
        self._clock = clock
        self._most = max(rate_hz or 0.0, 1.0)
        self._tokens = self._most
        self._filled_s = clock()

    def allows(self) -> bool:
        """Tell whether one may go now."""
        if self._rate_hz is None:
            return True
        now_s = self._clock()
        self._tokens = min(self._tokens + (now_s - self._filled_s) * self._rate_hz, self._most)
        self._filled_s = now_s
        return self._tokens >= 1.0

    def take(self) -> None:
        """Say that one has gone."""
        self._tokens -= 1.0

    def wait_s(self) -> float:
        """Give the seconds until the next may go; 0 where it may now."""
        return 0.0 if self.allows() or self._rate_hz is None else (1.0 - self._tokens) / self._rate_hz
