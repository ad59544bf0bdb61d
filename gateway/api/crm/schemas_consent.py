"""What the routes of consent and members take and answer. Times are epoch milliseconds, event time."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.crm import IdentifierKind, Purpose
from gateway.api.context import MAX_MS
from gateway.api.crm.schemas_identity import ConflictRow
from gateway.api.schemas import Answer

Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]


class ConsentRequest(BaseModel):
    """What a member says about a purpose."""

    model_config = ConfigDict(extra="forbid")

    reference: Annotated[str, Field(description="What the CRM calls the member")]
    purpose: Purpose
    given: Annotated[bool, Field(description="False withdraws, and deletes what the purpose covers")]
    text: Annotated[Word, Field(description="Version of the text that was agreed to, as in 2026-03")]
    channel: Annotated[Word, Field(description="Where it was said, as in app, till 4, form")]
    t_ms: Annotated[int | None, Field(ge=0, le=MAX_MS, description="When; left out: now")] = None


class Entry(Answer):
    """An entry of the ledger."""

    entry: int
    purpose: Purpose
    given: bool
    t_ms: int
    text: str
    channel: str


class EntryOf(Entry):
    """An entry, and who said it."""

    reference: str


class ConsentAnswer(EntryOf):
    """What became of an entry."""

    new: bool
    """False: the same was said before, and nothing has changed."""
    deleted: dict[str, int]
    """Rows that went with a withdrawal, by table."""


class ConsentsAnswer(Answer):
    """Entries of the ledger, in the order in which they were recorded."""

    consents: list[EntryOf]
    next: int | None
    """Give it as `after` for more; null where there are none."""


class MemberRow(Answer):
    """A member, in one line."""

    reference: str
    consents: dict[Purpose, bool]
    """What is in force."""
    identifiers: dict[IdentifierKind, int]
    """How many are known; none without consent."""
    last_seen_ms: int | None
    visits: int
    """Of the mall, with consent, while they are kept."""
    tier: str | None
    segments: list[str]
    tags: list[str]


class MembersAnswer(Answer):
    """Members, by reference."""

    members: list[MemberRow]
    next: str | None


class MemberAnswer(MemberRow):
    """A member, and what the member has said."""

    consent_entries: list[Entry]
    conflicts: list[ConflictRow]
    """Identifiers that somebody else has about equally."""


class ExportAnswer(Answer):
    """Everything held about a member; docs/crm-consent.md describes it."""

    format: Literal["mallsense-member"]
    version: int
    made_ms: int
    """Wall time."""
    references: list[str]
    """What the member is called; several where references were merged."""
    tables: dict[str, list[dict[str, Any]]]
    """Rows of the CRM's tables that speak of the member."""
    history: dict[str, list[dict[str, Any]]]
    """Visits, paths and stays of devices and cars that are linked to the member."""


class ErasedAnswer(Answer):
    """What was deleted of a member."""

    deleted: dict[str, int]
    """Rows, points and entries, by table."""
    again: bool
    """More is taken out later, by itself: a phone of the member is in the mall, or the server of the history
    is away."""
