"""From plates to keyed hashes: BLAKE2b, a key per mall, a salt per day.

As pseudonyms of phones are made (`edge_agent.pseudonym`), with salts of their own, and with two differences.
A salt holds for a day however often those of phones change: a car that stays for five hours must be the same
when it leaves. And a plate is also said under the salt of the day before, all day long: cars park overnight.

A camera misreads a character now and then, and a hash of a misread plate has nothing in common with the
right one. So hashes of the plate without one character are said too: two readings that differ in one
character share one of these (a deletion neighbourhood, Mor and Fraenkel 1982, restricted to equal places).
"""

from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from typing import NamedTuple

from msgspec import UNSET

from contracts.plates import PlateAlternative, PlateRead
from edge_agent.enrolled import EnrolledList
from edge_agent.plate_text import energy_of, region_of
from edge_agent.pseudonym import DIGEST_BYTES, KEY_BYTES
from edge_agent.rotation import Period, SaltRotation
from edge_agent.sources.protocol import PlateSighting

DAY_H = 24
MOST_ALTERNATIVES = 3
LEAST_PROBABILITY = 0.01
"""Less likely alternatives are not said: they help nobody, and are other people's plates."""


class _Hashes(NamedTuple):
    plate: str
    near: list[str]


class PlateHashes:
    """Makes plate reads of sightings. Keeps the salts of two days, and no plate."""

    def __init__(
        self,
        key: bytes,
        rotation: SaltRotation,
        *,
        province: str | None = None,
        enrolled: EnrolledList | None = None,
    ) -> None:
        """Prepare for a mall whose local plates begin with `province`.

        Raises:
            ValueError: the key has not the right length.

        """
        if len(key) != KEY_BYTES:
            raise ValueError(f"expected a key of {KEY_BYTES} bytes, found {len(key)}")
        self._rotation = replace(rotation, every_h=DAY_H)
        self._province = province
        self._enrolled = enrolled
        self._salt = lru_cache(maxsize=4)(lambda period: _salt(key, period))

    def read(self, sighting: PlateSighting) -> PlateRead:
        """Make the message of a sighting; clear text stays in it for plates alone that operators enrolled."""
        candidates, digest, in_clear = sighting.candidates, "", False
        known = self._enrolled.find(candidates) if self._enrolled is not None else None
        if self._enrolled is not None and known is not None:
            digest, in_clear = self._enrolled.name(known[0])
            candidates = (known, *(one for one in candidates if one[0] != known[0]))
        (text, confidence), others = candidates[0], candidates[1 : 1 + MOST_ALTERNATIVES]
        left = 1.0 - confidence
        period = self._rotation.period(sighting.t_ms)
        salt, former = self._salt(period), self._salt(self._rotation.period(period.start_ms - 1))
        today, before = _hashes(salt, text), _hashes(former, text)
        return PlateRead(
            track=sighting.track,
            change=sighting.change,
            t_ms=sighting.t_ms,
            camera=sighting.camera,
            direction=sighting.direction,
            plate=today.plate,
            near=today.near,
            formerly=before.plate,
            formerly_near=before.near,
            alternatives=[
                PlateAlternative(_plate(salt, other), round(min(probability, left), 4))
                for other, probability in others
                if min(probability, left) >= LEAST_PROBABILITY
            ],
            confidence=round(confidence, 4),
            region=region_of(text, self._province),
            energy=energy_of(text),
            enrolled=text if in_clear else UNSET,
            enrolled_digest=digest or UNSET,
        )


def _salt(key: bytes, period: Period) -> bytes:
    label = period.start_ms.to_bytes(8, "big", signed=True)
    return blake2b(label, key=key, digest_size=KEY_BYTES, person=b"plate day").digest()


def _hashes(salt: bytes, text: str) -> _Hashes:
    return _Hashes(_plate(salt, text), [_near(salt, text, place) for place in range(len(text))])


def _plate(salt: bytes, text: str) -> str:
    return blake2b(text.encode(), key=salt, digest_size=DIGEST_BYTES, person=b"plate").hexdigest()


def _near(salt: bytes, text: str, place: int) -> str:
    without = bytes([place]) + (text[:place] + text[place + 1 :]).encode()
    return blake2b(without, key=salt, digest_size=DIGEST_BYTES, person=b"plate near").hexdigest()
