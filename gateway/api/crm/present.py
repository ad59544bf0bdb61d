"""Members who are here now, and where a member went."""

from typing import Any

from fastapi import APIRouter, HTTPException

from gateway.api import schemas
from gateway.api.context import Asked, Context, Here
from gateway.api.crm import schemas_present as own
from gateway.api.crm.having import With
from gateway.crm.consent.persons import person_of
from gateway.crm.matching.present import There, conflicts_here, members_here
from gateway.crm.matching.visited import Visit, visits_of
from gateway.engine import Tick
from gateway.engine.tick import LIKELY

UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "no such member, or the mall has no CRM"},
}

router = APIRouter(tags=["crm: members"], responses=UNKNOWN)


@router.get("/here")
def members_now(here: Here, crm: With) -> own.HereAnswer:
    """Give the members who are in the mall now, by what was heard in it and read in its car park."""
    newest = here.latest.newest()
    if newest is None:
        return own.HereAnswer(t_ms=here.now_ms(), members=[], conflicts=[])
    there = what_is_there(here, newest[0])
    with crm.reading() as db:
        found = members_here(db, there)
        conflicts = conflicts_here(db, crm.matching.matcher.conflicts(), there)
        labels_of = crm.consents.labels_of
        labels = {} if labels_of is None else labels_of(db, [one.person for one in found])
    return own.HereAnswer(
        t_ms=newest[0].t_ms,
        members=[
            own.PresentAnswer(
                reference=one.reference,
                since_ms=one.since_ms,
                zone=one.zone,
                floor=one.floor,
                confidence=one.confidence,
                evidence=sorted(one.evidence),
                tier=labels[one.person].tier if one.person in labels else None,
                segments=list(labels[one.person].segments) if one.person in labels else [],
                parked=one.parked,
            )
            for one in found
        ],
        conflicts=conflicts,
    )


def what_is_there(here: Context, tick: Tick) -> There:
    """Return the devices that are more likely in the mall than not, and the cars that are in its car park."""
    floors, tracks = [floor.id for floor in here.site.floors], tick.tracks
    inside = ((tracks.presence >= LIKELY) & ~tracks.outside).nonzero()[0]
    return There(
        {tracks.device[i]: floors[int(tracks.floor[i])] for i in inside.tolist()},
        {place.stay for place in tick.parking.places} if tick.parking is not None else frozenset(),
    )


@router.get("/members/{reference}/journey")
def journey(here: Here, crm: With, reference: str, period: Asked) -> own.JourneyAnswer:
    """Give a member's visits that began in a period: zones, the stay of the car, and what was bought."""
    with crm.reading() as db:
        person = person_of(db, reference)
        if person is None:
            raise HTTPException(404, "no member has this reference")
        found = visits_of(db, person, period.from_ms, period.to_ms, here.now_ms())
    return own.JourneyAnswer(visits=[_visit(one) for one in found])


def _visit(one: Visit) -> own.MemberVisitAnswer:
    return own.MemberVisitAnswer(
        started_ms=one.started_ms,
        ended_ms=one.ended_ms,
        steps=[
            own.StepAnswer(
                zone=step.zone, floor=step.floor, started_ms=step.started_ms, ended_ms=step.ended_ms,
                dwell_s=step.dwell_s, confidence=step.confidence,
            )
            for step in one.steps
        ],
        stay=None
        if one.stay is None
        else own.StayAnswer(entered_ms=one.stay.entered_ms, left_ms=one.stay.left_ms),
        purchases=[
            own.PurchaseAnswer(t_ms=p.t_ms, zone=p.zone, amount=p.amount, items=p.items)
            for p in one.purchases
        ],
    )  # fmt: skip
