"""What the spool has committed is there after anything; what it cannot keep is counted."""

import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from contracts.errors import ConfigurationError
from edge_agent import spool as spool_module
from edge_agent.spool import Spool

WRITER = """
import sys
import threading
from pathlib import Path
from edge_agent.spool import Spool

spool = Spool(Path(sys.argv[1]))
for number in range(int(sys.argv[2]), 1_000_000):
    spool.append("n1", 0, b"%d:" % number + bytes(number % 7000))
    if number % 5 == 0:
        spool.ack(range(number - 105, number - 100))
        spool.commit()
        print(number, flush=True)
"""
UNACKED = 101


def contents(spool: Spool) -> list[bytes]:
    """Give all payloads, oldest first."""
    spool.commit()
    return [batch.payload for batch in spool.peek(0, 1_000_000)]


def test_keeps_order_and_forgets_what_was_taken(tmp_path: Path) -> None:
    """Batches come back in order, from any row on, until they are acked."""
    spool = Spool(tmp_path / "spool")
    for number in range(5):
        spool.append(f"n{number}", 0, b"%d" % number)
    assert spool.uncommitted == 5
    assert len(spool.peek(0, 10)) == 5
    spool.commit()
    assert spool.uncommitted == 0
    first = spool.peek(0, 2)
    assert [(batch.node, batch.payload) for batch in first] == [("n0", b"0"), ("n1", b"1")]
    assert [batch.payload for batch in spool.peek(first[-1].row, 2)] == [b"2", b"3"]
    spool.ack([first[1].row])
    assert contents(spool) == [b"0", b"2", b"3", b"4"]
    assert (spool.batches, spool.size_bytes, spool.dropped) == (4, 4, 0)


def test_survives_a_restart_with_a_new_identity(tmp_path: Path) -> None:
    """What waits is there after a restart; new batches are numbered under a new identity."""
    spool = Spool(tmp_path / "spool")
    spool.append("n1", 0, b"kept")
    assert (spool.number(), spool.number()) == (0, 1)
    spool.close()
    again = Spool(tmp_path / "spool")
    again.append("n1", 0, b"new")
    assert contents(again) == [b"kept", b"new"]
    assert again.boot != spool.boot
    assert again.number() == 0


def test_full_spool_drops_the_oldest(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Above its bound the oldest batches go; they are counted, and one message says so."""
    spool = Spool(tmp_path / "spool", max_bytes=1000)
    for number in range(30):
        spool.append("n1", 0, bytes((number,)) * 100)
        spool.commit()
    assert [payload[0] for payload in contents(spool)] == list(range(20, 30))
    assert (spool.dropped, spool.size_bytes) == (20, 1000)
    assert [record.message for record in caplog.records] == [
        f"spool {tmp_path / 'spool'}: full (1,000 bytes); is the gateway reachable?"
    ]


def test_full_disk_is_survived(tmp_path: Path) -> None:
    """Where the disk is full, old batches make room for new ones; all that is gone is counted."""
    spool = Spool(tmp_path / "spool")
    spool._file._database.execute(
        "PRAGMA max_page_count = 64"
    )  # what SQLite does on a full disk, without one
    for number in range(500):
        spool.append("n1", 0, b"%03d" % number + os.urandom(2000))
        spool.commit()
    kept = [int(payload[:3]) for payload in contents(spool)]
    assert kept == sorted(kept)
    assert kept[-1] == 499
    assert len(kept) > 20
    assert spool.dropped == 500 - len(kept)


@pytest.mark.parametrize("damage", ["header", "middle"])
def test_damaged_file_is_set_aside(tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged file is kept under another name; what can be read of it goes into a new spool."""
    path = tmp_path / "spool"
    spool = Spool(path)
    for number in range(40):
        spool.append("n1", 0, b"%d" % number * 1000)
    whole = contents(spool)
    spool.close()
    data = bytearray(path.read_bytes())
    start = 0 if damage == "header" else 6 * 4096
    data[start : start + 4096] = random.Random(1).randbytes(4096)
    path.write_bytes(data)
    with caplog.at_level(logging.ERROR):
        again = Spool(path)
    again.append("n1", 0, b"new")
    *kept, new = contents(again)
    assert new == b"new"
    if damage == "middle":
        assert len(kept) >= 30
        assert again.dropped == 40 - len(kept)
    assert [payload for payload in whole if payload in kept] == kept
    assert (tmp_path / "spool.damaged-1").read_bytes() == data
    assert "set aside as spool.damaged-1" in caplog.text


def test_damage_while_running_is_survived(tmp_path: Path) -> None:
    """A file that goes bad under a running agent is replaced; rows go on growing, so no reader is lost."""
    spool = Spool(tmp_path / "spool")
    for number in range(40):
        spool.append("n1", 0, b"%d" % number * 1000)
    spool.commit()
    last = spool.peek(0, 100)[-1].row
    spool._file._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    spool._file._database.execute("PRAGMA cache_size = 0")
    spool._file._database.execute("PRAGMA shrink_memory")
    with (tmp_path / "spool").open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(40 * 4096))
    seen = spool.peek(0, 100)  # finds the damage
    spool.append("n1", 0, b"new")
    spool.commit()
    assert seen == []
    assert [batch.payload for batch in spool.peek(last, 10)] == [b"new"]
    assert spool.dropped == 40


