"""Consent, and the members it is from: said, listed, shown."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response

from contracts.crm import Purpose
from contracts.references import ReferenceRefusedError
from gateway.api import schemas
from gateway.api.crm import schemas_consent as own
from gateway.api.crm.having import With
from gateway.api.crm.identity import conflict_row
from gateway.crm.consent.ledger import Entry
from gateway.crm.consent.members import Member
from gateway.crm.consent.withdrawal import FutureError, Said
from gateway.crm.identity.identities import NobodyError

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "no such member, or the mall has no CRM"},
}
Limit = Annotated[int, Query(ge=1, le=1000)]
SMALLEST, LARGEST = 0, 2**62
NOBODY = "no member has this reference"

router = APIRouter(tags=["crm: consent"], responses=REFUSED)


@router.post("/consents", status_code=201)
def say(crm: With, response: Response, asked: own.ConsentRequest) -> own.ConsentAnswer:
    """Write down that a member agrees to a purpose, or withdraws it; the same said again answers 200."""
    said = Said(asked.reference, asked.purpose, asked.given, asked.text, asked.channel, asked.t_ms)
    try:
        (done,) = crm.consents.say([said])
    except (ReferenceRefusedError, FutureError) as error:
        raise HTTPException(422, f"{error.message}. {error.hint}") from error
    if not done.new:
        response.status_code = 200
    return own.ConsentAnswer(
        **_entry(done.entry), reference=asked.reference, new=done.new, deleted=dict(done.deleted)
    )


@router.get("/consents")
def ledger(
    crm: With, after: Annotated[int, Query(ge=SMALLEST, le=LARGEST)] = 0, limit: Limit = 100
) -> own.ConsentsAnswer:
    """Give the ledger's entries in the order in which they were recorded."""
    return _page(crm.consents.page(after, limit), limit)


@router.get("/consents/newest")
def newest(
    crm: With,
    after: Annotated[int, Query(ge=SMALLEST, le=LARGEST, description="Where the page before ended")] = 0,
    purpose: Purpose | None = None,
    limit: Limit = 100,
) -> own.ConsentsAnswer:
    """Give the same the newest first, of one purpose or of all."""
    return _page(crm.consents.newest(after, limit, purpose), limit)


def _page(found: Sequence[tuple[str, Entry]], limit: int) -> own.ConsentsAnswer:
    return own.ConsentsAnswer(
        consents=[own.EntryOf(**_entry(entry), reference=reference) for reference, entry in found],
        next=found[-1][1].entry if len(found) == limit else None,
    )


@router.get("/members")
def members(
    crm: With,
    search: Annotated[str, Query(max_length=64)] = "",
    after: Annotated[str, Query(max_length=64)] = "",
    limit: Limit = 100,
) -> own.MembersAnswer:
    """Give members by reference; `search` is a part of it."""
    found = crm.consents.members(search, after, limit)
    return own.MembersAnswer(
        members=[own.MemberRow(**_row(member)) for member in found],
        next=found[-1].reference if len(found) == limit else None,
    )


@router.get("/members/{reference}")
def member(crm: With, reference: str) -> own.MemberAnswer:
    """Give a member, with everything said about consent."""
    try:
        conflicts = crm.identities.conflicts(reference)
    except NobodyError as error:
        raise HTTPException(404, NOBODY) from error
    found = crm.consents.member(reference)
    if found is None:  # erased in between
        raise HTTPException(404, NOBODY)
    return own.MemberAnswer(
        **_row(found.member),
        consent_entries=[own.Entry(**_entry(entry)) for entry in found.entries],
        conflicts=[conflict_row(one) for one in conflicts],
    )


@router.get("/members/{reference}/export")
def export(crm: With, reference: str) -> own.ExportAnswer:
    """Give everything held about a member, and what the mall has of the devices and cars linked to them."""
    found = crm.consents.export(reference)
    if found is None:
        raise HTTPException(404, NOBODY)
    return own.ExportAnswer(**found)


@router.delete("/members/{reference}")
def erase(crm: With, reference: str) -> own.ErasedAnswer:
    """Delete everything of a member, from every table and from the history; it cannot be undone."""
    done = crm.consents.erase(reference)
    if done is None:
        raise HTTPException(404, NOBODY)
    gone, again = done
    return own.ErasedAnswer(deleted=dict(sorted(gone.items())), again=again)


def _row(found: Member) -> dict[str, Any]:
    return {
        "reference": found.reference,
        "consents": found.consents,
        "identifiers": found.identifiers,
        "last_seen_ms": found.last_seen_ms,
        "visits": found.visits,
        "tier": found.labels.tier,
        "segments": list(found.labels.segments),
        "tags": list(found.labels.tags),
    }


def _entry(entry: Entry) -> dict[str, Any]:
    return {
        "entry": entry.entry,
        "purpose": entry.purpose,
        "given": entry.given,
        "t_ms": entry.t_ms,
        "text": entry.text,
        "channel": entry.channel,
    }
