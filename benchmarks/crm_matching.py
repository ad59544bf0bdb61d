"""How many events a second matching takes in, on one core: a day's events of a large mall, some of members.

    python -m benchmarks.crm_matching --events 20000 --members 3000

What is measured is the CRM's part alone: from the inbox to the feed, links, visits and stays. The pipeline
that fills the inbox, and delivery, run beside it in a gateway.
"""

import argparse
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np

from contracts.crm import IdentifierKind, Purpose
from contracts.messages import encode
from contracts.site.crm import Crm
from gateway.crm.consent.ledger import Ledger, bump
from gateway.crm.consent.persons import add_person
from gateway.crm.identity import claims
from gateway.crm.identity.graph import Claim
from gateway.crm.matching.retention import Retention
from gateway.crm.matching.worker import Worker
from gateway.store.records import CrmItem
from gateway.store.sqlite import SqliteStore
from tests.gateway.membership import T0_MS, device, digest, path, sighting, visit

VISITORS = 20_000
ZONES = 200


def enrol(worker: Worker, members: int) -> None:
    """Have members agree, each with a phone."""
    with worker.file.transaction() as db:
        for number in range(members):
            person = add_person(db, f"m-{number}", T0_MS)
            Ledger.record(
                db, person, Purpose.POSITION, given=True, t_ms=T0_MS - 1000, text="v1", channel="app",
                recorded_ms=T0_MS,
            )  # fmt: skip
            phone = Claim(person, IdentifierKind.WIFI, digest(number), "login", 0.99)
            claims.add(db, [(phone, T0_MS)], T0_MS)
        bump(db)


def fill(worker: Worker, events: int, members: int, seed: int) -> None:
    """Put a stretch of a busy afternoon into the inbox.

    Of every visit there are four events. A member's phone is sighted once a minute, and a tenth of them for
    the first time only after some of their visits were told: these are told again.
    """
    rng = np.random.default_rng(seed)
    late = set(rng.choice(members, members // 10, replace=False).tolist())
    items: list[tuple[str, bytes]] = []
    for number in range(events // 4):
        who = int(rng.integers(VISITORS))
        zone, began_s = f"S{int(rng.integers(ZONES))}", float(number) / 10.0
        name = device(who)
        if who < members and (who not in late or number > events // 8):
            items.append((CrmItem.SIGHTING, encode(sighting(name, digest(who), began_s))))
        happens = (
            visit(name, zone, began_s),
            visit(name, zone, began_s, seen_s=began_s + 60),
            visit(name, zone, began_s, began_s + 300),
            path(name, began_s, began_s + 400, [(zone, began_s, began_s + 300)]),
        )
        items += [(CrmItem.EVENT, encode(event)) for event in happens]
    with worker.file.transaction() as db:
        db.executemany("INSERT INTO crm_inbox (kind, payload) VALUES (?, ?)", items)


def measure(worker: Worker, counters: Counter[str]) -> None:
    """Have everything taken in, and say how long that took."""
    longest_s, busy = 0.0, True
    start_s, start_cpu_s = time.perf_counter(), time.process_time()
    while busy:
        before_s = time.perf_counter()
        busy = worker.step()
        longest_s = max(longest_s, time.perf_counter() - before_s)
    wall_s, cpu_s = time.perf_counter() - start_s, time.process_time() - start_cpu_s
    events = counters["events"]
    print(f"{events} events, {counters['matched']} of members, {counters['corrections']} told again")
    print(f"a second: {events / wall_s:.0f} events of wall time, {events / cpu_s:.0f} of CPU time")
    print(f"longest transaction: {1000 * longest_s:.0f} ms")


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--members", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place, counters = Path(folder) / "store.db", Counter[str]()
        store = SqliteStore(place)
        worker = Worker(place, "mall", counters, retention=Retention(Crm(), lambda: 0, lambda *_: 0))
        enrol(worker, asked.members)
        fill(worker, asked.events, asked.members, asked.seed)
        measure(worker, counters)
        with worker.file.transaction() as db:
            bump(db)
        before_s = time.perf_counter()
        worker.step()
        print(f"a change of consents: {1000 * (time.perf_counter() - before_s):.0f} ms")
        with worker.file.connection() as db:
            rows, size = db.execute("SELECT count(*), sum(length(payload)) FROM crm_feed").fetchone()
            pages, page = (db.execute(f"PRAGMA {what}").fetchone()[0] for what in ("page_count", "page_size"))
        print(f"a row of the feed: {size / rows:.0f} bytes of JSON, {pages * page / rows:.0f} of the file")
        worker.stop()
        store.close()


if __name__ == "__main__":
    main()