def test_damaged_row_is_dropped(tmp_path: Path) -> None:
    """A record that is not what was written, in whatever column, is not sent; the others are."""
    spool = Spool(tmp_path / "spool")
    for payload in (b"one", b"two", b"three"):
        spool.append("n1", 0, payload)
    spool.close()
    with sqlite3.connect(tmp_path / "spool") as database:
        database.execute("UPDATE batch SET node = 'n2' WHERE id = 2")
    database.close()
    again = Spool(tmp_path / "spool")
    assert contents(again) == [b"one", b"three"]
    assert (again.dropped, again.batches) == (1, 2)


def test_a_spool_has_one_owner(tmp_path: Path) -> None:
    """A second agent on the same file is refused, and a folder that is not there too."""
    owner = Spool(tmp_path / "other")
    with pytest.raises(ConfigurationError, match="Another agent uses this spool"):
        Spool(tmp_path / "other")
    owner.close()
    with pytest.raises(ConfigurationError, match="Check that the folder"):
        Spool(tmp_path / "none" / "spool")


def test_kill_at_any_moment_loses_nothing_committed(tmp_path: Path) -> None:
    """A process killed again and again while it writes leaves all it called committed: whole, in order."""
    draw = random.Random(7)
    number = 1
    for _ in range(8):
        arguments = [sys.executable, "-c", WRITER, str(tmp_path / "spool"), str(number)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            enough = number + draw.randrange(5, 400)
            committed = 0
            for line in writer.stdout:  # also what it still says while it dies
                committed = int(line)
                if committed >= enough:
                    writer.send_signal(signal.SIGKILL)
        spool = Spool(tmp_path / "spool")
        kept = contents(spool)
        numbers = [int(payload.partition(b":")[0]) for payload in kept]
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert numbers[0] == max(numbers[-1] - UNACKED + 1, 1)
        assert numbers[-1] >= committed > 0
        assert kept == [b"%d:" % n + bytes(n % 7000) for n in numbers]
        number = numbers[-1] + 1
        spool.close()


def _empty(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


class SpoolMachine(RuleBasedStateMachine):
    """The spool against a list in memory: appended, committed, acked, reopened and killed in any order."""

    @initialize(bound=st.sampled_from([60, 10_000]))
    def start(self, bound: int) -> None:
        """Start with an empty spool."""
        self.folder = Path(os.environ["PYTEST_SPOOL_FOLDER"])
        _empty(self.folder / "spool")
        self.bound = bound
        self.spool = Spool(self.folder / "spool", max_bytes=bound)
        self.kept: list[bytes] = []
        self.fresh: list[bytes] = []
        self.count = 0

    @rule(size=st.integers(1, 30))
    def append(self, size: int) -> None:
        """Add a batch."""
        self.count += 1
        payload = b"%06d" % self.count + bytes(size)
        self.spool.append("n1", 0, payload)
        self.fresh.append(payload)

    @rule()
    def commit(self) -> None:
        """Write; the oldest go above the bound."""
        self.spool.commit()
        self.kept += self.fresh
        self.fresh = []
        while sum(map(len, self.kept)) > self.bound:
            self.kept.pop(0)

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        """Take one that is committed."""
        self.commit()
        at = data.draw(st.integers(0, len(self.kept) - 1))
        self.spool.ack([self.spool.peek(0, len(self.kept))[at].row])
        self.spool.commit()
        del self.kept[at]

    @rule()
    def reopen(self) -> None:
        """Close and open again."""
        self.commit()
        self.spool.close()
        self.spool = Spool(self.folder / "spool", max_bytes=self.bound)

    @rule()
    def lose_power(self) -> None:
        """What was not committed is gone; the rest is not."""
        self.spool._file._database.close()
        self.fresh = []
        self.spool = Spool(self.folder / "spool", max_bytes=self.bound)

    @invariant()
    def holds_what_it_should(self) -> None:
        """The batches are there, in order, and its figures agree."""
        assert [batch.payload for batch in self.spool.peek(0, 1000)] == self.kept + self.fresh
        assert self.spool.batches == len(self.kept) + len(self.fresh)
        assert self.spool.size_bytes == sum(map(len, self.kept + self.fresh))

    def teardown(self) -> None:
        """Give the file back."""
        if hasattr(self, "spool"):
            self.spool.close()


def test_any_order_of_operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Appends, commits, acks, restarts and power cuts in any order leave what a list would."""
    monkeypatch.setenv("PYTEST_SPOOL_FOLDER", str(tmp_path))
    run_state_machine_as_test(SpoolMachine, settings=settings(max_examples=30, stateful_step_count=20))


def test_figures_never_say_empty_too_early(tmp_path: Path) -> None:
    """While one thread commits, another never sees a spool with fewer batches than it holds."""
    spool = Spool(tmp_path / "spool")
    done = threading.Event()
    seen: list[int] = []

    def watch() -> None:
        while not done.is_set():
            seen.append(spool.batches)

    spool.append("n1", 0, b"first")
    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(200):
        spool.append("n1", 0, bytes(100))
        spool.commit()
    done.set()
    watcher.join()
    assert min(seen) >= 1
    assert seen == sorted(seen)


def _filled(path: Path, batches: int = 6) -> list[bytes]:
    """Make a small spool whose last commits are still in its write-ahead log, as a power cut leaves it."""
    script = """
import os, sys
from pathlib import Path
from edge_agent.spool import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    spool.append("n1", spool.number(), b"%d:" % number + bytes(400))
    spool.commit()
    if number == 2:
        spool._file._database.execute("PRAGMA wal_checkpoint(FULL)")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script, str(path), str(batches)], check=True)
    return [b"%d:" % number + bytes(400) for number in range(batches)]


