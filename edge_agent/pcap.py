"""Capture files in the classic pcap format, plain or gzipped: all that is good in them is used.

Format: draft-ietf-opsawg-pcap (IETF); both byte orders, micro- and nanoseconds.
"""

import struct
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from contracts.errors import ConfigurationError

RADIOTAP = 127
"""Link type of 802.11 frames with a radiotap header (LINKTYPE_IEEE802_11_RADIOTAP)."""
MAX_PACKET_BYTES = 262_144
"""libpcap's own limit; a longer packet means that the file is damaged there."""
_CHUNK_BYTES = 1 << 18
_HEADER_BYTES = 24
_RECORD_BYTES = 16
_GZIP = b"\x1f\x8b"
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_MAGIC = {  # byte order, fractions of a second in a millisecond
    b"\xd4\xc3\xb2\xa1": ("<", 1_000),
    b"\xa1\xb2\xc3\xd4": (">", 1_000),
    b"\x4d\x3c\xb2\xa1": ("<", 1_000_000),
    b"\xa1\xb2\x3c\x4d": (">", 1_000_000),
}
_LINK_NAMES = {1: "Ethernet", 105: "802.11 without radiotap", 119: "Prism", 163: "AVS", 192: "PPI"}


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One captured packet."""

    t_ms: int
    """When it was captured: milliseconds since 1970, UTC."""
    data: bytes
    cut: bool
    """The capture kept only its start."""


class PcapFile:
    """One capture file of 802.11 frames with radiotap headers; iterate over it for its packets.

    After an iteration `damage` says what was wrong with the file; `read_bytes` tells how far it has come.

    Raises:
        ConfigurationError: it cannot be read, is no pcap file, or holds packets of another kind.

    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = ""
        self.read_bytes = 0
        header = self._read_header()
        order, self._per_ms = _MAGIC[header[:4]]
        self._record = struct.Struct(f"{order}IIII")
        (link,) = struct.unpack_from(f"{order}I", header, 20)
        link &= 0xFFFF  # the upper bits hold the length of the FCS
        first = next(iter(self), None)
        self.first_ms = None if first is None else first.t_ms
        """Time of the first packet; None where there is none."""
        if link != RADIOTAP and first is not None:  # tcpdump writes Ethernet where it heard nothing at all
            kind = f"{link} ({_LINK_NAMES[link]})" if link in _LINK_NAMES else str(link)
            raise ConfigurationError(
                f"{path}: expected 802.11 frames with radiotap headers (link type {RADIOTAP}), found {kind}",
                "Capture in monitor mode, for example: tcpdump -i wlan1 -y IEEE802_11_RADIO -w FILE",
            )

    def __iter__(self) -> Iterator[Packet]:
        """Give the packets in the order of the file, up to where it is damaged or ends."""
        self.damage = ""
        chunks = self._chunks()
        buffer = _start(chunks)
        at = _HEADER_BYTES
        unpack, per_ms = self._record.unpack_from, self._per_ms
        while True:
            size = len(buffer)
            while at + _RECORD_BYTES <= size:
                seconds, fraction, kept, length = unpack(buffer, at)
                if kept > MAX_PACKET_BYTES:
                    self.damage = f"a packet of {kept:,} bytes cannot be; what follows is not used"
                    return
                end = at + _RECORD_BYTES + kept
                if end > size:
                    break
                t_ms = seconds * 1000 + fraction // per_ms
                yield Packet(t_ms, buffer[at + _RECORD_BYTES : end], kept < length)
                at = end
            chunk = next(chunks, None)
            if chunk is None:
                break
            buffer = buffer[at:] + chunk
            at = 0
        if at < len(buffer):
            self.damage = self.damage or "it ends in the middle of a packet"

    def _read_header(self) -> bytes:
        try:
            header = _start(self._chunks())[:_HEADER_BYTES]
        except OSError as error:
            raise ConfigurationError(f"{self.path}: cannot be read: {error.strerror}") from error
        if header[:4] == _PCAPNG:
            raise ConfigurationError(
                f"{self.path}: is in the pcapng format, expected pcap",
                f"Convert it with: editcap -F pcap {self.path.name} {self.path.stem}.pcap",
            )
        if header[:4] not in _MAGIC or len(header) < _HEADER_BYTES:
            raise ConfigurationError(f"{self.path}: is no pcap file, or ends inside its header")
        return header

    def _chunks(self) -> Iterator[bytes]:
        """Give the content in pieces, unzipped; damage to the gzip data is noted and ends it."""
        with self.path.open("rb") as file:
            zipped = file.read(2) == _GZIP
            file.seek(0)
            chunks = _unzipped(file) if zipped else iter(partial(file.read, _CHUNK_BYTES), b"")
            try:
                for chunk in chunks:
                    self.read_bytes = file.tell()
                    yield chunk
            except (zlib.error, EOFError) as error:
                self.damage = f"its gzip data is damaged: {error}"


def _start(chunks: Iterator[bytes]) -> bytes:
    """Take chunks until the file's header is whole, if it ever is."""
    start = b""
    for chunk in chunks:
        start += chunk
        if len(start) >= _HEADER_BYTES:
            break
    return start


def _unzipped(file: BinaryIO) -> Iterator[bytes]:
    """Unzip a file of one or more gzip members, up to the last good byte.

    Raises `zlib.error` or `EOFError` behind the last good byte of a damaged file.
    """
    unzip = zlib.decompressobj(wbits=31)
    data = file.read(_CHUNK_BYTES)
    while data:
        before = unzip.copy()
        try:
            plain = unzip.decompress(data, _CHUNK_BYTES)
        except zlib.error:
            yield from _salvaged(before, data)
            raise
        if plain:
            yield plain
        if unzip.eof:
            data = unzip.unused_data or file.read(_CHUNK_BYTES)
            if not data.startswith(_GZIP):
                return  # the end, or padding
            unzip = zlib.decompressobj(wbits=31)
        else:
            data = unzip.unconsumed_tail or file.read(_CHUNK_BYTES)
    rest = unzip.flush()
    if rest:
        yield rest
    if not unzip.eof:
        raise EOFError("it ends too early")


def _salvaged(unzip: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """Give what can be unzipped of damaged data: byte by byte, until the damage shows."""
    for i in range(len(data)):
        try:
            plain = unzip.decompress(data[i : i + 1])
        except zlib.error:
            return
        if plain:
            yield plain
