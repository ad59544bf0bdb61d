"""Identifiers of members: imported, listed, ended; conflicts; references that are one person."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Response

from contracts.errors import ConfigurationError, MallsenseError
from gateway.api import schemas
from gateway.api.crm import schemas_identity as own
from gateway.api.crm.having import With
from gateway.api.crm.sent import TABLE, Sent
from gateway.crm.identity import claims
from gateway.crm.identity.identities import Conflict, NobodyError
from gateway.crm.identity.merges import AlreadyOneError

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "no such member or number, or the mall has no CRM"},
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": schemas.Problem, "description": "it cannot be done as things are; the detail says why"},
}
TOO_MUCH: dict[int | str, dict[str, Any]] = {
    413: {"model": schemas.Problem, "description": "too much at a time"},
}
Why = Annotated[str, Query(pattern=r"^[^\x00-\x1f\x7f]{1,100}$", description="Kept with what was ended")]
Number = Annotated[int, Path(ge=1, le=2**62)]

router = APIRouter(tags=["crm: identity"], responses=REFUSED)


@router.post("/identifiers", status_code=201, responses=CONFLICT)
def add(crm: With, response: Response, asked: own.IdentifierRequest) -> own.IdentifierAnswer:
    """Say that a member has an identifier; the same said again answers 200."""
    fields = {name: str(value) for name, value in asked.model_dump().items() if value is not None}
    with _explained():
        report = crm.identities.add(fields)
    for bad in report.bad:
        raise HTTPException(422, f"{bad.column}: {bad.problem}")
    if report.no_consent:
        raise HTTPException(
            409, "there is no such member, or the member has not agreed to what this identifier is kept for"
        )
    if report.known:
        response.status_code = 200
    return own.IdentifierAnswer(new=bool(report.taken), conflict=bool(report.conflicts))


@router.get("/identifiers")
def identifiers(crm: With, reference: Annotated[str, Query(max_length=64)]) -> own.ClaimsAnswer:
    """Give the identifiers of a member, and of references that are the same person."""
    with _explained():
        found = crm.identities.claims(reference)
    return own.ClaimsAnswer(identifiers=[_claim(one.row, one.reference) for one in found])


@router.delete("/identifiers/{claim}", status_code=204)
def end(crm: With, claim: Number, why: Why = "ended by hand") -> None:
    """Say that an identifier is not, or no longer, the member's; it stays in the history."""
    with _explained():
        crm.identities.end_claim(claim, why)


@router.post("/imports/identifiers", openapi_extra=TABLE, responses=TOO_MUCH)
def import_(
    crm: With,
    data: Sent,
    new_key: Annotated[bool, Query(description="The mall has a new key: what was made with it ends")] = False,
) -> own.ImportReport:
    """Take in identifiers: CSV with a header, or a JSON object a line. Sent twice, it changes nothing more.

    Columns: reference, kind, and digest (with key, for wifi and plate) or value; evidence, confidence, t_ms
    where there are any.
    """
    with _explained():
        report = crm.identities.import_(data, new_key=new_key)
    return own.ImportReport(
        rows=report.rows, taken=report.taken, known=report.known, duplicates=report.duplicates,
        no_consent=report.no_consent, conflicts=report.conflicts, bad_rows=report.bad_rows,
        bad=[own.BadRow(**asdict(bad)) for bad in report.bad],
    )  # fmt: skip


@router.get("/conflicts")
def conflicts(
    crm: With, reference: Annotated[str | None, Query(max_length=64)] = None
) -> own.ConflictsAnswer:
    """Give the identifiers that two members have about equally; with `reference`, those of one member."""
    with _explained():
        found = crm.identities.conflicts(reference)
    return own.ConflictsAnswer(conflicts=[conflict_row(one) for one in found])


@router.get("/merges")
def merges(crm: With) -> own.MergesAnswer:
    """Give all merges in order, those that were undone, too."""
    return own.MergesAnswer(
        merges=[
            own.MergeRow(
                merge=one.row.merge, reference=one.reference, into=one.into, evidence=one.row.evidence,
                t_ms=one.row.t_ms, undone_ms=one.row.undone_ms, undone_why=one.row.undone_why,
            )
            for one in crm.identities.merges()
        ]
    )  # fmt: skip


@router.post("/merges", status_code=201, responses=CONFLICT)
def merge(crm: With, asked: own.MergeRequest) -> own.MergeAnswer:
    """Say that two references are one person, which goes on as `into`."""
    with _explained():
        number = crm.identities.merge(asked.reference, asked.into, asked.evidence, asked.t_ms)
    return own.MergeAnswer(merge=number)


@router.delete("/merges/{merge}", status_code=204)
def unmerge(crm: With, merge: Number, why: Why = "undone by hand") -> None:
    """Take a merge back: everything is again as without it."""
    with _explained():
        crm.identities.unmerge(merge, why)


def conflict_row(found: Conflict) -> own.ConflictRow:
    """Return a conflict as it is shown, with what would solve it."""
    names = found.references
    members = [
        own.Claimant(
            reference=names[share.person], probability=round(share.probability, 4),
            evidence=list(share.evidence),
        )
        for share in found.verdict.shares
        if share.person in names
    ]  # fmt: skip
    return own.ConflictRow(
        kind=found.verdict.kind,
        digest=found.verdict.digest,
        members=sorted(members, key=lambda one: (-one.probability, one.reference)),
        claims=[_claim(row, names[row.person]) for row in found.claimed if row.person in names],
        solve=[
            "One has it no longer, or never had: DELETE /crm/identifiers/{claim} (mallsense crm end CLAIM).",
            "They are one person: POST /crm/merges (mallsense crm merge ONE OTHER).",
            "More is known of one of them: POST /crm/identifiers, or an import, with another evidence.",
            "They share it, as a family does: leave it; nobody is matched by it.",
        ],
    )


def _claim(row: claims.Row, reference: str) -> own.ClaimRow:
    return own.ClaimRow(
        claim=row.claim, reference=reference, kind=row.kind, digest=row.digest, evidence=row.evidence,
        confidence=row.confidence, t_ms=row.t_ms, ended_ms=row.ended_ms, ended_why=row.ended_why,
    )  # fmt: skip


@contextmanager
def _explained() -> Iterator[None]:
    """Answer 404, 409 or 422 with what is wrong and what to do."""
    try:
        yield
    except NobodyError as error:
        raise HTTPException(404, _text(error)) from error
    except AlreadyOneError as error:
        raise HTTPException(409, _text(error)) from error
    except ConfigurationError as error:
        raise HTTPException(422, _text(error)) from error


def _text(error: MallsenseError) -> str:
    return " ".join(filter(None, (f"{error.message}.", error.hint)))