def _damaged(folder: Path, files: dict[str, bytes]) -> Spool:
    """Open a spool of these files."""
    for old in folder.iterdir():
        old.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return Spool(folder / "spool")


def test_power_cut_at_any_byte(tmp_path: Path) -> None:
    """Cut off at any byte, file and log give batches as they were, in order, and take new ones."""
    payloads = _filled(tmp_path / "spool")
    whole = {name: (tmp_path / name).read_bytes() for name in ("spool", "spool-wal")}
    (tmp_path / "cut").mkdir()
    draw = random.Random(3)
    for name, data in whole.items():
        cuts = {0, 1, 15, 16, 31, 32, 55, 56, 99, 100, *draw.sample(range(len(data)), 20)}
        for cut in sorted(cuts):
            spool = _damaged(tmp_path / "cut", {**whole, name: data[:cut]})
            kept = contents(spool)
            assert kept == [payload for payload in payloads if payload in kept]
            if name == "spool-wal":  # what was in the file before the log is never lost by it
                assert kept[:3] == payloads[:3]
            spool.append("n1", spool.number(), b"new")
            assert contents(spool)[-1] == b"new"
            spool.close()


def test_flipped_bits_cost_single_batches(tmp_path: Path) -> None:
    """Wherever bits are wrong, nothing wrong is given out, and a batch that is lost is one that was hit."""
    payloads = _filled(tmp_path / "spool", 12)
    Spool(tmp_path / "spool").close()
    whole = (tmp_path / "spool").read_bytes()
    (tmp_path / "flipped").mkdir()
    draw = random.Random(5)
    lost = []
    for _ in range(60):
        data = bytearray(whole)
        at = draw.randrange(len(data))
        data[at] ^= 1 << draw.randrange(8)
        spool = _damaged(tmp_path / "flipped", {"spool": bytes(data)})
        kept = contents(spool)
        assert kept == [payload for payload in payloads if payload in kept]
        lost.append(len(payloads) - len(kept))
        spool.append("n1", spool.number(), b"new")
        assert contents(spool)[-1] == b"new"
        spool.close()
    assert sum(loss > 0 for loss in lost) > 5
    assert sorted(lost)[len(lost) * 9 // 10] <= 8


@pytest.mark.parametrize("stranger", ["text", "database", "older"])
def test_a_file_that_is_no_spool_is_refused(tmp_path: Path, stranger: str) -> None:
    """Somebody's file is left alone, and the message says what to do."""
    path = tmp_path / "mine"
    if stranger == "text":
        path.write_bytes(b"dear diary " * 1000)
    else:
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE batch (id INTEGER PRIMARY KEY, payload BLOB)")
            database.execute(f"PRAGMA user_version = {1 if stranger == 'older' else 0}")
        database.close()
    before = path.read_bytes()
    with pytest.raises(ConfigurationError, match="no spool") as error:
        Spool(path)
    assert "Name another file" in error.value.hint
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_spool_without_its_header_is_known_for_one(tmp_path: Path) -> None:
    """Zeros, or a header that a power cut has torn, do not stop a node that nobody looks at."""
    _filled(tmp_path / "spool")
    Spool(tmp_path / "spool").close()
    whole = (tmp_path / "spool").read_bytes()
    (tmp_path / "torn").mkdir()
    for data in (bytes(8192), b"", os.urandom(4096) + whole[4096:]):
        spool = _damaged(tmp_path / "torn", {"spool": data})
        spool.append("n1", spool.number(), b"new")
        assert contents(spool) == [b"new"]
        spool.close()


def test_what_is_confirmed_at_once_is_never_written(tmp_path: Path) -> None:
    """A batch that is safe elsewhere before the commit leaves no trace on the disk."""
    spool = Spool(tmp_path / "spool")
    before = (tmp_path / "spool").read_bytes() + (tmp_path / "spool-wal").read_bytes()
    for number in range(5):
        spool.append("n1", spool.number(), b"payload %d" % number)
    spool.ack([batch.row for batch in spool.peek(0, 10)])
    spool.commit()
    assert (spool.batches, spool.size_bytes, spool.uncommitted_bytes) == (0, 0, 0)
    assert (tmp_path / "spool").read_bytes() + (tmp_path / "spool-wal").read_bytes() == before


def test_a_full_disk_is_waited_for_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk takes nothing, new batches wait in memory up to a bound, and are written later."""
    monkeypatch.setattr(spool_module, "UNWRITTEN_BYTES", 50_000)
    spool = Spool(tmp_path / "spool")
    spool._file._database.execute("PRAGMA query_only = 1")
    for number in range(100):
        spool.append("n1", spool.number(), b"%03d" % number + bytes(997))
        spool.commit()
    assert [int(batch.payload[:3]) for batch in spool.peek(0, 200)] == list(range(50, 100))
    assert (spool.dropped, spool.uncommitted) == (50, 50)
    spool._file._database.execute("PRAGMA query_only = 0")
    spool.commit()
    assert (spool.dropped, spool.uncommitted, spool.batches) == (50, 0, 50)
