"""What a way to receivers is given, and what it answers; and what that answer means."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from gateway.crm.delivery.subscribers import Subscriber


@dataclass(frozen=True, slots=True)
class Letter:
    """A row of the feed that a subscriber waits for, as it is sent."""

    seq: int
    lane: str
    attempts: int
    """How often it was tried before."""
    id: str
    revision: int
    kind: str
    zone: str
    payload: bytes
    """JSON of `contracts.crm.FeedEvent`."""

    @property
    def name(self) -> str:
        """Header `webhook-id`: the same however often this revision is sent."""
        return f"{self.id}.{self.revision}"


class Verdict(Enum):
    """What an answer means."""

    TAKEN = "taken"
    REFUSED = "refused"
    """This event; others may be welcome."""
    AWAY = "away"
    """The receiver as a whole: nothing answers, or it asks for a pause."""
    GONE = "gone"
    """The receiver wants nothing any more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one attempt."""

    verdict: Verdict
    reason: str = ""
    """In words for people: a status, or what happened. Never anything that the receiver wrote."""
    retry_after_s: float = 0.0
    """How long it asks to be left alone."""


TAKEN = Answer(Verdict.TAKEN)


class Transport(Protocol):
    """A way to receivers."""

    async def send(self, to: Subscriber, letter: Letter) -> Answer:
        """Try once; whatever happens is an answer. Raises nothing but `CancelledError`."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
