"""A feed that tests write themselves, and receivers of it: real HTTP servers, good ones and bad ones."""

import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec

from contracts.crm import FeedEvent
from contracts.events import stable_id
from contracts.schemas import data_schema, event_type
from gateway.store.files import SharedWriter
from gateway.store.sqlite import SqliteStore

START_MS = 1_750_000_000_000
VISIT = "visit.started"


def make_store(path: Path) -> Path:
    """Make a store's file with all its tables."""
    SqliteStore(path).close()
    return path


def put(
    db: sqlite3.Connection,
    number: int,
    *,
    subject: str = "00000000000000aa",
    person: str | None = None,
    member: str | None = None,
    kind: str = VISIT,
    zone: str = "west",
    revision: int = 1,
    t_ms: int | None = None,
) -> str:
    """Put an event into the feed as the matching does; gives its id."""
    t_ms = START_MS + number if t_ms is None else t_ms
    event = FeedEvent(
        id=stable_id("test", number),
        source="/mallsense/small",
        type=event_type(kind),
        subject=zone,
        time="2025-06-15T15:06:40.000Z",
        dataschema=data_schema(kind),
        revision=revision,
        data=msgspec.Raw(json.dumps({"number": number, "device": subject}).encode()),
        **({} if member is None else {"member": member, "memberpercent": 90}),  # type: ignore[arg-type]
    )
    db.execute(
        "INSERT INTO crm_feed (id, revision, kind, zone, subject, person, t_ms, payload)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (event.id, revision, kind, zone, subject, person, t_ms, msgspec.json.encode(event)),
    )
    return event.id


def put_many(file: SharedWriter, numbers: range, *, lanes: int = 5) -> list[str]:
    """Put a run of events of several devices into the feed; gives their ids."""
    with file.transaction() as db:
        return [put(db, number, subject=f"{number % lanes:016x}") for number in numbers]


Request = tuple[dict[str, str], bytes]
Reply = Callable[[int, Request], int | tuple[int, dict[str, str]]]


class Receiver:
    """A server that keeps what it is sent, and answers what it is told to."""

    def __init__(self, reply: Reply) -> None:
        self.requests: list[Request] = []
        self.taken: list[Request] = []
        """Those that were answered 2xx."""
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.answer(self, ({key.lower(): value for key, value in self.headers.items()}, body))

            def log_message(self, *_: Any) -> None:
                pass

        self._reply = reply
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def answer(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        """Keep a request and answer it."""
        with self._lock:
            self.requests.append(request)
            number = len(self.requests)
        found = self._reply(number, request)
        status, headers = found if isinstance(found, tuple) else (found, {})
        if 200 <= status < 300:
            with self._lock:
                self.taken.append(request)
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("content-length", "0")
        handler.end_headers()

    def numbers(self) -> list[int]:
        """Return the numbers of the events that were taken, in order."""
        return [json.loads(body)["data"]["number"] for _, body in list(self.taken)]

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def receiver(reply: Reply = lambda _number, _request: 204) -> Iterator[Receiver]:
    """Run a receiver that answers as `reply` says: from the number of the request, and the request."""
    one = Receiver(reply)
    one.start()
    try:
        yield one
    finally:
        one.stop()


@contextmanager
def rude(answer: bytes | None) -> Iterator[str]:
    """Run a server that answers with these bytes whatever it is sent, or, for None, never; gives its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            held.append(connection)
            if answer is not None:
                connection.recv(65536)
                connection.sendall(answer)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in held:
            connection.close()
