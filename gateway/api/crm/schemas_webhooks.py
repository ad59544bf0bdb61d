"""What the routes of webhooks and schemas take and answer. Times of delivery are of the wall, in epoch ms."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.api.context import MAX_MS
from gateway.api.schemas import Answer
from gateway.crm.delivery.addresses import MAX_URL
from gateway.crm.delivery.subscribers import NAME

Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
Words = Annotated[list[Word], Field(min_length=1, max_length=200)]
Url = Annotated[str, Field(min_length=1, max_length=MAX_URL)]
Moment = Annotated[int, Field(ge=0, le=MAX_MS)]


class NewWebhook(BaseModel):
    """A webhook to add; lists that are left out stand for all."""

    model_config = ConfigDict(extra="forbid")

    subscriber: Annotated[str, Field(pattern=NAME, description="What to call it")]
    url: Annotated[Url, Field(description="https, unless `private`")]
    zones: Words | None = None
    kinds: Words | None = None
    segments: Annotated[Words | None, Field(description="Segments, tiers and tags of members")] = None
    private: Annotated[bool, Field(description="It is in the mall's own network; http is allowed there")] = (
        False
    )
    since_ms: Annotated[Moment | None, Field(description="Begin at this event time; left out: now")] = None


class WebhookChange(BaseModel):
    """What to change of a webhook; what is left out stays, and null for a list stands for all."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    zones: Words | None = None
    kinds: Words | None = None
    segments: Words | None = None
    private: bool | None = None
    paused: bool | None = None


class WebhookRow(Answer):
    """A webhook, and how it is."""

    subscriber: str
    url: str
    zones: list[str] | None
    kinds: list[str] | None
    segments: list[str] | None
    private: bool
    state: Literal["ok", "waiting", "paused"]
    """waiting: something could not be delivered, and is tried again."""
    waiting: int
    """Events that wait."""
    dead: int
    """Events that were given up after three days."""
    last_ok_ms: int | None
    last_error: str | None
    next_try_ms: int | None
    """When the receiver is asked again; null where it is not left alone."""


class WebhookMade(WebhookRow):
    """A webhook that was added."""

    secret: str
    """Shown this once: receivers check signatures with it."""


class SecretAnswer(Answer):
    """A new secret, shown this once."""

    secret: str
    old_until_ms: int
    """Until then the secret before signs beside it."""


class TryAnswer(Answer):
    """What came of a test event."""

    ok: bool
    reason: str | None
    """What was wrong."""
    took_ms: int


class ReplayRequest(BaseModel):
    """What to send again: one event, all dead letters, or everything from a moment on."""

    model_config = ConfigDict(extra="forbid")

    event: Annotated[str | None, Field(min_length=1, max_length=200, description="Id of an event")] = None
    dead: Annotated[bool, Field(description="All dead letters that are still kept")] = False
    from_ms: Annotated[Moment | None, Field(description="Everything that happened since")] = None


class ReplayAnswer(Answer):
    """How much of the feed is looked at again; filters apply where it is from a moment on."""

    events: int


class DeadRow(Answer):
    """A dead letter."""

    seq: int
    id: str
    revision: int
    kind: str
    zone: str
    t_ms: int
    """Of the event."""
    since_ms: int
    dead_ms: int
    attempts: int
    reason: str
    kept: bool
    """Whether it can be sent again."""


class DeadAnswer(Answer):
    """Dead letters, in order."""

    dead: list[DeadRow]
    next: int | None
    """Give it as `after` for more; null where there are none."""


class SchemaRow(Answer):
    """A schema of the registry."""

    name: str
    """The type of the events; the last part is the version."""
    id: str
    """What `dataschema` of such events says."""
    description: str


JsonSchema = dict[str, Any]
