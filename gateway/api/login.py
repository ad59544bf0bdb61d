"""Logging in and out."""

import time
from math import ceil
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from gateway.api import schemas
from gateway.auth import COOKIE, SESSION_S, Access, Guard

router = APIRouter(tags=["login"])

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": schemas.Problem, "description": "wrong password"},
    429: {"model": schemas.Problem, "description": "too many wrong passwords"},
}


@router.post("/login", responses=REFUSALS)
def login(request: Request, response: Response, body: schemas.LoginRequest) -> schemas.LoginAnswer:
    """Open a session: a cookie that scripts cannot read and other sites cannot send."""
    guard: Guard = request.app.state.guard
    if guard.open:
        return schemas.LoginAnswer(expires_s=SESSION_S, crm=True)
    address = request.client.host if request.client else ""
    now_s = time.time()
    if (wait_s := guard.wait_s(address, now_s)) > 0:
        raise HTTPException(
            429, "too many wrong passwords; wait a minute", {"Retry-After": str(ceil(wait_s))}
        )
    session = guard.log_in(body.password, address, now_s)
    if session is None:
        raise HTTPException(401, "wrong password")
    response.set_cookie(
        COOKIE,
        session,
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    crm = guard.access(f"{COOKIE}={session}", "", now_s) is Access.CRM
    return schemas.LoginAnswer(expires_s=SESSION_S, crm=crm)


@router.get("/login")
def whoami(request: Request) -> schemas.AccessAnswer:
    """Tell what this session or token may see: everybody may ask."""
    guard: Guard = request.app.state.guard
    headers = request.headers
    seen = guard.access(headers.get("cookie", ""), headers.get("authorization", ""), time.time())
    return schemas.AccessAnswer(logged_in=seen > Access.NOTHING, crm=seen is Access.CRM)


@router.post("/logout", status_code=204)
def logout(response: Response) -> None:
    """Close the session in this browser."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")
