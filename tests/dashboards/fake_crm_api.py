"""The routes of the CRM over members that are only drawn (`fake_crm`), in the shapes of the gateway's."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Request, Response

from tests.dashboards import fake_crm_figures
from tests.dashboards.fake_crm import DEAD, FakeCrm, claimants

Row = dict[str, Any]
_PAGE = 50
_DIGITS = 32


def _crm(request: Request) -> FakeCrm:
    """Give the CRM to whoever may see it. Raises 403, 404."""
    found: FakeCrm | None = request.app.state.crm
    if found is None:
        raise HTTPException(404, "this mall has no CRM: its site file has no section `crm:`")
    wanted = request.app.state.crm_password
    if wanted is not None and request.cookies.get("session") != wanted:
        raise HTTPException(403, "members are for who has the password or token of the CRM")
    return found


With = Annotated[FakeCrm, Depends(_crm)]
router = APIRouter(prefix="/api/v1/crm")


def _now(request: Request) -> int:
    now: int = request.app.state.gateway.now_ms()
    return now


Now = Annotated[int, Depends(_now)]


@router.get("/here")
def here(crm: With, now: Now) -> Row:
    """Give who is here."""
    return crm.here(now)


@router.get("/members")
def members(crm: With, search: str = "", after: str = "", limit: int = _PAGE) -> Row:
    """Give members by reference."""
    rows = [row for key, row in sorted(crm.members.items()) if search in key and key > after]
    return {"members": rows[:limit], "next": rows[limit - 1]["reference"] if len(rows) > limit else None}


def _known(crm: With, reference: str) -> str:
    if reference not in crm.members:
        raise HTTPException(404, "no member has this reference")
    return reference


Known = Annotated[str, Depends(_known)]


@router.get("/members/{reference}")
def member(crm: With, reference: Known) -> Row:
    """Give one."""
    return crm.shown(reference)


@router.delete("/members/{reference}")
def erase(crm: With, reference: Known) -> Row:
    """Forget one."""
    return crm.erase(reference)


@router.get("/members/{reference}/export")
def export(crm: With, reference: Known) -> Row:
    """Give all that is held."""
    return crm.shown(reference)


@router.get("/members/{reference}/journey")
def journey(crm: With, reference: Known) -> Row:
    """Give visits."""
    return crm.journey(reference)


@router.put("/members/{reference}/tags/{tag}")
def tag(crm: With, reference: Known, tag: str) -> Row:
    """Add a tag."""
    crm.members[reference]["tags"].append(tag)
    return {"tags": crm.members[reference]["tags"]}


@router.delete("/members/{reference}/tags/{tag}")
def untag(crm: With, reference: Known, tag: str) -> Row:
    """Take a tag away."""
    crm.members[reference]["tags"].remove(tag)
    return {"tags": crm.members[reference]["tags"]}


@router.post("/consents", status_code=201)
async def say(crm: With, now: Now, request: Request) -> Row:
    """Add to the ledger."""
    asked = await request.json()
    if "@" in asked["reference"]:
        raise HTTPException(422, "this reference looks like an e-mail address. Use the number of the member")
    return crm.say(asked, now)


@router.get("/consents/newest")
def consents(crm: With, after: int | None = None, purpose: str | None = None, limit: int = _PAGE) -> Row:
    """Give the ledger, newest first; who was erased is not in it."""
    rows = [
        entry
        for entry in reversed(crm.entries)
        if entry["reference"] in crm.members
        and (after is None or entry["entry"] < after)
        and purpose in (None, entry["purpose"])
    ]
    return {"consents": rows[:limit], "next": rows[limit - 1]["entry"] if len(rows) > limit else None}


@router.get("/conflicts")
def conflicts(crm: With) -> Row:
    """Give identifiers that two claim."""
    return {"conflicts": crm.conflicts}


@router.delete("/identifiers/{claim}", status_code=204)
def end_claim(crm: With, claim: int) -> None:
    """Say that it is not theirs."""
    crm.conflicts = [c for c in crm.conflicts if all(one["claim"] != claim for one in c["claims"])]


@router.get("/merges")
def merges(crm: With) -> Row:
    """Give who is one person."""
    return {"merges": crm.merges}


@router.post("/merges", status_code=201)
async def merge(crm: With, now: Now, request: Request) -> Row:
    """Make two one."""
    asked = await request.json()
    crm.conflicts = [one for one in crm.conflicts if asked["reference"] not in claimants(one)]
    crm.merges.append({**asked, "merge": len(crm.merges) + 1, "t_ms": now, "undone_ms": None})
    return {"merge": len(crm.merges)}


@router.delete("/merges/{number}", status_code=204)
def unmerge(crm: With, now: Now, number: int) -> None:
    """Take it back."""
    crm.merges[number - 1]["undone_ms"] = now


@router.post("/imports/identifiers")
async def take(crm: With, request: Request) -> Row:
    """Read a file: what is no digest is a bad row."""
    _, *lines = (await request.body()).decode().strip().splitlines()
    bad = [
        {"line": number, "column": "digest", "problem": "expected 32 hex digits: mallsense members digest"}
        for number, line in enumerate(lines, start=2)
        if len(line.split(",")[2]) != _DIGITS
    ]
    return {
        "rows": len(lines), "taken": len(lines) - len(bad), "known": 0, "duplicates": 0, "no_consent": 0,
        "conflicts": 0, "bad_rows": len(bad), "bad": bad,
    }  # fmt: skip


@router.get("/segments")
def segments(crm: With) -> Row:
    """Give tiers and clusters."""
    return fake_crm_figures.segments(crm.fitted_ms)


@router.post("/segments/fit")
def fit(crm: With, now: Now) -> Row:
    """Fit anew."""
    crm.fitted_ms = now
    return {"fitted_ms": now}


@router.get("/rules")
def rules(crm: With) -> Row:
    """Give what goes together."""
    return fake_crm_figures.rules()


@router.get("/audiences")
def audiences(crm: With) -> Row:
    """Give lists of members."""
    return {"audiences": crm.audiences}


@router.post("/audiences", status_code=201)
async def make_audience(crm: With, request: Request) -> Row:
    """Make one: with a tag it has too few."""
    asked = await request.json()
    row = {**asked, "id": f"a{len(crm.audiences) + 1}", "members": None if asked["tags"] else 87}
    crm.audiences.append(row)
    return row


@router.delete("/audiences/{name}", status_code=204)
def remove_audience(crm: With, name: str) -> None:
    """Forget one."""
    crm.audiences = [one for one in crm.audiences if one["id"] != name]


@router.get("/audiences/{name}.csv")
def audience_csv(crm: With, name: str) -> Response:
    """Give the references."""
    return Response("reference\r\n" + "\r\n".join(list(crm.members)[:9]), media_type="text/csv")


@router.get("/figures")
def figures(crm: With) -> Row:
    """Give figures of a period."""
    return fake_crm_figures.figures()


@router.get("/figures/definitions")
def definitions(crm: With) -> list[Row]:
    """Give what they mean."""
    return fake_crm_figures.definitions()


@router.get("/alerts")
def alerts(crm: With, now: Now) -> Row:
    """Give what is unusual."""
    return fake_crm_figures.alerts(now)


@router.get("/webhooks")
def webhooks(crm: With) -> list[Row]:
    """Give receivers."""
    return list(crm.webhooks.values())


@router.post("/webhooks", status_code=201)
async def add_webhook(crm: With, request: Request) -> Row:
    """Add one."""
    asked = await request.json()
    if not asked["url"].startswith("https://"):
        raise HTTPException(
            422, [{"loc": ["body", "url"], "msg": "expected an address that begins with https://"}]
        )
    row = {
        **asked, "state": "ok", "waiting": 0, "dead": 0, "last_ok_ms": None, "last_error": None,
        "next_try_ms": None,
    }  # fmt: skip
    crm.webhooks[asked["subscriber"]] = row
    return {**row, "secret": "whsec_" + "c2VjcmV0" * 5}


@router.patch("/webhooks/{name}")
async def change_webhook(crm: With, name: str, request: Request) -> Row:
    """Pause one, or go on."""
    paused = (await request.json())["paused"]
    crm.webhooks[name]["state"] = "paused" if paused else "ok"
    return crm.webhooks[name]


@router.delete("/webhooks/{name}", status_code=204)
def remove_webhook(crm: With, name: str) -> None:
    """Take one away."""
    del crm.webhooks[name]


@router.post("/webhooks/{name}/test")
def try_webhook(crm: With, name: str) -> Row:
    """Send a test: who is well answers."""
    well = crm.webhooks[name]["state"] == "ok"
    return {"ok": well, "reason": None if well else "503 Service Unavailable", "took_ms": 84}


@router.get("/webhooks/{name}/dead")
def dead(crm: With, name: str) -> Row:
    """Give what was given up."""
    return {"dead": DEAD[: crm.webhooks[name]["dead"]]}


@router.post("/webhooks/{name}/replay")
def replay(crm: With, name: str) -> Row:
    """Send it again."""
    crm.webhooks[name].update(dead=0)
    return {"events": len(DEAD)}
