"""From raw addresses to pseudonyms: keyed BLAKE2b, a key per mall, a salt per period.

The salt of a period follows from the mall's key and the period's start, so that all nodes of a mall agree on
it without talking to each other. Without the key nobody can compute or test a pseudonym. What the information
elements say of a model is hashed under the same salt: a rare phone must not be followed across days by them.

Who is in the mall when the salt changes stays one visitor: for half an hour a node says the former pseudonym
of an address, too, if it heard it in the half hour before. Not of those that were there when the period
began: who never leaves is not followed from day to day.
"""

from hashlib import blake2b

from edge_agent.elements import element_family
from edge_agent.rotation import Period, SaltRotation

DIGEST_BYTES = 8
"""Among 100,000 devices two share one with a chance of 3 in 10 billion; of 4 bytes, one pair is certain."""
KEY_BYTES = 32
CACHED = 200_000
"""Most hashes remembered at once, about 40 MB; a cache that is full starts anew."""
HAND_OVER_MS = 1_800_000
"""How long before a change of the salt an address was heard, and how long after it, to be handed over."""


class Pseudonyms:
    """Makes pseudonyms; remembers those of one salt period, and shortly those before, in memory alone."""

    def __init__(self, key: bytes, rotation: SaltRotation) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected a key of {KEY_BYTES} bytes, found {len(key)}")
        self._key = key
        self._rotation = rotation
        self._salt = _Salt(b"", Period(0, 0))
        self._before: _Salt | None = None

    def __repr__(self) -> str:
        return f"Pseudonyms({self._rotation})"

    def columns(
        self, t_ms: list[int], address: list[bytes], elements: list[bytes]
    ) -> tuple[list[str], list[str], list[str]]:
        """Hash two columns of observations; entry i was heard at `t_ms[i]`.

        Returns the pseudonyms, the hashes of the elements and the former pseudonyms, 16 hex digits each; no
        elements stay empty, and so does who is not handed over. The first half of the elements' hashes is of
        the family, the second of the contents.
        """
        if not t_ms:
            return [], [], []
        first_ms, last_ms = min(t_ms), max(t_ms)
        salt = self._at(first_ms)
        if last_ms < salt.period.end_ms:
            return salt.columns(first_ms, last_ms, address, elements, self._before)
        devices, models, formerly = [], [], []
        for t, a, e in zip(t_ms, address, elements, strict=True):
            one = self._at(t).columns(t, t, [a], [e], self._before)
            devices += one[0]
            models += one[1]
            formerly += one[2]
        return devices, models, formerly

    def _at(self, t_ms: int) -> "_Salt":
        """Give the salt of an event time; of past periods only the last is remembered, and not for long."""
        salt, before = self._salt, self._before
        if salt.period.start_ms <= t_ms < salt.period.end_ms:
            if before is not None and t_ms >= salt.period.start_ms + HAND_OVER_MS:
                self._before = None
            return salt
        if before is not None and before.period.start_ms <= t_ms < before.period.end_ms:
            return before  # of several nodes one may be a little behind
        period = self._rotation.period(t_ms)
        self._before = salt if salt.period.end_ms == period.start_ms else None
        self._salt = _Salt(self._key, period)
        return self._salt


class _Salt:
    """The hashes of one period, and who was heard at its ends."""

    def __init__(self, key: bytes, period: Period) -> None:
        self.period = period
        label = period.start_ms.to_bytes(8, "big", signed=True)
        salted = blake2b(label, key=key, digest_size=KEY_BYTES, person=b"salt period").digest()
        self._addresses = Hashes(salted, b"address")
        self._elements = ElementHashes(salted, b"elements")
        self._early: set[bytes] = set()
        self._late: set[bytes] = set()

    def columns(
        self, first_ms: int, last_ms: int, address: list[bytes], elements: list[bytes], before: "_Salt | None"
    ) -> tuple[list[str], list[str], list[str]]:
        """Hash what was heard from `first_ms` to `last_ms`, both in this period."""
        of_address, of_elements = self._addresses, self._elements
        early, late = (
            first_ms < self.period.start_ms + HAND_OVER_MS,
            last_ms >= self.period.end_ms - HAND_OVER_MS,
        )
        if early and len(self._early) < CACHED:
            self._early.update(address)
        if late and len(self._late) < CACHED:
            self._late.update(address)
        if early and before is not None and before is not self:
            formerly = [before.former(a) for a in address]
        else:
            formerly = [""] * len(address)
        return [of_address[a] for a in address], [of_elements[e] if e else "" for e in elements], formerly

    def former(self, address: bytes) -> str:
        """Give the pseudonym of who came in this period and was there when it ended, else nothing."""
        return self._addresses[address] if address in self._late and address not in self._early else ""


class Hashes(dict[bytes, str]):
    """The hashes made so far; one that is missing is made and remembered."""

    def __init__(self, key: bytes, person: bytes) -> None:
        super().__init__()
        self._key = key
        self._person = person

    def __missing__(self, plain: bytes) -> str:
        if len(self) >= CACHED:
            self.clear()
        self[plain] = digest = self._digest(plain)
        return digest

    def _digest(self, plain: bytes) -> str:
        return blake2b(plain, key=self._key, digest_size=DIGEST_BYTES, person=self._person).hexdigest()


class ElementHashes(Hashes):
    """Hashes of elements: which there are, then what is in them, in half the bytes each: they are few."""

    def _digest(self, plain: bytes) -> str:
        half = DIGEST_BYTES // 2
        family = blake2b(element_family(plain), key=self._key, digest_size=half, person=b"family")
        contents = blake2b(plain, key=self._key, digest_size=half, person=self._person)
        return family.hexdigest() + contents.hexdigest()
