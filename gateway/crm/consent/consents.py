"""Consent as the rest of the gateway asks for it: said, listed, shown, and members forgotten."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from contracts.crm import Purpose
from gateway.crm.consent.afterwards import Afterwards, Elsewhere
from gateway.crm.consent.erasure import erase_persons
from gateway.crm.consent.export import FORMAT, VERSION, tables_of
from gateway.crm.consent.ledger import Entry, Ledger
from gateway.crm.consent.members import LabelsOf, Member, describe, find_members
from gateway.crm.consent.persons import person_of, same_as
from gateway.crm.consent.traces import traces_of
from gateway.crm.consent.withdrawal import Recorded, Said, record
from gateway.crm.file import reading
from gateway.store.erasing.records import records_of
from gateway.store.files import SharedWriter

LARGEST = 2**62
"""Above the number of every entry."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A member, and what the member has said."""

    member: Member
    entries: Sequence[Entry]


class Consents:
    """The ledger of one mall, and the members in it. Any thread asks; all raise `UnavailableError`."""

    def __init__(
        self,
        file: SharedWriter,
        mall: str,
        secret: bytes,
        *,
        now_ms: Callable[[], int],
        wall_ms: Callable[[], int],
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Take a connection of the CRM's, for this alone.

        Args:
            file: the connection (`gateway.crm.file`).
            mall: names the source of events.
            secret: belongs to the store and stays the same.
            now_ms: the mall's time; 0 before anything was heard.
            wall_ms: the wall's.
            elsewhere: the server that the history is in; None = that is in the file, too.

        """
        self._file = file
        self._mall = mall
        self._secret = secret
        self._now_ms = now_ms
        self._wall_ms = wall_ms
        self._elsewhere = elsewhere
        self.labels_of: LabelsOf | None = None
        """Says what others know of members; None = nobody does."""
        self.afterwards = Afterwards(file, wall_ms, elsewhere)
        """Started and stopped by the CRM."""

    def say(self, said: Sequence[Said]) -> list[Recorded]:
        """Write down what members say, all of it or nothing.

        Raises `ReferenceRefusedError` and `FutureError`, as `withdrawal.record`.
        """
        wall_ms = self._wall_ms()
        now_ms = self._now_ms() or wall_ms
        with self._file.transaction() as db:
            done = [record(db, one, mall=self._mall, now_ms=now_ms, wall_ms=wall_ms) for one in said]
        if any(one.new and not one.entry.given for one in done):
            self.afterwards.withdrawn()
        return done

    def export(self, reference: str) -> dict[str, Any] | None:
        """Return everything held about a member (`export`); None where nobody is called so.

        Raises `ConfigurationError`, too, where the history is elsewhere.
        """
        with reading(self._file) as db:
            person = person_of(db, reference)
            if person is None:
                return None
            people = same_as(db, person)
            tables, traces = tables_of(db, people, self._secret), traces_of(db, people)
            history = records_of(db, traces) if self._elsewhere is None else {}
        if self._elsewhere is not None:
            history = self._elsewhere.held(traces)
        references = [row["reference"] for row in tables["crm_persons"]]
        made = {"format": FORMAT, "version": VERSION, "made_ms": self._wall_ms(), "references": references}
        return {**made, "tables": tables, "history": history}

    def erase(self, reference: str) -> tuple[Counter[str], bool] | None:
        """Forget a member, and everybody merged with them; None where nobody is called so.

        Gives the number of rows, points and entries by table, and whether more is taken out later.
        """
        wall_ms = self._wall_ms()
        with self._file.transaction() as db:
            person = person_of(db, reference)
            if person is None:
                return None
            gone, erasure = erase_persons(
                db, same_as(db, person), mall=self._mall, secret=self._secret,
                t_ms=self._now_ms() or wall_ms, wall_ms=wall_ms,
            )  # fmt: skip
        self.afterwards.withdrawn()
        more, again = self.afterwards.erased(erasure)
        return gone + more, again

    def page(self, after: int, limit: int) -> list[tuple[str, Entry]]:
        """Return at most `limit` entries above `after` with the references of who said them, in order."""
        with reading(self._file) as db:
            names = dict(db.execute("SELECT person, reference FROM crm_persons"))
            return [(names[entry.person], entry) for entry in Ledger.page(db, after, limit)]

    def newest(self, before: int, limit: int, purpose: Purpose | None) -> list[tuple[str, Entry]]:
        """Return the same below `before` (0 = the newest), of a purpose or of all, the newest first."""
        with reading(self._file) as db:
            names = dict(db.execute("SELECT person, reference FROM crm_persons"))
            found = Ledger.newest(db, before or LARGEST, limit, purpose)
            return [(names[entry.person], entry) for entry in found]

    def members(self, search: str, after: str, limit: int) -> list[Member]:
        """Return at most `limit` members after a reference, in order of references."""
        with reading(self._file) as db:
            return describe(db, find_members(db, search, after, limit), self.labels_of)

    def member(self, reference: str) -> Shown | None:
        """Return a member, and what was said under this reference; None where nobody is called so."""
        with reading(self._file) as db:
            person = person_of(db, reference)
            if person is None:
                return None
            (member,) = describe(db, [(person, reference)], self.labels_of)
            return Shown(member, Ledger.entries(db, person))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
