"""Radiotap headers of any fields, words and vendors, built after radiotap.org."""

import struct
from typing import NamedTuple

# (alignment, size) by bit, written down once more from radiotap.org: the parser's own table is on trial.
STANDARD = [
    (8, 8), (1, 1), (1, 1), (2, 4), (2, 2), (1, 1), (1, 1), (2, 2), (2, 2), (2, 2), (1, 1), (1, 1),
    (1, 1), (1, 1), (2, 2), (2, 2), (1, 1), (1, 1), (4, 8), (1, 3), (4, 8), (2, 12), (8, 12), (2, 12),
    (2, 12), (2, 6), (1, 1), (2, 4),
]  # fmt: skip
MORE, VENDOR, AGAIN = 1 << 31, 1 << 30, 1 << 29


class Word(NamedTuple):
    """One `present` word to build: its fields, and a vendor namespace before it, if any."""

    bits: frozenset[int]
    vendor_bytes: int | None = None


def build(words: list[Word], tsft: int, flags: int, mhz: int, signals: list[int]) -> bytes:
    """Build a header from the standard's rules; the k-th word that has a signal gets `signals[k]`."""
    presents = []
    for number, word in enumerate(words):
        present = sum(1 << bit for bit in word.bits)
        if number + 1 < len(words):
            present |= MORE | (VENDOR if words[number + 1].vendor_bytes is not None else AGAIN)
        presents.append(present)
    data = bytearray(4 + 4 * len(words))
    strengths = iter(signals)
    for word in words:
        if word.vendor_bytes is not None:
            data += bytes(-len(data) % 2) + struct.pack("<3sBH", b"\x00\x11\x22", 0, word.vendor_bytes)
            data += b"\xaa" * word.vendor_bytes
            continue
        for bit in sorted(word.bits):
            alignment, size = STANDARD[bit]
            data += bytes(-len(data) % alignment)
            known = {0: struct.pack("<Q", tsft), 1: bytes((flags,)), 3: struct.pack("<HH", mhz, 0xA0)}
            data += struct.pack("b", next(strengths)) if bit == 5 else known.get(bit, b"\xee" * size)
    data[:4] = struct.pack("<BxH", 0, len(data))
    data[4 : 4 + 4 * len(words)] = struct.pack(f"<{len(words)}I", *presents)
    return bytes(data)
