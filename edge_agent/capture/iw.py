"""What `iw` prints, read back; lines it does not know are passed over, since every version adds some.

`iw` warns that its output is for people and may change. The lines read here have been the same for ten years:
the samples in `tests/edge_agent/iw_samples.py` say where each was recorded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

_INTERFACE = re.compile(r"^\s*Interface (\S+)\s*$", re.MULTILINE)
_TYPE = re.compile(r"^\s*type (.+?)\s*$", re.MULTILINE)
_WIPHY = re.compile(r"^\s*wiphy (\d{1,6})\s*$", re.MULTILINE)
_CHANNEL = re.compile(r"^\s*channel (\d{1,3}) \((\d{1,6}) MHz\)", re.MULTILINE)
_PHY = re.compile(r"^Wiphy (\S+)\s*$", re.MULTILINE)
_COUNTRY = re.compile(r"^\s*country (\w\w):", re.MULTILINE)
_STATION = re.compile(r"^Station ((?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2})(?: \(on (\S+)\))?\s*$")
_FIELD = re.compile(r"^\s+([A-Za-z][A-Za-z/ ]*?):\s*(.*?)\s*$")
_LINK = re.compile(r"^\s+Link \d+:\s*$")
_ADDRESS = re.compile(r"^(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$")
_NUMBER = re.compile(r"^-?\d{1,15}(?!\d)")


class InterfaceInfo(NamedTuple):
    """What `iw dev NAME info` says."""

    mode: str
    """`monitor`, `managed`, `AP` ...; empty where it does not say."""
    channel: int
    """0 where it does not say: an interface that is down has none."""
    frequency_mhz: int
    phy: int | None


@dataclass(frozen=True, slots=True)
class Station:
    """A device that is connected to an access point of ours. Holds a raw address: never log or store it."""

    address: bytes = field(repr=False)
    inactive_ms: int
    """Since its last frame."""
    signal_dbm: int | None
    rx_packets: int | None
    """Frames of it since it connected."""


def parse_info(text: str) -> InterfaceInfo:
    """Read `iw dev NAME info`."""
    mode, channel, phy = _TYPE.search(text), _CHANNEL.search(text), _WIPHY.search(text)
    return InterfaceInfo(
        mode=mode[1] if mode else "",
        channel=int(channel[1]) if channel else 0,
        frequency_mhz=int(channel[2]) if channel else 0,
        phy=int(phy[1]) if phy else None,
    )


def parse_modes(text: str) -> dict[str, frozenset[str]]:
    """Read `iw phy`: the modes that each radio supports, by the name of the radio (`phy0`)."""
    _, *parts = _PHY.split(text)
    return {
        name: frozenset(_bullets(section, "Supported interface modes:"))
        for name, section in zip(parts[::2], parts[1::2], strict=True)
    }


def _bullets(text: str, title: str) -> Iterator[str]:
    _, found, rest = text.partition(title)
    for line in rest.splitlines()[1:] if found else ():
        if not line.strip().startswith("* "):
            return
        yield line.strip()[2:]


def parse_countries(text: str) -> list[str]:
    """Read `iw reg get`: the country that holds for all first; 00 is the world's, 99 a radio's own rules."""
    return [found[1] for found in _COUNTRY.finditer(text)]


def parse_stations(text: str) -> list[Station]:
    """Read `iw dev NAME station dump`.

    A device with several links (Wi-Fi 7) is given once for each, with the link's own address where it is
    named: that is what its frames carry. What says nothing of its last frame is left out.
    """
    stations = []
    for address, fields in _records(text):
        inactive = _number(fields.get("inactive time"))
        if inactive is None or inactive < 0:
            continue
        stations.append(
            Station(
                address,
                inactive,
                _number(fields.get("signal")),
                _number(fields.get("rx packets")),
            )
        )
    return stations


def _records(text: str) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Split a station dump; the first of two fields of one name counts."""
    address, fields = b"", dict[str, str]()
    for line in text.splitlines():
        if (station := _STATION.match(line)) is not None:
            if address:
                yield address, fields
            address, fields = _bytes(station[1]), {}
        elif _LINK.match(line) and address:
            yield address, fields  # of the device itself, or the link before
            fields = {}
        elif (found := _FIELD.match(line)) is not None:
            name, value = found[1].lower(), found[2]
            if name == "address" and _ADDRESS.match(value):
                address = _bytes(value)
            fields.setdefault(name, value)
    if address:
        yield address, fields


def _bytes(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))


def _number(text: str | None) -> int | None:
    found = _NUMBER.match(text or "")
    return int(found[0]) if found else None
