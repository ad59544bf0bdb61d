"""From raw addresses to pseudonyms: keyed BLAKE2b, a key per mall, a salt per period.

The salt of a period follows from the mall's key and the period's start, so that all nodes of a mall agree on
it without talking to each other. Without the key nobody can compute or test a pseudonym. What the information
elements say of a model is hashed under the same salt: a rare phone must not be followed across days by them.
"""

from hashlib import blake2b

from edge_agent.elements import element_family
from edge_agent.rotation import Period, SaltRotation

DIGEST_BYTES = 8
"""Among 100,000 devices two share one with a chance of 3 in 10 billion; of 4 bytes, one pair is certain."""
KEY_BYTES = 32
CACHED = 200_000
"""Most hashes remembered at once, about 40 MB; a cache that is full starts anew."""


class Pseudonyms:
    """Makes pseudonyms; remembers those of one salt period, in memory alone."""

    def __init__(self, key: bytes, rotation: SaltRotation) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected a key of {KEY_BYTES} bytes, found {len(key)}")
        self._key = key
        self._rotation = rotation
        self._period = Period(0, 0)
        self._addresses = Hashes(b"", b"address")
        self._elements = ElementHashes(b"", b"elements")

    def __repr__(self) -> str:
        return f"Pseudonyms({self._rotation})"

    def columns(
        self, t_ms: list[int], address: list[bytes], elements: list[bytes]
    ) -> tuple[list[str], list[str]]:
        """Hash two columns of observations; entry i was heard at `t_ms[i]`.

        Returns the pseudonyms and the hashes of the elements, 16 hex digits each; no elements stay empty.
        The first half of those is of the family, the second of the contents.
        """
        if not t_ms:
            return [], []
        self._enter(t_ms[0])
        start_ms, end_ms = self._period
        if start_ms <= min(t_ms) and max(t_ms) < end_ms:
            of_address, of_elements = self._addresses, self._elements
            return [of_address[a] for a in address], [of_elements[e] if e else "" for e in elements]
        devices, models = [], []
        for t, a, e in zip(t_ms, address, elements, strict=True):
            self._enter(t)
            devices.append(self._addresses[a])
            models.append(self._elements[e] if e else "")
        return devices, models

    def _enter(self, t_ms: int) -> None:
        """Take up the salt of the period that `t_ms` lies in, and forget all of the other."""
        if self._period.start_ms <= t_ms < self._period.end_ms:
            return
        self._period = self._rotation.period(t_ms)
        label = self._period.start_ms.to_bytes(8, "big", signed=True)
        salted = blake2b(label, key=self._key, digest_size=KEY_BYTES, person=b"salt period").digest()
        self._addresses = Hashes(salted, b"address")
        self._elements = ElementHashes(salted, b"elements")


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
