"""Who is sent the feed: webhooks, and the mall's broker; their secrets, and how they are."""

import base64
import secrets
import sqlite3
from dataclasses import dataclass

from contracts.errors import MallsenseError
from gateway.crm.delivery.filters import EVERYTHING, Filter

BROKER = "@broker"
"""The subscriber that stands for the mall's broker; no webhook can be called so."""
NAME = r"^[a-z0-9][a-z0-9-]{0,62}$"
MOST = 100
"""Webhooks at most."""
BOTH_MS = 24 * 3_600_000
"""How long a secret signs beside the one that replaces it."""
_SECRET_BYTES = 32  # Standard Webhooks: 24 to 64

_COLUMNS = (
    "subscriber, url, zones, kinds, segments, private, paused, secret, old_secret, old_until_ms, cursor,"
    " failures, next_try_ms, last_ok_ms, last_error"
)


class TakenError(MallsenseError):
    """There is a webhook of that name already, or there are too many."""


class UnknownError(MallsenseError):
    """There is no webhook of that name."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One receiver of the feed. Times are of the wall."""

    subscriber: str
    url: str | None
    """None = the mall's broker."""
    filter: Filter
    private: bool
    paused: bool
    secret: bytes
    old_secret: bytes | None
    old_until_ms: int | None
    cursor: int
    failures: int
    """In a row, of the receiver as a whole."""
    next_try_ms: int
    last_ok_ms: int | None
    last_error: str | None

    def __repr__(self) -> str:
        """Show no secret and no URL, which may have a token in it."""
        return f"Subscriber({self.subscriber})"

    def keys(self, now_ms: int) -> tuple[bytes, ...]:
        """Return the secrets that sign now, the newest first."""
        if self.old_secret is None or now_ms >= (self.old_until_ms or 0):
            return (self.secret,)
        return (self.secret, self.old_secret)


def shown(secret: bytes) -> str:
    """Write a secret as receivers are given it (Standard Webhooks: `whsec_` and base64)."""
    return "whsec_" + base64.b64encode(secret).decode()


def add(
    db: sqlite3.Connection, name: str, url: str | None, wanted: Filter, *, private: bool, cursor: int
) -> bytes:
    """Add a receiver that has been sent the feed up to `cursor`; gives its secret.

    Raises `TakenError`.
    """
    if find(db, name) is not None:
        raise TakenError(f"there is a webhook {name!r} already", "Choose another name, or remove it first.")
    if db.execute("SELECT count(*) FROM crm_subscribers").fetchone()[0] > MOST:
        raise TakenError(f"there are {MOST} webhooks already", "Remove one that nobody needs.")
    secret = secrets.token_bytes(_SECRET_BYTES)
    db.execute(
        f"INSERT INTO crm_subscribers ({_COLUMNS})"  # noqa: S608  # names above
        " VALUES (?, ?, ?, ?, ?, ?, 0, ?, NULL, NULL, ?, 0, 0, NULL, NULL)",
        (name, url, *wanted.columns(), private, secret, cursor),
    )
    return secret


def ensure_broker(db: sqlite3.Connection, cursor: int) -> None:
    """Have the mall's broker among the subscribers; a new one begins after `cursor`."""
    if find(db, BROKER) is None:
        add(db, BROKER, None, EVERYTHING, private=True, cursor=cursor)


def find(db: sqlite3.Connection, name: str) -> Subscriber | None:
    """Return one; None where there is none."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM crm_subscribers WHERE subscriber = ?",  # noqa: S608
        (name,),
    ).fetchone()
    return None if row is None else _read(row)


def everybody(db: sqlite3.Connection) -> list[Subscriber]:
    """Return all, by name."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM crm_subscribers ORDER BY subscriber")  # noqa: S608
    return [_read(row) for row in rows]


def change(db: sqlite3.Connection, name: str, **columns: object) -> None:
    """Set columns of one; it is tried again at once. `columns` are names of the table's, never of a user's.

    Raises `UnknownError`.
    """
    columns = {"failures": 0, "next_try_ms": 0, **columns}
    assignments = ", ".join(f"{column} = ?" for column in columns)
    done = db.execute(
        f"UPDATE crm_subscribers SET {assignments} WHERE subscriber = ?",  # noqa: S608
        (*columns.values(), name),
    )
    if not done.rowcount:
        raise unknown(name)
    db.execute("UPDATE crm_pending SET next_try_ms = 0 WHERE subscriber = ? AND head = 1", (name,))


def rotate(db: sqlite3.Connection, name: str, now_ms: int) -> bytes:
    """Give one a new secret; the one before signs beside it for a day. Raises `UnknownError`."""
    secret = secrets.token_bytes(_SECRET_BYTES)
    done = db.execute(
        "UPDATE crm_subscribers SET old_secret = secret, old_until_ms = ?, secret = ? WHERE subscriber = ?",
        (now_ms + BOTH_MS, secret, name),
    )
    if not done.rowcount:
        raise unknown(name)
    return secret


def remove(db: sqlite3.Connection, name: str) -> None:
    """Remove one, with what waits for it and its dead letters. Raises `UnknownError`."""
    for table in ("crm_pending", "crm_dead"):
        db.execute(f"DELETE FROM {table} WHERE subscriber = ?", (name,))  # noqa: S608
    if not db.execute("DELETE FROM crm_subscribers WHERE subscriber = ?", (name,)).rowcount:
        raise unknown(name)


def unknown(name: str) -> UnknownError:
    """Say that there is none of this name."""
    return UnknownError(f"no webhook {name!r}", "`mallsense crm webhooks list` shows all.")


def _read(row: tuple[object, ...]) -> Subscriber:
    name, url, zones, kinds, segments, private, paused, *rest = row
    return Subscriber(name, url, Filter.read(zones, kinds, segments), bool(private), bool(paused), *rest)  # type: ignore[arg-type]
