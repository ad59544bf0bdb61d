"""The lists by which nodes recognise members: phones of their own, plates beside those of operators.

Both are retained at the broker. What is there is compared with what should be there: when the gateway starts,
when it is connected again (a broker may have lost what it retained), when consents or identities change, and
when somebody else changes a list. On the list of plates the gateway's part is `members`; `digests`, which an
operator enrolled, stay as they are, and are put back where the broker has lost them.
"""

import logging
import sqlite3
import threading
import time
from functools import partial
from typing import NamedTuple, Self, TypeVar

from msgspec import UNSET, Struct

from contracts.control import MAX_ENROLLED, EnrolledDevices, EnrolledPlates
from contracts.crm import NEEDS, IdentifierKind
from contracts.errors import MessageError, UnavailableError
from contracts.messages import decode, encode
from contracts.topics import Topics
from gateway.crm.consent.ledger import Ledger, generation
from gateway.crm.identity import resolving
from gateway.link import Delivery, Link
from gateway.store.files import SharedWriter

_log = logging.getLogger(__name__)

POLL_S = 0.25
"""How often it is looked whether consents or identities have changed."""
REST = 3.0
"""So many times as long as it took to read the lists nothing is read again: an import changes them often."""
RETAINED_S = 1.0
"""A broker has handed over what it has retained by then."""

L = TypeVar("L", bound=Struct)


class Enrolled(NamedTuple):
    """Whose identifiers nodes are to say."""

    key: str | None
    """Tells which of the mall's keys they were made with; None = there were never any."""
    devices: tuple[str, ...]
    plates: tuple[str, ...]


def enrolled(db: sqlite3.Connection) -> Enrolled:
    """Give the phones and plates of members who agree; those that nobody can be told of are left out."""
    row = db.execute("SELECT key FROM crm_key").fetchone()
    agreed = {kind: Ledger.in_force_all(db, purpose) for kind, purpose in NEEDS.items()}
    found: dict[IdentifierKind, list[str]] = {kind: [] for kind in NEEDS}
    for one in resolving.owners(db):
        if one.person in agreed.get(one.kind, ()):
            found[one.kind].append(one.digest)
    devices, plates = (tuple(sorted(found[kind])) for kind in (IdentifierKind.WIFI, IdentifierKind.PLATE))
    return Enrolled(None if row is None else row[0], devices, plates)


