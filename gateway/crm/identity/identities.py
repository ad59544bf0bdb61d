"""Identifiers as the rest of the gateway asks for them: imported, shown, merged, and taken back."""

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from contracts.crm import IdentifierKind
from contracts.errors import ConfigurationError, MallsenseError
from gateway.crm.consent.ledger import bump
from gateway.crm.consent.persons import person_of, same_as
from gateway.crm.file import reading
from gateway.crm.identity import claims, merges, resolving
from gateway.crm.identity.entries import COLUMNS, NEEDED, Entry, entry_of
from gateway.crm.identity.graph import Verdict
from gateway.crm.identity.taking import Report, Taking, settle_key
from gateway.crm.merging import Merge
from gateway.crm.tables import Bad, Row, read
from gateway.store.files import SharedWriter

MOST_ROWS = 200_000
"""Of an import; a row takes about a kilobyte of memory."""
CHUNK = 2_000
"""Rows a transaction: the gateway's own writing never waits long."""


class NobodyError(MallsenseError):
    """No member has this reference, or there is nothing of this number."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A claim, and who makes it."""

    reference: str
    row: claims.Row


@dataclass(frozen=True, slots=True)
class Conflict:
    """An identifier that two persons have about equally, with the claims to it."""

    verdict: Verdict
    references: dict[str, str]
    """Of the persons in the verdict, and of those in the claims."""
    claimed: list[claims.Row]


@dataclass(frozen=True, slots=True)
class Merged:
    """A merge, and who it is about; a reference is None where the member was erased."""

    row: merges.Row
    reference: str | None
    into: str | None


