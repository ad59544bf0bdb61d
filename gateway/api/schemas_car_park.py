"""What the HTTP API answers, and is asked, about the car park."""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from contracts.site import Name
from gateway.api.schemas import Answer

LEAST_CHARACTERS = 4
"""Of a plate's end: with fewer, plates that are there could be guessed."""

Text = Annotated[str, Field(min_length=1, max_length=100)]


def _end_of_plate(text: str) -> str:
    plain = re.sub(r"[\s·•.\-]", "", text).upper()
    if len(plain) < LEAST_CHARACTERS or not plain.isalnum():
        raise ValueError(f"expected the end of a plate, at least {LEAST_CHARACTERS} letters and digits")
    return plain


EndOfPlate = Annotated[str, Field(min_length=LEAST_CHARACTERS, max_length=20), AfterValidator(_end_of_plate)]
"""In capitals, without separators, which do not count."""


class AreaAnswer(Answer):
    """How full an area, a level, or all of the car park is now; `low` and `high` bound 90 %."""

    id: str
    name: Name
    capacity: int
    cars: int
    low: int
    high: int
    free: int
    full: bool
    """The last spaces are taken, or cannot be found any more."""
    queue: int
    """Cars that stand at its entrances."""


class ForecastAnswer(Answer):
    """Whether it gets full."""

    within_30: float
    """Probability that it is full at some moment of the next 30 minutes ..."""
    within_60: float
    """... and of the next 60."""
    minutes: int | None
    """Until it is likelier full than not; null = not within two hours."""


class StayFigures(Answer):
    """Stays that began in a period; lengths are of those that have ended."""

    stays: int | None
    turnover: float | None
    """Stays a space."""
    ended: int | None
    length_median_min: float | None
    length_p90_min: float | None
    suppressed: bool


class CarParkAnswer(Answer):
    """The car park now."""

    t_ms: int
    whole: AreaAnswer
    areas: list[AreaAnswer]
    levels: list[AreaAnswer]
    """Areas of one level added up, where a level has several."""
    forecast: ForecastAnswer


class CarParkTimeline(Answer):
    """How full it was, one value a step; null where nothing is known."""

    step_ms: int
    capacity: int
    t_ms: list[int]
    cars: list[int | None]
    low: list[int | None]
    high: list[int | None]
    entered: list[int]
    left: list[int]


class Request(BaseModel):
    """What is sent: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class CountRequest(Request):
    """Somebody has counted the cars in an area, or in all of the car park."""

    cars: Annotated[int, Field(ge=0, le=100_000)]
    area: str | None = None


class CountAnswer(Answer):
    """When the count is taken to have been made, by the mall's time."""

    t_ms: int


class TicketRequest(Request):
    """A ticket machine has let a car in that passed `camera` between these times."""

    camera: str
    from_ms: Annotated[int, Field(ge=0, le=4_102_444_800_000)]
    to_ms: Annotated[int, Field(ge=0, le=4_102_444_800_000)]


class TicketAnswer(Answer):
    """What to print on the ticket, as a QR code: whoever has it finds the car."""

    token: str
    expires_ms: int


class FindRequest(Request):
    """By the token of a ticket, or by the end of a plate that is enrolled with consent."""

    token: Text | None = None
    plate: EndOfPlate | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "FindRequest":
        if (self.token is None) == (self.plate is None):
            raise ValueError("give token or plate")
        return self


class FoundAnswer(Answer):
    """Where the car was last seen."""

    stay: str
    area: str
    name: Name
    level: str
    entered_ms: int
    seen_ms: int
    """When it passed a camera last."""


class VoucherAnswer(Answer):
    """Free parking that may be claimed."""

    id: str
    name: Name
    free_min: int
    min_stay_min: int
    members: bool


class ClaimRequest(Request):
    """Claim a voucher for the car of a ticket, or for a stay."""

    claim: Text
    """A name of your choice: the same claim sent again is answered as the first time."""
    voucher: str
    token: Text | None = None
    stay: Text | None = None
    member: Text | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "ClaimRequest":
        if (self.token is None) == (self.stay is None):
            raise ValueError("give token or stay")
        return self


class ClaimAnswer(Answer):
    """Free parking that was granted."""

    claim: str
    voucher: str
    stay: str
    t_ms: int
    free_min: int
