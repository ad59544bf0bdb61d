"""Whom no node reports: the mall's opt-out list, as keyed hashes that hold no address.

The list is retained on a topic of the mall, and each agent keeps a copy beside its spool, so that it also
works where an agent starts without a broker. The hash has no daily salt, or the list would end with the day;
it is keyed with the mall's key, so that nobody else can find out who is on it.
"""

import logging
from hashlib import blake2b
from pathlib import Path

from contracts.control import OptOutList
from contracts.messages import decode
from edge_agent.kept_copy import KeptCopy
from edge_agent.pseudonym import CACHED
from edge_agent.sources.protocol import Heard

_log = logging.getLogger(__name__)

DIGEST_BYTES = 16
OPTED_OUT = "opted_out"
"""The cause under which frames that are left out are counted."""


def opt_out_digest(key: bytes, address: bytes) -> str:
    """Give what an address of 6 bytes is called on the list: 32 hex digits."""
    return blake2b(address, key=key, digest_size=DIGEST_BYTES, person=b"opt-out").hexdigest()


def key_id(key: bytes) -> str:
    """Give what tells whether two have the same key, and nothing of the key: 8 hex digits."""
    return blake2b(key=key, digest_size=4, person=b"opt-out key").hexdigest()


class OptOut:
    """The list as one agent has it. The network thread brings a new one, the reader's thread applies it."""

    def __init__(self, key: bytes, path: Path) -> None:
        """Take up the copy in `path` where there is one."""
        self._key = key
        self._spared = _Spared(key, frozenset())
        self._copy = KeptCopy(path, "opt-out list", self._use)
        self._copy.load()

    def __len__(self) -> int:
        """Return the number of addresses on the list."""
        return len(self._spared.digests)

    def take(self, payload: bytes) -> None:
        """Take a list from the broker, and keep a copy. One that cannot be read changes nothing."""
        if self._copy.take(payload):
            _log.info("opt-out list: %d addresses are not reported", len(self))

    def apply(self, heard: Heard) -> Heard:
        """Leave the frames of those on the list out of a block; they are counted and that is all."""
        spared = self._spared
        if not spared.digests:
            return heard
        keep = [i for i, address in enumerate(heard.address) if not spared[address]]
        return heard.only(keep, OPTED_OUT)

    def _use(self, payload: bytes) -> None:
        found = decode(payload, OptOutList)
        if found.key != key_id(self._key):
            self._copy.complain(
                "the opt-out list was made with another key than this node's: it spares nobody here"
            )
        self._spared = _Spared(self._key, frozenset(found.digests))


class _Spared(dict[bytes, bool]):
    """Whether an address is on the list; remembered, in memory alone, since most are heard often."""

    def __init__(self, key: bytes, digests: frozenset[str]) -> None:
        super().__init__()
        self.digests = digests
        self._key = key

    def __missing__(self, address: bytes) -> bool:
        if len(self) >= CACHED:
            self.clear()
        self[address] = spared = opt_out_digest(self._key, address) in self.digests
        return spared
