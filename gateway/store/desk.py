"""The car park's desk: tickets by which drivers find their cars, and claims of free parking.

A ticket is random, 128 bits of it, and kept as a keyed hash: who reads the file cannot use it. A claim has a
name that the claimant chooses: the same claim sent again, after a lost answer or a restart, is no second one.
"""

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from contracts.errors import MallsenseError
from gateway.store.files import SharedWriter

TICKET_MS = 48 * 3_600_000
"""How long a ticket finds its car: after that the car's plate cannot be recognised any more, either."""
CLAIMS_MS = 90 * 24 * 3_600_000
"""How long it is known who has had what."""


class RefusedError(MallsenseError):
    """A claim that is not granted."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket: the car passed `camera` in a period; `stay` is None until it is known which car that was."""

    camera: str
    from_ms: int
    to_ms: int
    stay: str | None
    expires_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """Free parking that was granted."""

    claim: str
    voucher: str
    stay: str
    t_ms: int
    free_min: int


class Desk:
    """Tickets and claims, in tables of the SQLite file beside the gateway. Any thread calls it.

    Every method raises `UnavailableError` when the file cannot be used right now.
    """

    def __init__(self, path: Path, secret: bytes) -> None:
        """Open the file; `secret` belongs to the store and stays the same."""
        self._key = secret
        self._file = SharedWriter(path)

    def issue(self, camera: str, from_ms: int, to_ms: int, now_ms: int) -> tuple[str, int]:
        """Make a ticket for the car that passes `camera` in a period; gives it, and when it expires."""
        token, expires_ms = secrets.token_urlsafe(16), now_ms + TICKET_MS
        with self._file.transaction() as db:
            _forget(db, now_ms)
            row = (self._hash("ticket", token), camera, from_ms, to_ms, expires_ms)
            db.execute("INSERT INTO tickets VALUES (?, ?, ?, ?, NULL, ?)", row)
        return token, expires_ms

    def ticket(self, token: str, now_ms: int) -> Ticket | None:
        """Return a ticket; None where there is none, or it has expired."""
        with self._file.connection() as db:
            row = db.execute(
                "SELECT camera, from_ms, to_ms, stay, expires_ms FROM tickets"
                " WHERE ticket = ? AND expires_ms >= ?",
                (self._hash("ticket", token), now_ms),
            ).fetchone()
        return None if row is None else Ticket(*row)

    def settle(self, token: str, stay: str) -> None:
        """Say which stay a ticket is of."""
        with self._file.transaction() as db:
            db.execute("UPDATE tickets SET stay = ? WHERE ticket = ?", (stay, self._hash("ticket", token)))

    def claim(self, made: Claim, *, day: int, member: str | None) -> Claim:
        """Grant a claim, or give the one of this name that was granted before.

        Raises:
            RefusedError: somebody has claimed it for this stay, or this member today, or another claim has
                this name.

        """
        hashed = None if member is None else self._hash("member", member)
        row = (made.claim, made.voucher, made.stay, hashed, day, made.t_ms, made.free_min)
        with self._file.transaction() as db:
            _forget(db, made.t_ms)
            try:
                db.execute("INSERT INTO claims VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError as error:
                return self._granted_before(db, made, hashed, error)
        return made

    def _granted_before(
        self, db: sqlite3.Connection, made: Claim, member: bytes | None, error: sqlite3.IntegrityError
    ) -> Claim:
        before = db.execute(
            "SELECT claim, voucher, stay, t_ms, free_min, member FROM claims WHERE claim = ?", (made.claim,)
        ).fetchone()
        if before is not None:
            if (before[1], before[2], before[5]) != (made.voucher, made.stay, member):
                raise RefusedError(
                    f"another claim has the name {made.claim!r}", "Give every claim a name of its own."
                ) from error
            return Claim(*before[:5])
        of_stay = db.execute(
            "SELECT 1 FROM claims WHERE voucher = ? AND stay = ?", (made.voucher, made.stay)
        ).fetchone()
        whose = "for this stay" if of_stay else "by this member today"
        raise RefusedError(f"voucher {made.voucher} was claimed {whose} already") from error

    def named(self, claim: str) -> Claim | None:
        """Return the claim of a name; None where there is none."""
        with self._file.connection() as db:
            row = db.execute(
                "SELECT claim, voucher, stay, t_ms, free_min FROM claims WHERE claim = ?", (claim,)
            ).fetchone()
        return None if row is None else Claim(*row)

    def claims(self, stay: str) -> Sequence[Claim]:
        """Return what was granted for a stay, in the order in which it was."""
        with self._file.connection() as db:
            rows = db.execute(
                "SELECT claim, voucher, stay, t_ms, free_min FROM claims WHERE stay = ? ORDER BY t_ms, claim",
                (stay,),
            ).fetchall()
        return [Claim(*row) for row in rows]

    def _hash(self, what: str, text: str) -> bytes:
        return blake2b(text.encode(), key=self._key, person=what.encode(), digest_size=16).digest()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _forget(db: sqlite3.Connection, now_ms: int) -> None:
    db.execute("DELETE FROM tickets WHERE expires_ms < ?", (now_ms,))
    db.execute("DELETE FROM claims WHERE t_ms < ?", (now_ms - CLAIMS_MS,))
