"""Promotions: what operators write down, and charts mark."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from contracts.site import Name
from gateway.api import schemas
from gateway.api.context import LONGEST_MS, MAX_MS, Context, Here
from gateway.figures.period import HOUR_MS
from gateway.store.promotions import Promotion
from gateway.store.records import WHOLE_MALL

router = APIRouter(tags=["promotions"])

Title = Annotated[str, Field(min_length=1, max_length=200)]
Moment = Annotated[int, Field(ge=0, le=MAX_MS)]


class Titles(BaseModel):
    """What to call it, in both languages."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    en: Title
    zh: Title


class NewPromotion(BaseModel):
    """A promotion to write down; without a zone it is the whole mall's."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    zone: str | None = None
    start_ms: Moment
    end_ms: Moment
    title: Titles


class PromotionAnswer(schemas.Answer):
    """A promotion; `zone` is null where it is the whole mall's."""

    id: str
    zone: str | None
    start_ms: int
    end_ms: int
    title: Name


REFUSED: dict[int | str, dict[str, Any]] = {404: {"model": schemas.Problem, "description": "no such one"}}


@router.get("/promotions")
def promotions(here: Here) -> list[PromotionAnswer]:
    """Give all promotions, by their start."""
    return [_answer(one) for one in here.promotions.between(0, MAX_MS)]


@router.post("/promotions", status_code=201)
def add(here: Here, new: NewPromotion) -> PromotionAnswer:
    """Write a promotion down."""
    _check(here, new)
    zone = WHOLE_MALL if new.zone is None else new.zone
    return _answer(here.promotions.add(zone, new.start_ms, new.end_ms, new.title.en, new.title.zh))


@router.delete("/promotions/{promotion}", status_code=204, responses=REFUSED)
def remove(here: Here, promotion: str) -> None:
    """Take a promotion back."""
    if not here.promotions.remove(promotion):
        raise HTTPException(404, f"no promotion {promotion!r}; GET /promotions lists them")


def _check(here: Context, new: NewPromotion) -> None:
    zones = [zone.id for _, zone in here.site.zones()]
    if new.zone is not None and new.zone not in zones:
        raise HTTPException(
            422, f"no zone {new.zone!r}; there are {', '.join(zones)}. Without a zone it is the whole mall's."
        )
    if new.start_ms >= new.end_ms:
        raise HTTPException(422, f"start_ms ({new.start_ms}) must be before end_ms ({new.end_ms})")
    if new.end_ms - new.start_ms > LONGEST_MS:
        raise HTTPException(422, "the promotion is longer than a year; are its times in milliseconds?")
    kept_d = here.site.retention.rollups_d
    if new.start_ms < here.now_ms() - kept_d * 24 * HOUR_MS:
        raise HTTPException(
            422, f"it began more than {kept_d} days ago (retention.rollups_d): no figures are left"
        )


def _answer(one: Promotion) -> PromotionAnswer:
    return PromotionAnswer(
        id=one.promotion,
        zone=None if one.zone == WHOLE_MALL else one.zone,
        start_ms=one.start_ms,
        end_ms=one.end_ms,
        title=Name(en=one.title_en, zh=one.title_zh),
    )
