"""What the routes of identity take and answer. Times are epoch milliseconds, event time."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from contracts.crm import IdentifierKind
from gateway.api.context import MAX_MS
from gateway.api.schemas import Answer
from gateway.crm.identity.graph import LEAST, MOST
from gateway.crm.identity.identifiers import LONGEST

Reference = Annotated[str, Field(min_length=1, max_length=64, description="What the CRM calls the member")]
Evidence = Annotated[
    str, Field(pattern=r"^[a-z][a-z_-]{0,31}$", description="What it rests on, as in login, app, form")
]
Moment = Annotated[int | None, Field(ge=0, le=MAX_MS, description="When it became known; left out: now")]
Number = Annotated[int, Field(ge=1, le=2**62)]


class IdentifierRequest(BaseModel):
    """An identifier of a member: a digest, or what may come in clear."""

    model_config = ConfigDict(extra="forbid")

    reference: Reference
    kind: IdentifierKind
    digest: Annotated[str, Field(max_length=LONGEST, description="Keyed hash, 32 hex digits")] = ""
    value: Annotated[
        str, Field(max_length=LONGEST, description="In clear: of members' numbers, apps and telephones alone")
    ] = ""
    key: Annotated[str, Field(max_length=LONGEST, description="Of wifi and plate: 8 hex digits")] = ""
    evidence: Evidence = "import"
    confidence: Annotated[float | None, Field(ge=LEAST, le=MOST, description="Left out: by evidence")] = None
    t_ms: Moment = None


class IdentifierAnswer(Answer):
    """What became of an identifier."""

    new: bool
    """False: it was known before, by the same evidence."""
    conflict: bool
    """Whether somebody else has it about equally, so that nobody is matched by it."""


class BadRow(Answer):
    """A row that could not be used; what stands in it is not repeated."""

    line: int
    column: str
    problem: str


class ImportReport(Answer):
    """What became of an import."""

    rows: int
    taken: int
    known: int
    """Were here already."""
    duplicates: int
    """Stand in the file more than once."""
    no_consent: int
    """Of people who are not known here, or have not agreed to what it is kept for."""
    conflicts: int
    """Identifiers that two members have about equally: GET /crm/conflicts."""
    bad_rows: int
    bad: list[BadRow]
    """The first hundred."""


class ClaimRow(Answer):
    """Evidence that an identifier is a member's."""

    claim: int
    reference: str
    kind: IdentifierKind
    digest: str
    evidence: str
    confidence: float
    t_ms: int
    ended_ms: int | None
    ended_why: str | None


class ClaimsAnswer(Answer):
    """A member's identifiers."""

    identifiers: list[ClaimRow]


class Claimant(Answer):
    """Somebody who may have the identifier."""

    reference: str
    probability: float
    evidence: list[str]


class ConflictRow(Answer):
    """An identifier that two members have about equally: nobody is matched by it."""

    kind: IdentifierKind
    digest: str
    members: list[Claimant]
    """Likeliest first."""
    claims: list[ClaimRow]
    solve: list[str]
    """What would, in words."""


class ConflictsAnswer(Answer):
    """All conflicts."""

    conflicts: list[ConflictRow]


class MergeRequest(BaseModel):
    """Two references are one person."""

    model_config = ConfigDict(extra="forbid")

    reference: Reference
    into: Annotated[str, Field(min_length=1, max_length=64, description="As which the person goes on")]
    evidence: Evidence
    t_ms: Moment = None


class MergeAnswer(Answer):
    """A merge was made."""

    merge: int


class MergeRow(Answer):
    """A merge; a reference is null where that member was erased."""

    merge: int
    reference: str | None
    into: str | None
    evidence: str
    t_ms: int
    undone_ms: int | None
    undone_why: str | None


class MergesAnswer(Answer):
    """All merges, in order."""

    merges: list[MergeRow]
