"""Members' phones: the mall's list of them, as keyed hashes that hold no address, and what is said of them.

Retained on a topic of the mall and kept beside the spool, as the opt-out list is (`edge_agent.opt_out`). The
hash has no daily salt, or a member would be a stranger on the next day: so it is made of nobody's address but
of those on the list, who agreed, and everybody else stays the pseudonym of a day.
"""

import logging
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path

from msgspec import UNSET

from contracts.control import EnrolledDevices
from contracts.messages import MemberHeard, decode
from edge_agent.kept_copy import KeptCopy
from edge_agent.opt_out import key_id
from edge_agent.pseudonym import CACHED

_log = logging.getLogger(__name__)

DIGEST_BYTES = 16
REPEAT_MS = 60_000
"""A phone that goes on being heard is named again after so long: a batch that is lost costs a minute."""


def member_digest(key: bytes, address: bytes) -> str:
    """Give what an address of 6 bytes is called on the list: 32 hex digits."""
    return blake2b(address, key=key, digest_size=DIGEST_BYTES, person=b"member").hexdigest()


class MemberList:
    """The list as one agent has it. The network thread brings a new one, the reader's thread asks."""

    def __init__(self, key: bytes, path: Path) -> None:
        """Take up the copy in `path` where there is one."""
        self._key = key
        self.names = Names(key, frozenset())
        """What each address is called; replaced as a whole by a new list."""
        self._copy = KeptCopy(path, "list of members' phones", self._use)
        self._copy.load()

    def __len__(self) -> int:
        """Return the number of phones on the list."""
        return len(self.names.digests)

    def take(self, payload: bytes) -> None:
        """Take a list from the broker, and keep a copy. One that cannot be read changes nothing."""
        if self._copy.take(payload):
            _log.info("members' phones: %d are named", len(self))

    def _use(self, payload: bytes) -> None:
        if not payload:  # the list was taken off the broker
            self.names = Names(self._key, frozenset())
            return
        found = decode(payload, EnrolledDevices)
        if found.key != key_id(self._key):
            self._copy.complain(
                "the list of members' phones was made with another key than this node's: it names nobody here"
            )
        self.names = Names(self._key, frozenset(found.digests))


class Names(dict[bytes, str]):
    """What addresses are called on a list, empty for those not on it; remembered in memory alone."""

    def __init__(self, key: bytes, digests: frozenset[str]) -> None:
        super().__init__()
        self.digests = digests
        self._key = key

    def __missing__(self, address: bytes) -> str:
        if len(self) >= CACHED:
            self.clear()
        digest = member_digest(self._key, address)
        self[address] = named = digest if digest in self.digests else ""
        return named


class Naming:
    """Decides when a node says whose a phone is: when its pseudonym is new, and again after `REPEAT_MS`."""

    def __init__(self, members: MemberList) -> None:
        self._members = members
        self._said: dict[tuple[str, str], int] = {}

    def name(
        self, node: str, t_ms: list[int], address: list[bytes], device: list[str], formerly: list[str]
    ) -> Iterator[tuple[int, MemberHeard]]:
        """Give the rows of a block in which a member is to be named, and what is said.

        The columns are of one node: entry i was heard at `t_ms[i]` from `address[i]`, and is called
        `device[i]`.
        """
        names = self._members.names  # one list for the whole block
        if not names.digests:
            self._said.clear()
            return
        for row, heard in enumerate(address):
            if (digest := names[heard]) and self._is_due((node, device[row]), t_ms[row]):
                former = formerly[row] or UNSET
                yield row, MemberHeard(t_ms=t_ms[row], device=device[row], formerly=former, digest=digest)

    def _is_due(self, who: tuple[str, str], t_ms: int) -> bool:
        """Say whether it is time to name somebody, and remember that it was done. Clocks may be set back."""
        last_ms = self._said.get(who)
        if last_ms is not None and abs(t_ms - last_ms) < REPEAT_MS:
            return False
        if len(self._said) >= CACHED:
            self._said.clear()
        self._said[who] = t_ms
        return True
