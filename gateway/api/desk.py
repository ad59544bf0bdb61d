"""The car park's desk: tickets, find my car, free parking."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from math import ceil
from typing import Any

from fastapi import APIRouter, HTTPException, Request

from contracts.site import CarPark, Voucher
from gateway.api import schemas
from gateway.api import schemas_car_park as own
from gateway.api.car_park import Plan, With, now_of
from gateway.api.context import Context, Here
from gateway.limits import Limit
from gateway.parking.report import Place
from gateway.store.desk import Claim, Desk, RefusedError, Ticket

MINUTE_MS = 60_000
LONGEST_MS = 10 * MINUTE_MS
"""A ticket is of one car: in a longer period several pass."""
WRONG_GUESS = (404, 409)
"""Not 503: who asks before anything is known has not guessed."""

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "no such ticket, or no such car"},
    409: {"model": schemas.Problem, "description": "it cannot be told which car, or was claimed already"},
    429: {"model": schemas.Problem, "description": "too many wrong guesses"},
    503: {"model": schemas.Problem, "description": "nothing has been heard yet"},
}

router = APIRouter(prefix="/car-park", tags=["car park"], responses=REFUSED)


@router.post("/tickets", status_code=201)
def issue(here: Here, plan: Plan, attendant: With, asked: own.TicketRequest) -> own.TicketAnswer:
    """Make a ticket for the car that passed an entrance a moment ago, or is about to."""
    entrances = {gate.camera for gate in plan.gates if gate.from_ is None}
    if asked.camera not in entrances:
        raise HTTPException(
            422, f"no entrance has the camera {asked.camera!r}; there are {', '.join(sorted(entrances))}"
        )
    if not 0 < asked.to_ms - asked.from_ms <= LONGEST_MS:
        raise HTTPException(422, "to_ms must be after from_ms, by ten minutes at most")
    token, expires_ms = attendant.desk.issue(asked.camera, asked.from_ms, asked.to_ms, here.now_ms())
    return own.TicketAnswer(token=token, expires_ms=expires_ms)


@router.post("/find")
def find(
    here: Here, plan: Plan, attendant: With, request: Request, asked: own.FindRequest
) -> own.FoundAnswer:
    """Tell where a car is, by its ticket or by the end of a plate that is enrolled with consent."""
    with _guess(attendant.limit, request):
        place = (
            _of_token(here, attendant.desk, asked.token)
            if asked.token
            else _of_plate(here, asked.plate or "")
        )
    area = next(area for area in plan.areas if area.id == place.area)
    return own.FoundAnswer(
        stay=place.stay, area=area.id, name=area.name, level=area.level, entered_ms=place.entered_ms,
        seen_ms=place.seen_ms,
    )  # fmt: skip


@router.get("/vouchers")
def vouchers(plan: Plan) -> list[own.VoucherAnswer]:
    """Give the free parking that drivers may claim."""
    return [
        own.VoucherAnswer(
            id=one.id,
            name=one.name,
            free_min=one.free_min,
            min_stay_min=one.min_stay_min,
            members=one.members,
        )
        for one in plan.vouchers
    ]


@router.post("/claims")
def claim(
    here: Here, plan: Plan, attendant: With, request: Request, asked: own.ClaimRequest
) -> own.ClaimAnswer:
    """Claim free parking for a car that is there; granted once."""
    if (before := _before(attendant.desk, asked, here.now_ms())) is not None:
        return _claim(before)
    voucher = _voucher(plan, asked.voucher)
    with _guess(attendant.limit, request):
        place = (
            _of_token(here, attendant.desk, asked.token) if asked.token else _of_stay(here, asked.stay or "")
        )
    now_ms = now_of(here).t_ms
    if voucher.members and asked.member is None:
        raise HTTPException(422, f"voucher {voucher.id} is for members: give `member`")
    wait_min = voucher.min_stay_min - (now_ms - place.entered_ms) / MINUTE_MS
    if wait_min > 0:
        raise HTTPException(
            409, f"voucher {voucher.id} is for cars that have been here for {voucher.min_stay_min} minutes;"
            f" this one has to wait for {ceil(wait_min)} more"
        )  # fmt: skip
    made = Claim(asked.claim, voucher.id, place.stay, now_ms, voucher.free_min)
    day = datetime.fromtimestamp(now_ms / 1000, here.timezone).toordinal()
    try:
        granted = attendant.desk.claim(made, day=day, member=asked.member if voucher.members else None)
    except RefusedError as error:
        raise HTTPException(409, str(error)) from error
    return _claim(granted)


@router.get("/claims")
def claims(attendant: With, stay: str) -> list[own.ClaimAnswer]:
    """Give what was granted for a stay: what the barrier has to know."""
    return [_claim(one) for one in attendant.desk.claims(stay)]


def _before(desk: Desk, asked: own.ClaimRequest, now_ms: int) -> Claim | None:
    """Return the same claim where it was granted before: the car may have left since."""
    before = desk.named(asked.claim)
    if before is None or before.voucher != asked.voucher:
        return None
    ticket = desk.ticket(asked.token, now_ms) if asked.token else None
    stay = ticket.stay if ticket is not None else asked.stay
    return before if before.stay == stay else None


@contextmanager
def _guess(limit: Limit, request: Request) -> Iterator[None]:
    """Count who names a ticket or a plate that is not there, and let nobody do so too often. Raises 429."""
    address = request.client.host if request.client else ""
    if (wait_s := limit.wait_s(address, time.monotonic())) > 0:
        raise HTTPException(429, "too many wrong guesses; wait a minute", {"Retry-After": str(ceil(wait_s))})
    try:
        yield
    except HTTPException as error:
        if error.status_code in WRONG_GUESS:
            limit.wrong(address, time.monotonic())
        raise


def _of_token(here: Context, desk: Desk, token: str) -> Place:
    now = now_of(here)
    ticket = desk.ticket(token, now.t_ms)
    if ticket is None:
        raise HTTPException(404, "no such ticket, or it has expired")
    if ticket.stay is not None:
        return _of_stay(here, ticket.stay)
    place = _of_window(ticket, now.places)
    desk.settle(token, place.stay)
    return place


def _of_window(ticket: Ticket, places: Sequence[Place]) -> Place:
    passed = [
        place
        for place in places
        if place.camera == ticket.camera and ticket.from_ms <= place.entered_ms <= ticket.to_ms
    ]
    if not passed:
        raise HTTPException(404, "the car's plate was not seen when it came in, or it has left")
    if len(passed) > 1:
        raise HTTPException(409, "several cars came in while this ticket was given out")
    return passed[0]


def _of_stay(here: Context, stay: str) -> Place:
    for place in now_of(here).places:
        if place.stay == stay:
            return place
    raise HTTPException(404, "the car has left")


def _of_plate(here: Context, end: str) -> Place:
    """Return the car whose enrolled plate ends so: nobody else's can be found by its plate."""
    found = [place for place in now_of(here).places if place.enrolled and place.enrolled.endswith(end)]
    if not found:
        raise HTTPException(404, "no enrolled plate that ends so is in the car park")
    if len(found) > 1:
        raise HTTPException(409, "several plates end so: give more of it")
    return found[0]


def _voucher(plan: CarPark, voucher: str) -> Voucher:
    for known in plan.vouchers:
        if known.id == voucher:
            return known
    raise HTTPException(404, f"no voucher {voucher!r}; GET /car-park/vouchers lists them")


def _claim(one: Claim) -> own.ClaimAnswer:
    return own.ClaimAnswer(
        claim=one.claim, voucher=one.voucher, stay=one.stay, t_ms=one.t_ms, free_min=one.free_min
    )
