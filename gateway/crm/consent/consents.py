"""Consent as the rest of the gateway asks for it: said, listed, shown, and members forgotten."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gateway.crm.consent.ledger import Entry, Ledger
from gateway.crm.consent.members import LabelsOf, Member, describe, find_members
from gateway.crm.consent.persons import person_of
from gateway.crm.consent.withdrawal import Recorded, Said, record
from gateway.store.files import SharedWriter


@dataclass(frozen=True, slots=True)
class Shown:
    """A member, and what the member has said."""

    member: Member
    entries: Sequence[Entry]


class Consents:
    """The ledger of one mall, and the members in it. Any thread asks; all raise `UnavailableError`."""

    def __init__(
        self, file: SharedWriter, mall: str, *, now_ms: Callable[[], int], wall_ms: Callable[[], int]
    ) -> None:
        """Take a connection of the CRM's, for this alone.

        Args:
            file: the connection (`gateway.crm.file`).
            mall: names the source of events.
            now_ms: the mall's time; 0 before anything was heard.
            wall_ms: the wall's.

        """
        self._file = file
        self._mall = mall
        self._now_ms = now_ms
        self._wall_ms = wall_ms
        self.labels_of: LabelsOf | None = None
        """Says what others know of members; None = nobody does."""

    def say(self, said: Sequence[Said]) -> list[Recorded]:
        """Write down what members say, all of it or nothing.

        Raises `ReferenceRefusedError` and `FutureError`, as `withdrawal.record`.
        """
        wall_ms = self._wall_ms()
        now_ms = self._now_ms() or wall_ms
        with self._file.transaction() as db:
            return [record(db, one, mall=self._mall, now_ms=now_ms, wall_ms=wall_ms) for one in said]

    def page(self, after: int, limit: int) -> list[tuple[str, Entry]]:
        """Return at most `limit` entries above `after` with the references of who said them, in order."""
        with self._reading() as db:
            names = dict(db.execute("SELECT person, reference FROM crm_persons"))
            return [(names[entry.person], entry) for entry in Ledger.page(db, after, limit)]

    def members(self, search: str, after: str, limit: int) -> list[Member]:
        """Return at most `limit` members after a reference, in order of references."""
        with self._reading() as db:
            return describe(db, find_members(db, search, after, limit), self.labels_of)

    def member(self, reference: str) -> Shown | None:
        """Return a member, and what was said under this reference; None where nobody is called so."""
        with self._reading() as db:
            person = person_of(db, reference)
            if person is None:
                return None
            (member,) = describe(db, [(person, reference)], self.labels_of)
            return Shown(member, Ledger.entries(db, person))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection, with everything as it is at one moment."""
        with self._file.connection() as db:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("ROLLBACK")
