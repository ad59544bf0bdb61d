"""Kinds of phones, as different from each other as the captures in the literature are.

Invented, not measured on one product: each model is a mixture of kinds of behaviour that real phones show.
Addresses and counters: Martin et al. (2017), Fenske et al. (2021). Elements that change with the state (6 of
14 phones), from burst to burst (3) or hardly ever, several addresses in one burst (5), counters that start at
0 with each scan (1), intervals like clockwork that back off: the captures of Pintor and Atzori (2021).
Elements that depend on the channel are not among those; drivers may do it, so one model does.
"""

from dataclasses import dataclass
from enum import Flag, IntEnum


class Addressing(IntEnum):
    """Which address a phone scans from."""

    GLOBAL = 0
    """The maker's, always."""
    BURST = 1
    """A new random one for every burst of probes."""
    TIMED = 2
    """A new random one every so often."""
    PROBE = 3
    """A new random one for every burst, and every probe or two of those sent while the screen is off."""


class Counter(IntEnum):
    """How a phone numbers its frames."""

    SHARED = 0
    """One counter for all addresses: it runs on across a change."""
    RANDOM = 1
    """One for each address, which starts anywhere."""
    ZERO = 2
    """Scans are counted from 0 on, each burst by itself."""


class Varies(Flag):
    """What the information elements of a phone depend on."""

    NOTHING = 0
    STATE = 1
    """Scans while the screen is off have the short form."""
    BURST = 2
    """Some bursts have the short form, whatever the state."""
    DIRECTED = 4
    """Probes that ask for one network by name leave the vendor elements out."""
    CHANNEL = 8
    """Channel 11 has no 40 MHz bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneModel:
    """How phones of one model behave on the air."""

    name: str
    share: float
    addressing: Addressing
    counter: Counter
    varies: Varies = Varies.NOTHING
    rotate_s: float = 0.0
    """Mean life of an address, where it is timed."""
    scans_apart: bool = False
    """It scans from random addresses also while it is in a network."""
    on_s: tuple[float, ...]
    """Time from burst to burst since the screen was turned on; the last one repeats."""
    off_s: tuple[float, ...]
    """The same since it was turned off: many back off."""
    jitter: float = 0.005
    """Intervals vary evenly by this share: some scan like clockwork, some when an app asks."""
    per_channel: tuple[int, int]
    """Fewest and most frames of a burst on one channel."""
    power_dbm: float
    """Mean radiated power of the phone by itself."""
    ht: str
    """HT capabilities, hex; the rest is zero."""
    vht: str = ""
    extended: int = 0x40
    """Last byte of the extended capabilities."""
    vendor: str = ""
    """Vendor elements, hex, apart by blanks."""
    short_ht: str = ""
    """HT capabilities of the short form, which the models of a maker share."""


MODELS = (
    PhoneModel(
        name="aster-12",
        share=0.16,
        addressing=Addressing.TIMED,
        rotate_s=900,
        counter=Counter.SHARED,
        scans_apart=True,
        on_s=(10, 20),
        off_s=(60, 120, 180),
        jitter=0.02,
        per_channel=(1, 2),
        power_dbm=14.0,
        ht="2d401bff",
        vendor="0017f20a00 506f9a1000",
    ),
    PhoneModel(
        name="aster-14",
        share=0.15,
        addressing=Addressing.TIMED,
        rotate_s=720,
        counter=Counter.RANDOM,
        varies=Varies.BURST,
        scans_apart=True,
        on_s=(20,),
        off_s=(60, 120, 180),
        jitter=0.02,
        per_channel=(1, 2),
        power_dbm=13.0,
        ht="6f009bff",
        vht="32808f3f",
        vendor="0017f20a00",
        short_ht="21001bff",
    ),
    PhoneModel(
        name="borealis-s",
        share=0.14,
        addressing=Addressing.BURST,
        counter=Counter.RANDOM,
        varies=Varies.STATE,
        on_s=(15,),
        off_s=(23, 23, 23, 43, 43, 83),
        per_channel=(2, 3),
        power_dbm=15.0,
        ht="ef1917ff",
        vht="b0718003",
        vendor="0050f208",
        short_ht="2d0117ff",
    ),
    PhoneModel(
        name="borealis-a",
        share=0.10,
        addressing=Addressing.PROBE,
        counter=Counter.SHARED,
        varies=Varies.STATE,
        on_s=(20,),
        off_s=(63,),
        per_channel=(1, 3),
        power_dbm=14.5,
        ht="ad0117ff",
        vendor="0050f208",
        short_ht="2d0117ff",
    ),
    PhoneModel(
        name="cumulus-9",
        share=0.12,
        addressing=Addressing.BURST,
        counter=Counter.SHARED,
        varies=Varies.DIRECTED,
        on_s=(10,),
        off_s=(20, 40, 75),
        per_channel=(2, 2),
        power_dbm=13.5,
        ht="6d0117ff",
        vht="92719003",
        vendor="001018020000",
    ),
    PhoneModel(
        name="cumulus-lite",
        share=0.08,
        addressing=Addressing.TIMED,
        rotate_s=420,
        counter=Counter.SHARED,
        varies=Varies.CHANNEL | Varies.DIRECTED,
        on_s=(15,),
        off_s=(60,),
        jitter=0.05,
        per_channel=(1, 2),
        power_dbm=12.5,
        ht="6e0117ff",
        vendor="001018020000",
    ),
    PhoneModel(
        name="delta-5g",
        share=0.08,
        addressing=Addressing.TIMED,
        rotate_s=600,
        counter=Counter.RANDOM,
        varies=Varies.STATE | Varies.DIRECTED,
        on_s=(25,),
        off_s=(75, 160, 240),
        jitter=0.02,
        per_channel=(1, 1),
        power_dbm=14.0,
        ht="ef0917ff",
        vht="f0718003",
        vendor="8cfdf0010402",
        short_ht="ed0117ff",
    ),
    PhoneModel(
        name="delta-x",
        share=0.06,
        addressing=Addressing.BURST,
        counter=Counter.RANDOM,
        varies=Varies.BURST,
        scans_apart=True,
        on_s=(7, 22),
        off_s=(45, 90, 180),
        jitter=0.35,
        per_channel=(1, 2),
        power_dbm=15.5,
        ht="ef0917ff",
        vht="f1718003",
        vendor="8cfdf0010102",
        short_ht="ed0117ff",
    ),
    PhoneModel(
        name="echo-old",
        share=0.06,
        addressing=Addressing.GLOBAL,
        counter=Counter.SHARED,
        on_s=(11,),
        off_s=(45,),
        jitter=0.35,
        per_channel=(2, 4),
        power_dbm=16.0,
        ht="2c0003ff",
        extended=0,
    ),
    PhoneModel(
        name="echo-tab",
        share=0.05,
        addressing=Addressing.GLOBAL,
        counter=Counter.ZERO,
        varies=Varies.STATE,
        on_s=(15,),
        off_s=(30, 60),
        per_channel=(1, 3),
        power_dbm=15.0,
        ht="0c0103ff",
        vendor="0050f204",
        extended=0,
        short_ht="0c0003ff",
    ),
)
