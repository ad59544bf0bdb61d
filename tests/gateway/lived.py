"""Months of members' lives, as matching and tills leave them in a store."""

import sqlite3

from contracts.crm import Purpose
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.persons import add_person
from simulators.members.life import Life


def keep_life(db: sqlite3.Connection, life: Life, since_ms: int) -> list[str]:
    """Write what members did who agree to everything since a moment; gives what they are called inside."""
    persons = [agreeing(db, f"m-{number:06d}", since_ms) for number in range(len(life.type))]
    visits, stays, sales = life.visits, life.stays, life.sales
    rows = zip(visits.person.tolist(), visits.start_ms.tolist(), visits.end_ms.tolist(), strict=True)
    db.executemany(
        "INSERT INTO crm_visits (visit, person, zone, floor, started_ms, ended_ms, dwell_s, confidence)"
        " VALUES (?, ?, 'mall', '', ?, ?, ?, 1.0)",
        [(f"v{i}", persons[who], a, b, (b - a) / 1000) for i, (who, a, b) in enumerate(rows)],
    )
    shops = [life.shops[shop] for shop in stays.shop.tolist()]
    rows = zip(stays.person.tolist(), stays.start_ms.tolist(), stays.end_ms.tolist(), strict=True)
    db.executemany(
        "INSERT INTO crm_visits (visit, person, zone, floor, started_ms, ended_ms, dwell_s, confidence)"
        " VALUES (?, ?, ?, 'F1', ?, ?, ?, 0.9)",
        [(f"s{i}", persons[who], shops[i], a, b, (b - a) / 1000) for i, (who, a, b) in enumerate(rows)],
    )
    by_car = visits.by_car.nonzero()[0].tolist()
    db.executemany(
        "INSERT INTO crm_stays (stay, person, entered_ms, left_ms, confidence) VALUES (?, ?, ?, ?, 0.9)",
        [
            (f"c{i}", persons[int(visits.person[i])], int(visits.start_ms[i]) - 60_000, int(visits.end_ms[i]))
            for i in by_car
        ],
    )
    columns = zip(
        sales.person.tolist(), sales.shop.tolist(), sales.t_ms.tolist(), sales.amount.tolist(),
        sales.discount.tolist(), sales.items.tolist(), strict=True,
    )  # fmt: skip
    db.executemany(
        "INSERT INTO crm_sales (sale, zone, t_ms, amount, discount, items, person)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(f"r{i}", life.shops[shop], *row, persons[who]) for i, (who, shop, *row) in enumerate(columns)],
    )
    return persons


def agreeing(db: sqlite3.Connection, reference: str, since_ms: int) -> str:
    """Add a member who agrees to everything; gives what they are called inside."""
    person = add_person(db, reference, since_ms)
    for purpose in Purpose:
        Ledger.record(
            db, person, purpose, given=True, t_ms=since_ms, text="v1", channel="app", recorded_ms=since_ms
        )
    return person
