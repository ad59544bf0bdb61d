"""Kinds of phones, as different from each other as the captures in the literature are.

Invented, not measured on one product: intervals span the 10 s to 5 min that network vendors plan with;
address behaviour spans what Martin et al. (2017), Fenske et al. (2021) and Pintor and Atzori (2021) found in
real phones; sequence numbers run on across a change of address for some and not for others.
"""

from dataclasses import dataclass
from enum import IntEnum


class Addressing(IntEnum):
    """Which address a phone sends from while it is in no network."""

    GLOBAL = 0
    """The maker's, always."""
    BURST = 1
    """A new random one for every burst of probes."""
    TIMED = 2
    """A new random one every so often."""


@dataclass(frozen=True, slots=True)
class PhoneModel:
    """How phones of one model behave on the air."""

    name: str
    share: float
    addressing: Addressing
    rotate_s: float
    """Mean life of an address, where it is timed."""
    runs_on: bool
    """The sequence number runs on across a change of address."""
    screen_on_s: float
    """Mean time between bursts while the screen is on."""
    screen_off_s: float
    per_channel: tuple[int, int]
    """Fewest and most frames of a burst on one channel."""
    power_dbm: float
    """Mean radiated power of the phone by itself."""
    elements: bytes
    """Information elements of its probe requests, without those that change with channel or network."""


_RATES = bytes.fromhex("010402040b16") + bytes.fromhex("32080c1218243048606c")
_EXTENDED = bytes.fromhex("7f0804000000000000")


def _elements(ht: str, vht: str = "", vendor: str = "", extended: int = 0x40) -> bytes:
    """Return rates, HT and VHT capabilities, extended capabilities and vendor elements, in that order."""
    body = _RATES + bytes([45, 26]) + bytes.fromhex(ht).ljust(26, b"\0")
    if vht:
        body += bytes([191, 12]) + bytes.fromhex(vht).ljust(12, b"\0")
    body += _EXTENDED[:-1] + bytes([extended])
    for one in vendor.split():
        payload = bytes.fromhex(one)
        body += bytes([221, len(payload)]) + payload
    return body


_B, _T, _G = Addressing.BURST, Addressing.TIMED, Addressing.GLOBAL

MODELS = (
    PhoneModel(
        "aster-12",
        0.16,
        _T,
        900,
        True,
        18,
        150,
        (1, 2),
        14.0,
        _elements("2d401bff", vendor="0017f20a00 506f9a1000"),
    ),
    PhoneModel(
        "aster-14",
        0.15,
        _T,
        720,
        False,
        20,
        180,
        (1, 2),
        13.0,
        _elements("6f009bff", "32808f3f", "0017f20a00"),
    ),
    PhoneModel(
        "borealis-s", 0.14, _B, 0, False, 14, 90, (2, 3), 15.0, _elements("ef1917ff", "b0718003", "0050f208")
    ),
    PhoneModel(
        "borealis-a", 0.10, _B, 0, True, 16, 110, (1, 3), 14.5, _elements("ad0117ff", vendor="0050f208")
    ),
    PhoneModel(
        "cumulus-9",
        0.12,
        _B,
        0,
        True,
        12,
        75,
        (2, 2),
        13.5,
        _elements("6d0117ff", "92719003", "001018020000"),
    ),
    PhoneModel(
        "cumulus-lite",
        0.08,
        _T,
        420,
        True,
        15,
        60,
        (1, 2),
        12.5,
        _elements("2c0117ff", vendor="001018020000"),
    ),
    PhoneModel(
        "delta-5g",
        0.08,
        _T,
        600,
        False,
        25,
        240,
        (1, 1),
        14.0,
        _elements("ef0917ff", "f0718003", "8cfdf0010402"),
    ),
    PhoneModel(
        "delta-x",
        0.06,
        _B,
        0,
        False,
        22,
        200,
        (1, 2),
        15.5,
        _elements("ef0917ff", "f1718003", "8cfdf0010102"),
    ),
    PhoneModel("echo-old", 0.06, _G, 0, True, 11, 45, (2, 4), 16.0, _elements("2c0003ff", extended=0)),
    PhoneModel(
        "echo-tab",
        0.05,
        _G,
        0,
        True,
        13,
        60,
        (1, 3),
        15.0,
        _elements("0c0103ff", vendor="0050f204", extended=0),
    ),
)
