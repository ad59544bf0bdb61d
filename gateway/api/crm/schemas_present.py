"""What the API says of members who are here, and of where they went. Times are epoch milliseconds."""

from typing import Any

from pydantic import Field

from gateway.api.schemas import Answer


class PresentAnswer(Answer):
    """A member who is in the mall now."""

    reference: str
    since_ms: int
    """When one of the member's devices or cars was first recognised in this stay."""
    zone: str | None
    """Of the visit that goes on; null between visits."""
    floor: str | None
    confidence: float
    """That it is this member, of the surest device or car."""
    evidence: list[str]
    """Kinds of identifiers by which: wifi, plate."""
    tier: str | None
    segments: list[str]
    parked: bool


class HereAnswer(Answer):
    """Who is here, by reference."""

    t_ms: int
    """Event time of the newest tick; 0 before the first."""
    members: list[PresentAnswer]
    conflicts: list[list[str]]
    """Of each device or car that would be several members', these: it is told as nobody's."""


class StepAnswer(Answer):
    """A zone that was visited; `ended_ms` null = it still is."""

    zone: str
    floor: str
    started_ms: int
    ended_ms: int | None
    dwell_s: float
    confidence: float
    """Mean probability, over the visit, that the device was in this zone."""


class StayAnswer(Answer):
    """A stay of the member's car; null is what was not seen, or is not over."""

    entered_ms: int | None
    left_ms: int | None


class PurchaseAnswer(Answer):
    """What was bought; the amount in the smallest unit of the currency."""

    t_ms: int
    zone: str
    amount: int
    items: int


class MemberVisitAnswer(Answer):
    """A visit of the mall; `ended_ms` null = it goes on."""

    started_ms: int
    ended_ms: int | None
    steps: list[StepAnswer]
    stay: StayAnswer | None
    purchases: list[PurchaseAnswer]


class JourneyAnswer(Answer):
    """A member's visits of the mall, in order; only of what the member agrees to now."""

    visits: list[MemberVisitAnswer]


class EventsAnswer(Answer):
    """Events as the feed tells them, in order."""

    events: list[dict[str, Any]] = Field(
        description="CloudEvents 1.0; told again, an event has the same id and a higher revision"
    )
    next: int | None
    """Give it as `after` for more; null where there are none now."""
    cursor: int
    """Up to where this answer goes: give it as `after` later, for what will have been told since."""
