"""The thread that posts: in order, again and again, and past what is refused."""

import gzip
import logging
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError
from gateway.store.influx.errors import RefusedError, TooLargeError
from gateway.store.influx.sender import Sender
from gateway.store.outbox import Body, Destination, Outbox, bodies
from gateway.store.sqlite import SqliteStore
from tests.support import wait_until

RAW, LONG = Destination("mall", "raw"), Destination("mall", "rollups")


class Server:
    """Takes what is written, unless it is told to raise; it stands for the client with a server behind it."""

    def __init__(self) -> None:
        self.taken: list[tuple[Destination, bytes]] = []
        self.problem: Callable[[Destination, bytes], MallsenseError | None] = lambda _where, _body: None
        self.tries = 0
        self._lock = threading.Lock()

    def write(self, database: str, policy: str, body: bytes) -> None:
        """Take a body, or raise."""
        where = Destination(database, policy)
        with self._lock:
            self.tries += 1
            if (problem := self.problem(where, body)) is not None:
                raise problem
            self.taken.append((where, body))


@pytest.fixture
def waits(tmp_path: Path) -> Iterator[Outbox]:
    """Make an outbox in a file of its own."""
    store = SqliteStore(tmp_path / "store")
    made = Outbox(tmp_path / "store", now_ms=lambda: 1000)
    yield made
    made.close()
    store.close()


@pytest.fixture
def server() -> Server:
    """Make a server that takes everything."""
    return Server()


@pytest.fixture
def sender(waits: Outbox, server: Server) -> Iterator[Sender]:
    """Make a sender that is impatient; tests start it."""
    made = Sender(server, waits, pause_s=(0.01, 0.05))
    yield made
    made.stop()


def lines(count: int, start: int = 0) -> Body:
    """Make a body of so many points."""
    return bodies([f"m x={number}" for number in range(start, start + count)])[0]


def test_posts_in_order(waits: Outbox, server: Server, sender: Sender) -> None:
    """What was put in before and after the start arrives once, and in its order."""
    sent = [lines(1, number) for number in range(40)]
    for body in sent[:20]:
        waits.post({RAW: [body]})
    sender.start()
    for body in sent[20:]:
        waits.post({RAW: [body]})
        sender.wake()
    assert sender.drain(20)
    assert server.taken == [(RAW, body.data) for body in sent]
    state = sender.state()
    assert (state.waiting.bodies, state.problem, state.lost) == (0, None, {})


def test_waits_while_the_server_is_away(
    waits: Outbox, server: Server, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    """While nobody answers everything waits, which is told once; then it arrives in order."""
    server.problem = lambda _where, _body: UnavailableError("nobody there", "Start it.")
    for number in range(3):
        waits.post({RAW: [lines(2, number)], LONG: [lines(1, number)]})
    with caplog.at_level(logging.WARNING):
        sender.start()
        wait_until(lambda: server.tries > 5)
        state = sender.state()
        assert (state.problem, state.waiting.points, state.waiting.since_ms) == ("nobody there", 9, 1000)
        assert not sender.drain(0.1)
        server.problem = lambda _where, _body: None
        wait_until(lambda: not waits.waiting().bodies)
    assert [body for where, body in server.taken if where == RAW] == [lines(2, n).data for n in range(3)]
    assert [record.getMessage().split("\n")[0] for record in caplog.records] == [
        "nobody there", "writing to mall/raw works again",
    ]  # fmt: skip
    assert sender.state().problem is None


def test_error_that_nobody_knows_does_not_end_it(waits: Outbox, server: Server, sender: Sender) -> None:
    """A library that raises what it never said it would is told of, and posting goes on after it."""

    def problem(_where: Destination, _body: bytes) -> MallsenseError | None:
        raise ValueError("odd")

    server.problem = problem
    waits.post({RAW: [lines(1)]})
    sender.start()
    wait_until(lambda: server.tries > 1)
    assert sender.state().problem == "posting to InfluxDB failed: ValueError: odd"
    server.problem = lambda _where, _body: None
    wait_until(lambda: not waits.waiting().bodies)
    wait_until(lambda: sender.state().problem is None)


def test_missing_database_holds_up_only_what_is_for_it(waits: Outbox, server: Server, sender: Sender) -> None:
    """Where a person has to make a database first, all that is for others goes on."""
    server.problem = lambda where, _body: ConfigurationError("no such policy") if where == RAW else None
    for number in range(50):
        waits.post({RAW: [lines(1, number)], LONG: [lines(1, number)]})
    sender.start()
    wait_until(lambda: len(server.taken) == 50)
    assert {where for where, _ in server.taken} == {LONG}
    assert sender.state().problem == "no such policy"
    server.problem = lambda _where, _body: None
    wait_until(lambda: not waits.waiting().bodies)
    assert [body for where, body in server.taken if where == RAW] == [lines(1, n).data for n in range(50)]


def test_refused_points_do_not_block(
    waits: Outbox, server: Server, sender: Sender, caplog: pytest.LogCaptureFixture
) -> None:
    """What will never be taken is counted and told once per cause; what follows arrives."""
    bad = {lines(5, 100).data: 2, lines(5, 200).data: 3, lines(5, 300).data: None}

    def problem(_where: Destination, body: bytes) -> MallsenseError | None:
        if body not in bad:
            return None
        return RefusedError(f"partial write: too old dropped={bad[body]}", "Mend it.", dropped=bad[body])

    server.problem = problem
    for start in (100, 1, 200, 2, 300, 3):
        waits.post({RAW: [lines(5, start)]})
    with caplog.at_level(logging.WARNING):
        sender.start()
        wait_until(lambda: not waits.waiting().bodies)
    assert [body for _, body in server.taken] == [lines(5, start).data for start in (1, 2, 3)]
    assert sender.state().lost == {"refused": 2 + 3 + 5}
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2  # with a number, and without
    assert "mall/raw" in told[0]
    assert "Mend it." in told[0]


def test_too_large_body_goes_in_parts(waits: Outbox, server: Server, sender: Sender) -> None:
    """A body that a proxy does not let through is halved until it is; a point too large alone is lost."""

    def problem(_where: Destination, body: bytes) -> MallsenseError | None:
        return TooLargeError("too large") if len(body) > 150 else None

    server.problem = problem
    text = [f"m x={number}" for number in range(200)]
    text[77] = f'm y="{random.Random(1).randbytes(300).hex()}"'
    (body,) = bodies(text)
    waits.post({RAW: [body, lines(1)]})
    sender.start()
    wait_until(lambda: not waits.waiting().bodies)
    found = [line for _, part in server.taken for line in gzip.decompress(part).decode().splitlines()]
    assert found == [*text[:77], *text[78:], "m x=0"]
    assert sender.state().lost == {"refused": 1}


def test_outbox_that_cannot_be_read_is_tried_again(
    waits: Outbox, server: Server, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails for a while stops nothing for good, and nothing is taken out that has not arrived."""
    broken = threading.Event()
    broken.set()
    take_out = waits.take_out

    def failing(where: Destination, ids: list[int], refused: int = 0) -> None:
        if broken.is_set():
            raise UnavailableError("the disk is full")
        take_out(where, ids, refused)

    monkeypatch.setattr(waits, "take_out", failing)
    waits.post({RAW: [lines(1)]})
    sender.start()
    wait_until(lambda: sender.state().problem == "the disk is full")
    broken.clear()
    wait_until(lambda: not waits.waiting().bodies)
    assert {body for _, body in server.taken} == {lines(1).data}
    assert sender.state().problem is None or sender.drain(1)
