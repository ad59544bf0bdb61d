"""The CRM's feed while everything is killed: every event arrives, in order, and duplicates can be told.

The part of the gateway that tells others (matching, feed, delivery, its connection to a real mosquitto) runs
in a process of its own, on a real file. In place of the pipeline it is fed through `crm_inbox`, as the
pipeline does it: in transactions, with the position up to which it has come. It is killed -9 at random
moments, and so is the sample consumer (docs/examples/crm_consumer.py). Beside it another webhook answers 500,
429, 404, late, nothing, nonsense or not at all, a third never answers, and an MQTT client reads along.

    python benchmarks/crm_feed.py --tries 100
"""

import argparse
import contextlib
import json
import logging
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from contracts.broker import BrokerAddress  # noqa: E402
from contracts.messages import encode  # noqa: E402
from contracts.site import Crm  # noqa: E402
from contracts.topics import Topics  # noqa: E402
from gateway.crm.delivery import subscribers  # noqa: E402
from gateway.crm.delivery.filters import EVERYTHING  # noqa: E402
from gateway.crm.delivery.keeping import forget_feed  # noqa: E402
from gateway.crm.delivery.opening import open_delivery  # noqa: E402
from gateway.crm.delivery.sender import signed  # noqa: E402
from gateway.crm.delivery.subscribers import shown  # noqa: E402
from gateway.crm.delivery.transport import Letter  # noqa: E402
from gateway.crm.file import open_file  # noqa: E402
from gateway.crm.matching.feed import Feed  # noqa: E402
from gateway.crm.matching.retention import Retention  # noqa: E402
from gateway.crm.matching.worker import Worker  # noqa: E402
from gateway.link import Announcement, Link  # noqa: E402
from gateway.store.records import CrmItem  # noqa: E402
from tests.gateway.crm_feed import rude  # noqa: E402
from tests.gateway.membership import T0_MS, Desk, device, digest, sighting, visit  # noqa: E402
from tests.gateway.running import client  # noqa: E402
from tests.gateway.small_mall import small_mall  # noqa: E402
from tests.support import Mosquitto, find_program, free_port, wait_until  # noqa: E402

PEOPLE, MEMBERS = 20, 10
ZONES = ("west", "east", "hall")
EACH_S = 2.5
"""Mean time from one kill to the next; a start takes up to half of it."""
MOODS = ["good"] * 12 + ["500", "429", "404", "close", "nonsense", "slow"]


class Program:
    """A process that is killed at random moments and started again."""

    def __init__(self, command: list[str], log: Path, **environment: str) -> None:
        self._command, self._log = command, log
        self._environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment}
        self.kills = 0
        self.process = self._started()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(self._command, cwd=ROOT, stdout=log, stderr=log, env=self._environment)

    def kill_often(self, times: int, longest_s: float, chance: random.Random) -> None:
        """Kill it -9 at so many random moments, each within `longest_s` of its start."""
        for _ in range(times):
            time.sleep(chance.uniform(0.0, longest_s))
            self.end()
            self.kills += 1
            self.process = self._started()

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


@dataclass
class Arrivals:
    """What somebody was sent and took, in order."""

    names: list[str] = field(default_factory=list)

    def judge(self, rows: Iterable[tuple[int, str, str]]) -> tuple[int, int, int]:
        """Return how many rows (number, lane, name) are missing, came again, and came out of order."""
        seq_of = {name: (seq, lane) for seq, lane, name in rows}
        first = list(dict.fromkeys(self.names))
        last: dict[str, int] = defaultdict(int)
        disorder = 0
        for name in first:
            seq, lane = seq_of[name]
            disorder += seq < last[lane]
            last[lane] = max(last[lane], seq)
        return len(seq_of.keys() - set(first)), len(self.names) - len(first), disorder