class Identities:
    """The identity graph of one mall. Any thread asks; all raise `UnavailableError`."""

    def __init__(
        self, file: SharedWriter, secret: bytes, *, now_ms: Callable[[], int], wall_ms: Callable[[], int]
    ) -> None:
        """Take a connection of the CRM's, for this alone.

        Args:
            file: the connection (`gateway.crm.file`).
            secret: belongs to the store and stays the same; hashes what may come in clear.
            now_ms: the mall's time; 0 before anything was heard.
            wall_ms: the wall's.

        """
        self._file = file
        self._secret = secret
        self._now = now_ms
        self._wall_ms = wall_ms

    def import_(self, data: bytes, *, new_key: bool = False) -> Report:
        """Take in a file (`gateway.crm.tables`, `gateway.crm.identity.entries`); again, it changes nothing.

        Raises `ConfigurationError` where it cannot be read, is too long, or was made with another key than
        what is known; nothing was taken in then. With `new_key`, claims made with another key end.
        """
        report = Report()
        entries = list(self._entries(islice(read(data, COLUMNS, NEEDED), MOST_ROWS + 1), report))
        if report.rows > MOST_ROWS:
            raise ConfigurationError(f"more than {MOST_ROWS} rows", "Split the file.")
        self._take(_of_one_key(entries, report), report, new_key=new_key)
        report.bad.sort(key=lambda bad: bad.line)
        return report

    def add(self, fields: Mapping[str, str]) -> Report:
        """Take in one row. Raises `ConfigurationError` where it was made with another key than others."""
        report = Report()
        self._take(list(self._entries([Row(1, fields)], report)), report, new_key=False)
        return report

    def _entries(self, found: Iterable[Row | Bad], report: Report) -> Iterator[Entry]:
        latest_ms = max(self._now_ms(), self._wall_ms())
        for row in found:
            report.rows += 1
            entry = row if isinstance(row, Bad) else entry_of(row, self._secret, latest_ms)
            if isinstance(entry, Bad):
                report.refuse(entry)
            else:
                yield entry

    def _take(self, entries: list[Entry], report: Report, *, new_key: bool) -> None:
        now_ms, wall_ms = self._now_ms(), self._wall_ms()
        taking = Taking(report, now_ms, wall_ms)
        key = next((entry.key for entry in entries if entry.key), None)
        for start in range(0, len(entries), CHUNK):
            with self._file.transaction() as db:
                if key is not None:
                    settle_key(db, key, new_key=new_key and start == 0, now_ms=now_ms)
                taking.take(db, entries[start : start + CHUNK])

    def claims(self, reference: str) -> list[Claimed]:
        """Give the claims of a member and of whoever is the same person. Raises `NobodyError`."""
        with reading(self._file) as db:
            people = same_as(db, _person(db, reference))
            names = _references(db, people)
            return [Claimed(names[row.person], row) for row in claims.of_persons(db, names)]

    def end_claim(self, claim: int, why: str) -> None:
        """Say that a claim holds no longer. Raises `NobodyError`."""
        with self._file.transaction() as db:
            if not claims.end(db, claim, self._now_ms(), why):
                raise NobodyError(f"no claim {claim} that holds", "A member's claims are listed with it.")
            bump(db)

    def conflicts(self, reference: str | None = None) -> list[Conflict]:
        """Give all conflicts, or those of a member. Raises `NobodyError`."""
        with reading(self._file) as db:
            found = resolving.conflicts(db)
            if reference is not None:
                people = set(same_as(db, _person(db, reference)))
                found = [one for one in found if any(share.person in people for share in one.shares)]
            rows = claims.to(db, [(one.kind, one.digest) for one in found])
            of: dict[tuple[IdentifierKind, str], list[claims.Row]] = {}
            for row in rows:
                of.setdefault((row.kind, row.digest), []).append(row)
            persons = {row.person for row in rows} | {s.person for one in found for s in one.shares}
            names = _references(db, persons)
            return [Conflict(one, names, of[one.kind, one.digest]) for one in found]

    def merges(self) -> list[Merged]:
        """Give all merges in order, those that were undone, too."""
        with reading(self._file) as db:
            rows = merges.all_of(db)
            names = _references(db, {p for row in rows for p in (row.person, row.into)})
            return [Merged(row, names.get(row.person), names.get(row.into)) for row in rows]

    def merge(self, reference: str, into: str, evidence: str, t_ms: int | None = None) -> int:
        """Say that two references are one person, which goes on as the second; gives the merge's number.

        Raises `NobodyError`, and `AlreadyOneError` where they are that already.
        """
        now_ms = self._now_ms()
        with self._file.transaction() as db:
            merge = Merge(_person(db, reference), _person(db, into))
            number = merges.make(db, merge, evidence, now_ms if t_ms is None else t_ms, self._wall_ms())
            bump(db)
            return number

    def unmerge(self, merge: int, why: str) -> None:
        """Take a merge back: everything is again as without it. Raises `NobodyError`."""
        with self._file.transaction() as db:
            if not merges.undo(db, merge, self._now_ms(), why):
                raise NobodyError(f"no merge {merge} that holds", "GET /crm/merges lists them.")
            bump(db)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _now_ms(self) -> int:
        return self._now() or self._wall_ms()


def _of_one_key(entries: list[Entry], report: Report) -> list[Entry]:
    """Leave out entries that were made with another key than those before them."""
    key = next((entry.key for entry in entries if entry.key), None)
    kept = []
    for entry in entries:
        if entry.key in (None, key):
            kept.append(entry)
        else:
            report.refuse(Bad(entry.line, "key", "made with another key than the rows before"))
    return kept


def _person(db: sqlite3.Connection, reference: str) -> str:
    person = person_of(db, reference)
    if person is None:
        raise NobodyError("no member has this reference", "Members are known once they have said yes or no.")
    return person


def _references(db: sqlite3.Connection, persons: set[str] | list[str]) -> dict[str, str]:
    rows = db.execute(
        "SELECT person, reference FROM crm_persons WHERE person IN (SELECT value FROM json_each(?))",
        (json.dumps(sorted(persons)),),
    )
    return dict(rows.fetchall())
