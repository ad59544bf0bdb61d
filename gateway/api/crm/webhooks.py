"""Webhooks: who is sent the feed, how that goes, having it sent again; and the schemas of what is sent."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query

from contracts import schemas as registry
from contracts.errors import ConfigurationError
from gateway.api import schemas
from gateway.api.crm import schemas_webhooks as own
from gateway.api.crm.having import With
from gateway.crm.crm import Crm
from gateway.crm.delivery import status
from gateway.crm.delivery.addresses import check_url
from gateway.crm.delivery.filters import Filter
from gateway.crm.delivery.status import Status
from gateway.crm.delivery.subscribers import TakenError, UnknownError

REFUSED: dict[int | str, dict[str, Any]] = {
    404: {"model": schemas.Problem, "description": "no such webhook, or the mall has no CRM"},
}
TAKEN: dict[int | str, dict[str, Any]] = {
    409: {"model": schemas.Problem, "description": "there is one of this name, or there are too many"},
}

router = APIRouter(tags=["crm: webhooks"], responses=REFUSED)


@router.get("/webhooks")
def webhooks(crm: With) -> list[own.WebhookRow]:
    """Give all webhooks, and how they are."""
    return [own.WebhookRow(**_row(one)) for one in crm.delivery.desk.everybody()]


@router.post("/webhooks", status_code=201, responses=TAKEN)
def add(crm: With, new: own.NewWebhook) -> own.WebhookMade:
    """Add a webhook; its secret is shown this once."""
    with _explained():
        wanted = Filter(*_checked(crm, new.zones, new.kinds, new.segments))
        made, secret = crm.delivery.desk.add(
            new.subscriber,
            check_url(new.url, private=new.private),
            wanted,
            private=new.private,
            since_ms=new.since_ms,
        )
    return own.WebhookMade(**_row(made), secret=secret)


@router.patch("/webhooks/{subscriber}")
def change(crm: With, subscriber: str, asked: own.WebhookChange) -> own.WebhookRow:
    """Change a webhook: pause it, resume it, send other events or to another address; tried again at once."""
    given = asked.model_fields_set
    with _explained():
        before = crm.delivery.desk.one(subscriber)
        private = before.to.private if asked.private is None else asked.private
        url = check_url(asked.url or before.to.url or "", private=private)
        lists = _checked(crm, asked.zones, asked.kinds, asked.segments)
        kept = (before.to.filter.zones, before.to.filter.kinds, before.to.filter.segments)
        names = ("zones", "kinds", "segments")
        wanted = Filter(
            *(new if name in given else old for name, new, old in zip(names, lists, kept, strict=True))
        )
        paused = before.to.paused if asked.paused is None else asked.paused
        made = crm.delivery.desk.change(subscriber, url, wanted, private=private, paused=paused)
    return own.WebhookRow(**_row(made))


@router.delete("/webhooks/{subscriber}", status_code=204)
def remove(crm: With, subscriber: str) -> None:
    """Remove a webhook, with what waits for it and its dead letters."""
    with _explained():
        crm.delivery.desk.remove(subscriber)


@router.post("/webhooks/{subscriber}/secret")
def rotate(crm: With, subscriber: str) -> own.SecretAnswer:
    """Give a webhook a new secret; the one before signs beside it for a day."""
    with _explained():
        secret, until_ms = crm.delivery.desk.rotate(subscriber)
    return own.SecretAnswer(secret=secret, old_until_ms=until_ms)


@router.post("/webhooks/{subscriber}/test")
def try_out(crm: With, subscriber: str) -> own.TryAnswer:
    """Send a test event now, once, and tell what the receiver answers."""
    with _explained():
        answer, took_s = crm.delivery.try_out(subscriber)
    return own.TryAnswer(ok=not answer.reason, reason=answer.reason or None, took_ms=round(took_s * 1000))


@router.post("/webhooks/{subscriber}/replay")
def replay(crm: With, subscriber: str, asked: own.ReplayRequest) -> own.ReplayAnswer:
    """Send again: one event, all dead letters, or everything from a moment on."""
    if [asked.event is not None, asked.dead, asked.from_ms is not None].count(True) != 1:
        raise HTTPException(422, "give one of `event`, `dead` (true) and `from_ms`")
    with _explained():
        if asked.event is not None:
            events = crm.delivery.desk.replay_event(subscriber, asked.event)
        elif asked.from_ms is not None:
            events = crm.delivery.desk.replay_from(subscriber, asked.from_ms)
        else:
            events = crm.delivery.desk.replay_dead(subscriber)
    return own.ReplayAnswer(events=events)


@router.get("/webhooks/{subscriber}/dead")
def dead(
    crm: With,
    subscriber: str,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> own.DeadAnswer:
    """Give what could not be delivered in three days, and why."""
    with _explained():
        found = crm.delivery.desk.dead(subscriber, after, limit)
    return own.DeadAnswer(
        dead=[own.DeadRow(**asdict(one)) for one in found],
        next=found[-1].seq if len(found) == limit else None,
    )


@router.get("/schemas")
def all_schemas(crm: With) -> list[own.SchemaRow]:  # noqa: ARG001  # 404 where there is no CRM
    """Give the names of all schemas of events."""
    return [
        own.SchemaRow(name=name, id=one["$id"], description=one.get("description", ""))
        for name, one in registry.documents().items()
    ]


@router.get("/schemas/{name}")
def schema(crm: With, name: str) -> own.JsonSchema:  # noqa: ARG001
    """Give the JSON Schema of a type of events: what their `data` is."""
    found = registry.documents().get(name.removeprefix(registry.URN))
    if found is None:
        raise HTTPException(404, "no such schema; GET /crm/schemas lists them")
    return found


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except UnknownError as error:
        raise HTTPException(404, error.message) from error
    except TakenError as error:
        raise HTTPException(409, f"{error.message}. {error.hint}") from error
    except ConfigurationError as error:
        raise HTTPException(422, f"{error.message}. {error.hint}".removesuffix(". ")) from error


def _checked(
    crm: Crm, zones: list[str] | None, kinds: list[str] | None, segments: list[str] | None
) -> tuple[frozenset[str] | None, ...]:
    """Return the lists as sets. Raises `ConfigurationError` for a zone or a kind that there is not."""
    for what, asked, known in (
        ("zone", zones, status.zones(crm.site)),
        ("kind of event", kinds, list(registry.DATA)),
    ):
        unknown = [one for one in asked or () if one not in known]
        if unknown:
            raise ConfigurationError(f"no {what} {unknown[0]!r}; there are {', '.join(known)}")
    return tuple(None if each is None else frozenset(each) for each in (zones, kinds, segments))


def _row(one: Status) -> dict[str, Any]:
    to = one.to
    return {
        "subscriber": to.subscriber,
        "url": to.url or "",
        "zones": None if to.filter.zones is None else sorted(to.filter.zones),
        "kinds": None if to.filter.kinds is None else sorted(to.filter.kinds),
        "segments": None if to.filter.segments is None else sorted(to.filter.segments),
        "private": to.private,
        "state": one.state,
        "waiting": one.waiting,
        "dead": one.dead,
        "last_ok_ms": to.last_ok_ms,
        "last_error": to.last_error,
        "next_try_ms": to.next_try_ms if to.failures else None,
    }
