"""What real systems would deliver about the population, and when: the CRM's, the Wi-Fi's, the tills'.

Consents as the CRM would post them, identifiers as rows of `POST /api/v1/crm/imports/identifiers`, sales as
rows of `POST /api/v1/crm/sales`; digests are made with the mall's key, as `mallsense members digest` makes
them. Everything is delivered, whether or not anybody agreed to it: what may not be kept is for the receiver
to refuse.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from contracts.crm import IdentifierKind, Purpose
from edge_agent.enrolled import enrolled_digest
from edge_agent.members import member_digest
from edge_agent.opt_out import key_id
from simulators.members.casting import Login
from simulators.members.population import DAY_MS, Consent, Person, Population
from simulators.members.tills import Sale

ENROLLED_D = 100
"""So many days before the period somebody said what their plate is who never agrees to parking."""
IDENTIFIER_COLUMNS = ("reference", "kind", "digest", "evidence", "t_ms", "key")
SALE_COLUMNS = ("sale", "zone", "t", "amount", "discount", "items", "reference")


class Identifier(NamedTuple):
    """A row of the import of identifiers."""

    reference: str
    kind: IdentifierKind
    digest: str
    evidence: str
    t_ms: int
    key: str

    def row(self) -> dict[str, str]:
        """Return it as the import reads it."""
        return {name: str(value) for name, value in zip(IDENTIFIER_COLUMNS, self, strict=True)}


@dataclass
class Delivery:
    """What is delivered at once, each part in order of time."""

    consents: list[tuple[str, Consent]] = field(default_factory=list)
    """With the reference of who said it."""
    identifiers: list[Identifier] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Tell whether there is anything."""
        return bool(self.consents or self.identifiers)


class Records:
    """What systems know of a population, given out as time goes on."""

    def __init__(self, population: Population, key: bytes) -> None:
        """Begin before anything was said; digests are made with the mall's `key` of 32 bytes."""
        self._key, self._key_id = key, key_id(key)
        self._persons = population.persons
        self._said: list[tuple[int, str, Consent]] = []
        self._known: list[Identifier] = []
        for person in population.members:
            reference = person.reference or ""
            self._said += [(said.t_ms, reference, said) for said in person.consents]
            if person.plate is not None:
                enrolled_ms = population.start_ms - ENROLLED_D * DAY_MS
                digest = enrolled_digest(key, person.plate.text)
                self._add(person, IdentifierKind.PLATE, digest, "form", enrolled_ms)
            if person.login_ms is not None and person.login_ms < population.start_ms:
                device_of = person.number if person.tablet_of is None else person.tablet_of
                self._login(person, self._persons[device_of], person.login_ms)
        self._said.sort(key=lambda one: one[0])
        self._known.sort(key=lambda one: one.t_ms)

    def until(self, t_ms: int, logins: Iterable[Login] = ()) -> Delivery:
        """Return what has become known up to `t_ms` and was not given before; `logins` are new ones."""
        for login in logins:
            self._login(self._persons[login.person], self._persons[login.device_of], login.t_ms)
        self._known.sort(key=lambda one: one.t_ms)
        said = sum(moment <= t_ms for moment, _, _ in self._said)
        known = sum(one.t_ms <= t_ms for one in self._known)
        delivery = Delivery([(who, what) for _, who, what in self._said[:said]], self._known[:known])
        del self._said[:said], self._known[:known]
        return delivery

    def _login(self, person: Person, device_of: Person, t_ms: int) -> None:
        address = device_of.phone.address.to_bytes(6, "big")
        self._add(person, IdentifierKind.WIFI, member_digest(self._key, address), "login", t_ms)

    def _add(self, person: Person, kind: IdentifierKind, digest: str, evidence: str, t_ms: int) -> None:
        """Say an identifier when it becomes known, and again whenever the member agrees to its purpose."""
        purpose = Purpose.POSITION if kind is IdentifierKind.WIFI else Purpose.PARKING
        agreed = [said.t_ms for said in person.consents if said.purpose is purpose and said.given]
        for moment in sorted({t_ms, *(later for later in agreed if later > t_ms)}):
            self._known.append(
                Identifier(person.reference or "", kind, digest, evidence, moment, self._key_id)
            )


def consents_json(said: Iterable[tuple[str, Consent]]) -> list[dict[str, object]]:
    """Return consents as bodies of `POST /api/v1/crm/consents`."""
    return [{"reference": reference, **one._asdict()} for reference, one in said]


def identifiers_csv(identifiers: Iterable[Identifier]) -> str:
    """Return identifiers as the import takes them."""
    return _csv(IDENTIFIER_COLUMNS, (tuple(map(str, one)) for one in identifiers))


def sales_csv(sales: Iterable[Sale]) -> str:
    """Return sales as a till's file: amounts with two decimals, times in UTC."""
    return _csv(SALE_COLUMNS, (_sale_row(sale) for sale in sales))


def write_records(folder: Path, delivery: Delivery, sales: Sequence[Sale]) -> None:
    """Write consents.jsonl, identifiers.csv and sales.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in consents_json(delivery.consents)]
    (folder / "consents.jsonl").write_text("".join(lines), encoding="utf-8")
    (folder / "identifiers.csv").write_text(identifiers_csv(delivery.identifiers), encoding="utf-8")
    (folder / "sales.csv").write_text(sales_csv(sales), encoding="utf-8")


def _sale_row(sale: Sale) -> Sequence[str]:
    moment = datetime.fromtimestamp(sale.t_ms / 1000, UTC).isoformat()
    money = (f"{value // 100}.{value % 100:02d}" for value in (sale.amount, sale.discount))
    return (sale.number, sale.zone, moment, *money, str(sale.items), sale.reference or "")


def _csv(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()