class Lists:
    """Keeps both lists at the broker as they should be, in a thread of its own."""

    def __init__(self, mall: str, file: SharedWriter, link: Link) -> None:
        """Take a connection of the CRM's, for this alone."""
        topics = Topics(mall)
        self._devices, self._plates = topics.enrolled_devices(), topics.enrolled_plates()
        self._file = file
        self._link = link
        self._there: dict[str, tuple[int, bytes]] = {}
        """What the broker has, by topic, and over which connection it said so."""
        self._connection = 0
        self._since_s = self._rested_s = 0.0
        self._wanted: tuple[int, Enrolled] | None = None
        self._seen: tuple[object, ...] = ()
        """What was last compared: connection, what should be there, what the broker has."""
        self._complaints: set[str] = set()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="crm lists", daemon=True)

    @property
    def topics(self) -> tuple[str, str]:
        """What the link has to be subscribed to."""
        return self._devices, self._plates

    def take(self, delivery: Delivery) -> bool:
        """Take what the broker has on one of the lists; False where the message is something else."""
        if delivery.topic not in self.topics:
            return False
        self._there[delivery.topic] = delivery.connection, delivery.payload
        self._wake.set()
        return True

    def start(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, and let go of the file."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self._file.close()

    def _work(self) -> None:
        while not self._stopping:
            try:
                self._step()
            except UnavailableError as error:
                self._complain(str(error))
            except Exception as error:  # noqa: BLE001  # a thread that has ended would take nobody off the lists
                self._complain(  # without its text: that may quote what is in the file
                    f"the lists of members' phones and plates cannot be made ({type(error).__name__}); it is"
                    " tried again. Please report it."
                )
            self._wake.wait(POLL_S)
            self._wake.clear()

    def _step(self) -> None:
        connection = self._link.connections
        if not self._link.connected:
            return
        if connection != self._connection:
            self._connection, self._since_s = connection, time.monotonic()
        told = all(self._there.get(topic, (0, b""))[0] == connection for topic in self.topics)
        if not told and time.monotonic() - self._since_s < RETAINED_S:
            return
        wanted = self._read()
        state = connection, wanted, *(self._there.get(topic) for topic in self.topics)
        if state != self._seen:  # so that long lists are not read four times a second
            self._put_devices(wanted)
            self._put_plates(wanted)
            self._seen = state

    def _read(self) -> Enrolled:
        with self._file.connection() as db:
            now = generation(db)
            began_s = time.monotonic()
            if self._wanted is None or (self._wanted[0] != now and began_s >= self._rested_s):
                self._wanted = now, enrolled(db)
                ended_s = time.monotonic()
                self._rested_s = ended_s + REST * (ended_s - began_s)
            return self._wanted[1]

    def _put_devices(self, wanted: Enrolled) -> None:
        there = self._found(self._devices, EnrolledDevices)
        key = wanted.key or (there.key if there is not None else None)
        if key is None:
            return
        new = EnrolledDevices(key=key, digests=self._fitting(wanted.devices, MAX_ENROLLED, "phones"))
        if there != new:
            self._publish(self._devices, new)
            _log.info("members' phones: %d are on the list of nodes", len(new.digests))

    def _put_plates(self, wanted: Enrolled) -> None:
        there = self._found(self._plates, EnrolledPlates)
        before = there or self._remembered()
        operators = [] if before is None else before.digests
        foreign = before is not None and bool(operators) and before.key != wanted.key
        if foreign and wanted.plates:
            self._complain(
                "the list of enrolled plates was made with another key than members' plates: they are not put"
                " on it. Enrol the operator's plates anew with the mall's key (mallsense plates enrol)."
            )
        fitting = self._fitting(wanted.plates, MAX_ENROLLED - len(operators), "plates")
        members = [] if foreign else fitting
        key = before.key if before is not None and (operators or wanted.key is None) else wanted.key
        if key is None or not (operators or members or there):
            return
        new = EnrolledPlates(key=key, digests=operators, members=members or UNSET)
        if there != new:
            self._publish(self._plates, new)
            _log.info("members' plates: %d are on the list of nodes", len(members))

    def _found(self, topic: str, kind: type[L]) -> L | None:
        """Give the list that the broker has by now; None where it has none, or none that can be read."""
        connection, payload = self._there.get(topic, (0, b""))
        return self._decoded(topic, payload, kind) if connection == self._connection else None

    def _remembered(self) -> EnrolledPlates | None:
        """Give the list of plates that the broker had before it lost it; None where it never had one."""
        return self._decoded(self._plates, self._there.get(self._plates, (0, b""))[1], EnrolledPlates)

    def _decoded(self, topic: str, payload: bytes, kind: type[L]) -> L | None:
        if not payload:
            return None
        try:
            return decode(payload, kind)
        except MessageError as error:
            self._complain(f"what the broker has on {topic} is no such list, and is replaced: {error}")
            return None

    def _publish(self, topic: str, message: Struct) -> None:
        payload = encode(message)
        self._there[topic] = self._connection, payload
        self._link.publish_followed(topic, payload, partial(self._answered, topic), retain=True)

    def _answered(self, topic: str, problem: str | None) -> None:
        if problem is not None:
            self._complain(
                f"the broker refuses {topic} of the gateway ({problem}): nodes are not told whom to name."
                " Render its access list again (mallsense broker render), copy it there and restart it."
            )

    def _fitting(self, digests: tuple[str, ...], room: int, what: str) -> list[str]:
        if len(digests) > room:
            self._complain(f"{len(digests)} {what} of members, and room for {room} on the list of nodes")
        return list(digests[:room])

    def _complain(self, what: str) -> None:
        """Log what is wrong, once."""
        if what not in self._complaints:
            _log.error("%s", what)
        self._complaints.add(what)
