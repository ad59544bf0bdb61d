"""What every part of a site file is made of: ids, names, and the rule that unknown keys are refused."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Id = Annotated[
    str, Field(pattern=r"^[a-z0-9A-Z][a-z0-9A-Z_-]{0,62}$", description="Letters, digits, - and _")
]
"""Stands in topics and addresses, so it has no characters that MQTT or a URL gives a meaning to."""


class Part(BaseModel):
    """Every part of a site file: unknown keys and infinite numbers are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


class Name(Part):
    """A name for people, in both languages of the console."""

    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]

    @model_validator(mode="before")
    @classmethod
    def _one_name_for_both(cls, value: object) -> object:
        return {"en": value, "zh": value} if isinstance(value, str) else value


def unique(what: str, ids: Iterable[str]) -> set[str]:
    """Return the ids as a set. Raises `ValueError` where two are the same."""
    seen: set[str] = set()
    for an_id in ids:
        if an_id in seen:
            raise ValueError(f"two {what}s have the id {an_id!r}; every {what} needs its own")
        seen.add(an_id)
    return seen
