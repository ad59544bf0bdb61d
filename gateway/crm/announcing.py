"""What the CRM says by itself in the feed: withdrawals, alerts, tests of a webhook."""

import sqlite3

import msgspec

from contracts.crm import FeedEvent, FeedKind
from contracts.events import rfc3339
from contracts.schemas import data_schema, event_type


def announcement(
    mall: str, kind: FeedKind, name: str, *, subject: str, t_ms: int, data: msgspec.Struct
) -> FeedEvent:
    """Return the event with the id `name`; its type and schema follow from its kind."""
    return FeedEvent(
        id=name,
        source=f"/mallsense/{mall}",
        type=event_type(kind),
        subject=subject,
        time=rfc3339(t_ms),
        dataschema=data_schema(kind),
        data=msgspec.Raw(msgspec.json.encode(data)),
    )


def announce(db: sqlite3.Connection, event: FeedEvent, kind: FeedKind, *, about: str, t_ms: int) -> None:
    """Put an event into the feed, once: nobody's row, in the lane of what it is `about`."""
    db.execute(
        "INSERT OR IGNORE INTO crm_feed (id, revision, kind, zone, subject, person, t_ms, payload)"
        " VALUES (?, 1, ?, ?, ?, NULL, ?, ?)",
        (event.id, kind, event.subject, about, t_ms, msgspec.json.encode(event)),
    )
