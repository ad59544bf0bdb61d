"""What the API says of kinds of members, and takes of audiences. Times are epoch milliseconds, event time."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.site import Name
from gateway.api.schemas import Answer
from gateway.crm.members.tags import PATTERN

Tag = Annotated[str, Field(pattern=PATTERN)]


class SegmentRow(Answer):
    """A tier, or a kind of members."""

    id: str
    name: Name
    description: Name
    members: int | None
    """Null where there are fewer than k."""
    share: float | None
    """Of the members in tiers, or in clusters, that are not withheld."""
    stability: float | None = None
    """How alike it is when found again among half of the members: mean Jaccard index; null for tiers."""


class CutsAnswer(Answer):
    """By what members are put to tiers: quintiles of who bought something in the window."""

    recency_d: list[float]
    """Days since the last purchase."""
    frequency_d: list[float]
    """Days with a purchase."""
    spend: list[float]
    """In the currency's smallest unit."""


class SegmentsAnswer(Answer):
    """Tiers, the best first, and clusters, the largest first; none where nothing stands out."""

    tiers: list[SegmentRow]
    clusters: list[SegmentRow]
    fitted_ms: int | None
    cuts: CutsAnswer | None
    stability: float | None
    """Of all clusters: mean adjusted Rand index when found again among half of the members."""
    fitted_on: int | None
    """Members that clusters were looked for among; null where there are fewer than k."""


class RuleRow(Answer):
    """Who has the one shop has the other more often than everybody."""

    antecedent: list[str]
    consequent: list[str]
    basket: Literal["purchases", "visits"]
    """What was bought by a member on a day, or where one was during a visit."""
    baskets: int
    support: float
    confidence: float
    lift: float
    p: float
    """Fisher's exact test, corrected for all pairs (Benjamini and Hochberg)."""


class RulesAnswer(Answer):
    """Shops that go together, the greatest lift first; purchases before visits."""

    rules: list[RuleRow]


class AudienceRequest(BaseModel):
    """Who is in an audience: members of whom all of this holds."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{1,100}$")]
    tier: str | None = None
    cluster: str | None = None
    tags: Annotated[list[Tag], Field(max_length=20, description="All of them")] = []
    zones: Annotated[list[str], Field(max_length=200, description="Any of them was visited")] = []
    days: Annotated[
        int | None, Field(ge=1, le=3650, description="In so many days; without zones, a visit of the mall")
    ] = None


class AudienceRow(Answer):
    """An audience, and how many members are in it now."""

    id: str
    name: str
    tier: str | None
    cluster: str | None
    tags: list[str]
    zones: list[str]
    days: int | None
    members: int | None
    """Null where there are fewer than k: then there is no list, either."""
    suppressed: bool


class AudiencesAnswer(Answer):
    """Audiences, the oldest first."""

    audiences: list[AudienceRow]


class TagsAnswer(Answer):
    """A member's tags now."""

    tags: list[str]
