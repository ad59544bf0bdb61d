"""Damage of every kind to captured frames, seeded; quick enough for millions."""

from collections.abc import Callable, Iterator, Sequence
from random import Random

_RADIO_BYTES = 60
"""Up to here lie the fields that decide how the rest is read, so most damage is done here."""


class Mutator:
    """Gives frames out of a pool: damaged in one of eight ways, or whole; two of one seed give the same."""

    def __init__(self, seed: int, pool: Sequence[bytes]) -> None:
        self._random = random = Random(seed)
        self._draw = random.random
        self._pool = pool
        self._ways: list[Callable[[bytes], bytes]] = [
            self._flip_bits,
            self._flip_early_bits,
            self._truncate,
            self._lie_about_a_length,
            self._splice,
            self._insert,
            self._remove,
            self._fill,
            bytes,
        ]

    def frames(self, count: int) -> Iterator[bytes]:
        """Give `count` frames; one in twenty is noise alone."""
        draw, pool, ways = self._draw, self._pool, self._ways
        for _ in range(count):
            if draw() < 0.05:
                yield self._noise()
            else:
                yield ways[int(draw() * len(ways))](pool[int(draw() * len(pool))])

    def _below(self, limit: int) -> int:
        return int(self._draw() * limit)

    def _flip_bits(self, frame: bytes) -> bytes:
        return self._flipped(frame, len(frame), 1 + self._below(8))

    def _flip_early_bits(self, frame: bytes) -> bytes:
        return self._flipped(frame, min(len(frame), _RADIO_BYTES), 1 + self._below(3))

    def _flipped(self, frame: bytes, end: int, bits: int) -> bytes:
        changed = bytearray(frame)
        for _ in range(bits):
            changed[self._below(end)] ^= 1 << self._below(8)
        return bytes(changed)

    def _truncate(self, frame: bytes) -> bytes:
        return frame[: self._below(len(frame))]

    def _lie_about_a_length(self, frame: bytes) -> bytes:
        """Change the radio header's length, or one byte that may be an element's."""
        changed = bytearray(frame)
        changed[2 if self._draw() < 0.5 else self._below(len(frame))] = self._below(256)
        return bytes(changed)

    def _splice(self, frame: bytes) -> bytes:
        other = self._pool[self._below(len(self._pool))]
        return frame[: self._below(len(frame))] + other[self._below(len(other)) :]

    def _insert(self, frame: bytes) -> bytes:
        at = self._below(len(frame))
        return frame[:at] + self._random.randbytes(1 + self._below(8)) + frame[at:]

    def _remove(self, frame: bytes) -> bytes:
        at = self._below(len(frame))
        return frame[:at] + frame[at + 1 + self._below(8) :]

    def _fill(self, frame: bytes) -> bytes:
        """Overwrite a stretch with one value, as memory that was never filled."""
        at, size = self._below(len(frame)), 1 + self._below(12)
        return frame[:at] + bytes((self._below(256),)) * size + frame[at + size :]

    def _noise(self) -> bytes:
        noise = self._random.randbytes(self._below(200))
        return noise if self._draw() < 0.5 else b"\x00\x00\x08\x00\x00\x00\x00\x00" + noise
