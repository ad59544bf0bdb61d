"""The feed, asked for: pages of events by a cursor, for who cannot be called and for who starts late."""

import json
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from gateway.api.crm import schemas_present as own
from gateway.api.crm.having import With
from gateway.api.crm.present import UNKNOWN
from gateway.crm.consent.persons import person_of, same_as
from gateway.crm.matching.feed import Wanted

LARGEST = 2**62

router = APIRouter(tags=["crm: feed"], responses=UNKNOWN)


@router.get("/events")
def events(
    crm: With,
    after: Annotated[int, Query(ge=0, le=LARGEST, description="Where the page before ended")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    kind: Annotated[str | None, Query(max_length=64, description="As in visit.started")] = None,
    zone: Annotated[str | None, Query(max_length=64)] = None,
    member: Annotated[str | None, Query(max_length=64, description="Reference of a member")] = None,
) -> own.EventsAnswer:
    """Give events in the order in which they were told, from the oldest that is kept on.

    Whoever follows the feed asks again with `cursor`, and never misses an event nor a correction.
    """
    with crm.reading() as db:
        persons: list[str] | None = None
        if member is not None:
            person = person_of(db, member)
            if person is None:
                raise HTTPException(404, "no member has this reference")
            persons = same_as(db, person)
        page = Wanted(kind, zone, persons).page(db, after, limit)
    return own.EventsAnswer(
        events=[json.loads(row.payload) for row in page.rows],
        next=page.cursor if page.more else None,
        cursor=page.cursor,
    )
