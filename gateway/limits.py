"""How often somebody may ask what can be guessed at."""

import threading
from collections import deque

WITHIN_S = 60.0
OF_ONE, OF_ALL = 20, 200
"""Wrong guesses from one address, and from all together, within a minute."""
MOST_ADDRESSES = 10_000


class Limit:
    """Counts wrong guesses. Every method is given the time, in seconds of any steady clock."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[float]] = {}
        self._all: deque[float] = deque(maxlen=OF_ALL)
        self._lock = threading.Lock()

    def wait_s(self, address: str, now_s: float) -> float:
        """How long this address has to wait; 0 = not at all."""
        with self._lock:
            own = self._wrong.get(address, deque())
            waits = [
                times[0] + WITHIN_S - now_s
                for times, most in ((own, OF_ONE), (self._all, OF_ALL))
                if len(times) == most
            ]
            return max(0.0, *waits, 0.0)

    def wrong(self, address: str, now_s: float) -> None:
        """Take in a wrong guess."""
        with self._lock:
            if len(self._wrong) > MOST_ADDRESSES:  # somebody with many addresses: the limit of all holds
                self._wrong.clear()
            self._wrong.setdefault(address, deque(maxlen=OF_ONE)).append(now_s)
            self._all.append(now_s)