class Moody(Arrivals):
    """A receiver that answers as it likes."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.url = ""
        self.moods: dict[str, int] = defaultdict(int)
        self.calm = False
        arrivals, lock = self, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                with lock:
                    mood = "good" if arrivals.calm else chance.choice(MOODS)
                    arrivals.moods[mood] += 1
                    if mood in ("good", "slow"):
                        arrivals.names.append(self.headers["webhook-id"])
                if mood == "close":
                    return
                if mood == "nonsense":
                    self.wfile.write(b"\x00\xffnonsense\r\n\r\n")
                    return
                if mood == "slow":
                    time.sleep(1.0)
                self.send_response(204 if mood in ("good", "slow") else int(mood))
                self.send_header("retry-after", "1")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        ThreadingHTTPServer.request_queue_size = 128  # several connect at a time
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def item(number: int) -> list[CrmItem]:
    """Return what the pipeline says at one moment: a visit that begins or ends, and whose phone was heard.

    Half of the members' phones are heard late, so that events are told before it is known whose they are.
    """
    who, turn = number % PEOPLE, number // PEOPLE
    began, ended = turn // 2 * 2 * PEOPLE + who, None if turn % 2 == 0 else number
    event = visit(device(who), ZONES[turn // 2 % len(ZONES)], began, ended)
    items = [CrmItem(CrmItem.EVENT, encode(event))]
    if who < MEMBERS and (turn % 8 == 5 or (who % 2 and turn == 0)):
        heard = sighting(device(who), digest(who + 1), number)
        items.insert(0, CrmItem(CrmItem.SIGHTING, encode(heard)))
    return items


def told_by(events: int) -> set[str]:
    """Return the ids of all events."""
    return {json.loads(item(number)[-1].payload)["id"] for number in range(events)}


def tell(folder: Path, port: int, events: int, pace_s: float) -> None:
    """Be the gateway, until killed."""
    logging.basicConfig(level=logging.INFO)
    path, site = folder / "store.db", small_mall(crm={})
    topics = Topics(site.mall.id)
    said = Announcement(topics.gateway_status(), b"{}", b"{}")
    link = Link(BrokerAddress("127.0.0.1", port), "gateway", {"none": 0}, said, lambda _: None)
    link.start()
    feed = Feed(open_file(path))
    retention = Retention(Crm(), lambda: T0_MS, forget_feed)
    worker = Worker(path, site.mall.id, Counter(), retention=retention, told=feed.told).start()
    open_delivery(
        site, path, feed, link=link, labels=lambda: None, now_ms=lambda: time.time_ns() // 1_000_000
    ).start()
    file = open_file(path)
    while True:
        with file.transaction() as db:
            (position,) = db.execute("SELECT position FROM bench").fetchone()
            if position < events:
                rows = [(one.kind, one.payload) for one in item(position)]
                db.executemany("INSERT INTO crm_inbox (kind, payload) VALUES (?, ?)", rows)
                db.execute("UPDATE bench SET position = position + 1")
        worker.wake()
        time.sleep(1.0 if position >= events else 0.0 if (folder / "hurry").exists() else pace_s)


class Lab:
    """All of it, in a folder."""

    def __init__(self, folder: Path, events: int, pace_s: float, moody: str, hangs: str) -> None:
        self.folder, self.events = folder, events
        self.store, self.consumed = folder / "store.db", folder / "consumer.db"
        program = find_program("mosquitto")
        if program is None:
            sys.exit("mosquitto is not installed")
        self.broker = Mosquitto(program, folder, settings="max_queued_messages 0").start()
        self.consumer_port = free_port()
        self.key = self._prepare({"moody": moody, "hangs": hangs})
        script = str(ROOT / "docs/examples/crm_consumer.py")
        self.consumer = Program(
            [sys.executable, script, str(self.consumer_port), str(self.consumed)],
            folder / "consumer.log", WEBHOOK_SECRET=shown(self.key),
        )  # fmt: skip
        self.gateway = Program(
            [sys.executable, __file__, "--tell", str(folder), "--broker-port", str(self.broker.port),
             "--events", str(events), "--pace", str(pace_s)],
            folder / "gateway.log",
        )  # fmt: skip

    def _prepare(self, urls: dict[str, str]) -> bytes:
        """Have members agree, and add webhooks; gives the consumer's secret."""
        desk = Desk(self.folder)
        for number in range(MEMBERS):
            desk.says(f"m-{number}", t_s=-60)
            desk.has(f"m-{number}", digest(number + 1))
        with desk.file.transaction() as db:
            db.execute("CREATE TABLE bench (position INTEGER NOT NULL)")
            db.execute("INSERT INTO bench VALUES (0)")
            for name, url in urls.items():
                subscribers.add(db, name, url, EVERYTHING, private=True, cursor=0)
            here = f"http://127.0.0.1:{self.consumer_port}/"
            key = subscribers.add(db, "consumer", here, EVERYTHING, private=True, cursor=0)
        desk.close()
        return key

    def rows(self, database: Path, query: str) -> list[Any]:
        """Read from a file."""
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(query).fetchall()

    def waiting(self) -> int:
        """How many rows somebody else than the receiver that never answers waits for."""
        rows = self.rows(self.store, "SELECT count(*) FROM crm_pending WHERE subscriber != 'hangs'")
        behind = self.rows(
            self.store,
            "SELECT count(*) FROM crm_subscribers WHERE cursor <"
            " (SELECT coalesce(max(seq), 0) FROM crm_feed)",
        )
        inbox = self.rows(self.store, "SELECT count(*) FROM crm_inbox")
        untold = self.events - self.rows(self.store, "SELECT position FROM bench")[0][0]
        return int(rows[0][0] + behind[0][0] + inbox[0][0] + untold)

    def refused(self, name: str, change: Callable[[dict[str, str], bytes], tuple[dict[str, str], bytes]],
                *, age_s: float = 0.0, secret: bytes | None = None) -> str:  # fmt: skip
        """Send the consumer something that is not right; gives its status."""
        key = secret or self.key
        body = json.dumps({"id": name, "revision": 1, "type": "io.mallsense.visit.started.v1"}).encode()
        letter = Letter(1, "a", 0, name, 1, "visit.started", "S10", body)
        headers, body = change(signed((key,), letter, time.time() - age_s), body)
        request = urllib.request.Request(f"http://127.0.0.1:{self.consumer_port}/", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return str(answer.status)
        except urllib.error.HTTPError as error:
            return str(error.code)


def run(folder: Path, tries: int, events: int, seed: int) -> bool:
    """Do it; gives whether everything held."""
    moody, mqtt = Moody(random.Random(seed)), Arrivals()
    with rude(None) as hangs:
        lab = Lab(folder, events, tries * EACH_S / events, moody.url, hangs)
        began_s = time.monotonic()
        with client(lab.broker.port, "crm", expiry_s=3600) as reader:
            reader.on_message = lambda _c, _d, message: mqtt.names.append(_name(bytes(message.payload)))
            reader.subscribe(Topics("small").all_crm_events, qos=1)
            killers = [
                threading.Thread(target=one.kill_often, args=(tries, 2 * EACH_S, random.Random(seed + n)))
                for n, one in enumerate((lab.gateway, lab.consumer), start=1)
            ]
            for thread in killers:
                thread.start()
            for thread in killers:
                thread.join()
            killed_s = time.monotonic() - began_s
            moody.calm = True
            (folder / "hurry").touch()
            wait_until(lambda: lab.waiting() == 0, 600, "something still waits")
            time.sleep(2.0)
            held = report(lab, {"moody webhook": moody, "MQTT": mqtt}, killed_s)
        print("moods:", ", ".join(f"{mood} {times}" for mood, times in sorted(moody.moods.items())))
        lab.gateway.end()
        lab.consumer.end()
    lab.broker.stop()
    return held


def _name(payload: bytes) -> str:
    event = json.loads(payload)
    return f"{event['id']}.{event['revision']}"


def report(lab: Lab, others: dict[str, Arrivals], killed_s: float) -> bool:
    """Print what became of it; gives whether everything held."""
    rows = lab.rows(lab.store, "SELECT seq, coalesce(person, subject), id || '.' || revision FROM crm_feed")
    told = told_by(lab.events)
    fed = {name.partition(".")[0] for *_, name in rows}
    members = lab.rows(lab.store, "SELECT count(*) FROM crm_feed WHERE person IS NOT NULL")[0][0]
    corrections = lab.rows(lab.store, "SELECT count(*) FROM crm_feed WHERE revision > 1")[0][0]
    print(
        f"killed: gateway {lab.gateway.kills}, consumer {lab.consumer.kills}, in {killed_s:.0f} s\n"
        f"events {len(told)}, in the feed {len(fed & told)}; rows {len(rows)}, {corrections} of them"
        f" corrections, {members} of members"
    )
    print(f"{'receiver':16} {'missing':>8} {'again':>8} {'out of order':>13}")
    held = told == fed
    for name, arrivals in others.items():
        missing, again, disorder = arrivals.judge(rows)
        held &= missing == 0 and disorder == 0
        print(f"{name:16} {missing:8} {again:8} {disorder:13}")
    newest: dict[str, int] = {}
    for *_, name in rows:
        event, revision = name.split(".")
        newest[event] = max(newest.get(event, 0), int(revision))
    kept = dict(lab.rows(lab.consumed, "SELECT id, revision FROM events"))
    missing = sum(kept.get(event) != revision for event, revision in newest.items())
    single = {name.partition(".")[0] for *_, name in rows} - {e for e, r in newest.items() if r > 1}
    order = Arrivals([f"{id_}.1" for (id_,) in lab.rows(lab.consumed, "SELECT id FROM events ORDER BY rowid")
                      if id_ in single])  # fmt: skip
    disorder = order.judge(row for row in rows if row[2].partition(".")[0] in single)[2]
    print(f"{'consumer':16} {missing:8} {'one row':>8} {disorder:13}")
    refusals = {
        "another secret": lab.refused("bad1", lambda h, b: (h, b), secret=b"x" * 32),
        "another body": lab.refused("bad2", lambda h, b: (h, b.replace(b"S", b"s") + b" ")),
        "six minutes old": lab.refused("bad3", lambda h, b: (h, b), age_s=360),
        "no signature": lab.refused("bad4", lambda h, b: ({**h, "webhook-signature": ""}, b)),
        "garbage for one": lab.refused("bad5", lambda h, b: ({**h, "webhook-signature": "v1,!!,"}, b)),
    }
    print("the consumer's answers:", ", ".join(f"{name}: {status}" for name, status in refusals.items()))
    extra = {id_ for (id_,) in lab.rows(lab.consumed, "SELECT id FROM events")} - fed
    held &= missing == 0 and disorder == 0 and set(refusals.values()) == {"401"} and not extra
    hangs = lab.rows(lab.store, "SELECT count(*) FROM crm_pending WHERE subscriber = 'hangs'")[0][0]
    print(f"still waiting for the receiver that never answers: {hangs} of {len(rows)}")
    print("all held" if held else "NOT ALL HELD")
    return held


def main() -> None:
    """Run it in a folder that goes afterwards, unless something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--tries", type=int, default=100, help="kills of each")
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tell", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--broker-port", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--pace", type=float, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.tell is not None:
        tell(asked.tell, asked.broker_port, asked.events, asked.pace)
        return
    folder = Path(tempfile.mkdtemp(prefix="crm-feed-"))
    if not run(folder, asked.tries, asked.events, asked.seed):
        sys.exit(f"see {folder}")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
