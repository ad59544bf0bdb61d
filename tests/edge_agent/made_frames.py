"""Frames of every kind, made with scapy and put behind radio headers of every kind; seeded.

What a phone, an access point, a repeater or a mesh point sends; bodies of scapy's making, radio headers after
radiotap.org (scapy builds no vendor fields and no words per antenna).
"""

import struct
from collections.abc import Callable
from random import Random
from zlib import crc32

from scapy.layers.dot11 import (
    Dot11,
    Dot11AssoReq,
    Dot11Auth,
    Dot11Beacon,
    Dot11CCMP,
    Dot11Deauth,
    Dot11Disas,
    Dot11Elt,
    Dot11ProbeReq,
    Dot11ProbeResp,
    Dot11QoS,
    Dot11ReassoReq,
)
from scapy.layers.l2 import LLC, SNAP
from scapy.packet import Packet, Raw

from edge_agent.radiotap import FLAG_FCS_INCLUDED
from tests.edge_agent.radiotap_builder import Word, build

TO_DS, FROM_DS, RETRY, POWER_SAVE, PROTECTED, ORDER = 0x01, 0x02, 0x08, 0x10, 0x40, 0x80
EVERYBODY = "ff:ff:ff:ff:ff:ff"
MHZ = (2412, 2437, 2462, 2484, 5180, 5500, 5745, 5885, 5955, 6115, 7115, 2427)
_USUAL = frozenset({1, 2, 3, 5, 11, 14})
_FIELDS = (*range(25), 27)
"""Those that tshark knows, without the one that says that there is no frame."""
_TAGS = (1, 3, 7, 33, 45, 50, 59, 70, 107, 113, 114, 127, 191, 221, 221, 255, 255)
_VENDORS = (b"\x00\x50\xf2\x08", b"\x00\x17\xf2\x0a", b"\x00\x10\x18\x02", b"\x8c\xfd\xf0\x04")


class FrameMaker:
    """Makes frames; two makers of one seed make the same."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self._phones = [self._address(0x02) for _ in range(20)] + [self._address(0) for _ in range(20)]
        self._points = [self._address(0) for _ in range(5)]
        self._kinds: list[Callable[[], Packet]] = [
            self.probe_request,
            self.probe_request,
            self.null,
            self.qos_null,
            self.data,
            self.encrypted_data,
            self.aggregated_data,
            self.four_addresses,
            self.downlink,
            self.between_stations,
            self.ps_poll,
            self.control,
            self.beacon,
            self.association,
            self.farewell,
            self.action,
            self.extension,
        ]

    def captured(self) -> bytes:
        """Make a frame of any kind behind any radio header."""
        frame = self.frame()
        with_fcs = self.random.random() < 0.4
        if with_fcs:
            frame += crc32(frame).to_bytes(4, "little")
        return self.radio(FLAG_FCS_INCLUDED if with_fcs else 0) + frame

    def frame(self) -> bytes:
        """Make a frame of any kind, without radio header and FCS."""
        made = bytes(self.random.choice(self._kinds)())
        if made[0] & 0x0C == 0 and not made[1] and self.random.random() < 0.15:  # HT control
            made = made[:1] + bytes((made[1] | ORDER,)) + made[2:24] + self.random.randbytes(4) + made[24:]
        return made

    def radio(self, flags: int) -> bytes:
        """Make a radio header: the usual one, any fields, words per antenna, a vendor's fields."""
        draw = self.random
        shape = draw.random()
        if shape < 0.4:
            words = [Word(_USUAL | ({0} if draw.random() < 0.7 else set()))]
        elif shape < 0.6:
            words = [Word(self._fields() | {1, 5})]
        elif shape < 0.8:
            own = {5} if draw.random() < 0.6 else set[int]()
            antennas = [Word(frozenset({5, 11})) for _ in range(draw.randint(1, 4))]
            words = [Word(frozenset({0, 1, 2, 3, 14} | own)), *antennas]
        else:
            vendor = Word(self._fields() - {18}, draw.randint(0, 30))  # tshark takes it for its own
            words = [Word(self._fields() | {1}), vendor, Word(frozenset({5, 11}))]
        signals = [draw.randint(-100, -20) for _ in words]
        return build(words, draw.getrandbits(62), flags, draw.choice(MHZ), signals)

    def _fields(self) -> frozenset[int]:
        return frozenset(self.random.sample(_FIELDS, self.random.randint(0, 8)))

    def probe_request(self) -> Packet:
        """What a phone sends that looks for networks."""
        ssid = self.random.choice([b"", b"", b"home", bytes(self.random.randbytes(32))])
        header = self._header(0, 4, self.random.choice([0, 0, 0, RETRY]), EVERYBODY, self._phone(), EVERYBODY)
        return header / Dot11ProbeReq() / Dot11Elt(ID="SSID", info=ssid) / self._elements()

    def null(self) -> Packet:
        """How a phone says that it sleeps or wakes."""
        return self._header(2, 4, TO_DS | self._habits(), *self._uplink())

    def qos_null(self) -> Packet:
        """The same of a phone with QoS."""
        return self._header(2, 12, TO_DS | self._habits(), *self._uplink()) / Dot11QoS(TID=7)

    def data(self) -> Packet:
        """An unencrypted packet of a phone, with or without QoS."""
        point, phone, _ = self._uplink()
        qos = self.random.random() < 0.5
        header = self._header(2, 8 if qos else 0, TO_DS | self._habits(), point, phone, self._address(0))
        content = LLC() / SNAP() / Raw(self.random.randbytes(self.random.randint(0, 200)))
        return header / Dot11QoS(TID=self.random.randint(0, 7)) / content if qos else header / content

    def encrypted_data(self) -> Packet:
        """An encrypted packet of a phone."""
        point, phone, _ = self._uplink()
        header = self._header(2, 8, TO_DS | PROTECTED | self._habits(), point, phone, self._address(0))
        return header / Dot11QoS() / Dot11CCMP(data=self.random.randbytes(self.random.randint(8, 300)))

    def aggregated_data(self) -> Packet:
        """Several packets in one frame (A-MSDU)."""
        point, phone, _ = self._uplink()
        packets = b""
        for _ in range(self.random.randint(1, 3)):
            content = bytes(LLC() / SNAP()) + self.random.randbytes(self.random.randint(1, 60))
            packets += self.random.randbytes(12) + struct.pack(">H", len(content)) + content
            packets += bytes(-len(packets) % 4)
        return self._header(2, 8, TO_DS, point, phone, point) / Dot11QoS(A_MSDU_Present=1) / Raw(packets)

    def four_addresses(self) -> Packet:
        """What repeaters and mesh points send each other."""
        header = self._header(2, 8, TO_DS | FROM_DS, self._point(), self._point(), self._phone())
        header.addr4 = self._address(0)
        return header / Dot11QoS() / LLC() / SNAP() / Raw(self.random.randbytes(20))

    def downlink(self) -> Packet:
        """Data of an access point."""
        point, phone, _ = self._uplink()
        return self._header(2, 0, FROM_DS, phone, point, point) / LLC() / SNAP() / Raw(b"content")

    def between_stations(self) -> Packet:
        """Data of an ad-hoc network, or of two phones that talk directly."""
        header = self._header(2, 0, self._habits(), self._phone(), self._phone(), self._address(0x02))
        return header / LLC() / SNAP() / Raw(self.random.randbytes(9))

    def ps_poll(self) -> Packet:
        """How a phone fetches what waits for it."""
        return Raw(struct.pack("<BBH", 0xA4, 0x10, 0xC001) + _raw(self._point()) + _raw(self._phone()))

    def control(self) -> Packet:
        """Request and clear to send, acknowledgements, block acknowledgements, and the rest."""
        subtype = self.random.choice([4, 5, 7, 8, 9, 11, 12, 13, 14, 15])
        length = 10 if subtype in (12, 13) else self.random.randint(16, 32)
        rest = (_raw(self._phone()) + _raw(self._point()) + self.random.randbytes(16))[: length - 4]
        return Raw(struct.pack("<BBH", 0x04 | subtype << 4, 0, 300) + rest)

    def beacon(self) -> Packet:
        """What access points send all the time, and how they answer."""
        point = self._point()
        answers = self.random.random() < 0.5
        header = self._header(
            0, 5 if answers else 8, 0, self._phone() if answers else EVERYBODY, point, point
        )
        kind = Dot11ProbeResp(cap="ESS") if answers else Dot11Beacon(cap="ESS")
        return header / kind / Dot11Elt(ID="SSID", info=b"mall guests") / self._elements()

    def association(self) -> Packet:
        """A phone enters a network."""
        subtype, body = self.random.choice(
            [
                (0, Dot11AssoReq() / Dot11Elt(ID="SSID", info=b"mall guests")),
                (2, Dot11ReassoReq() / Dot11Elt(ID="SSID", info=b"mall guests")),
                (11, Dot11Auth(seqnum=1)),
            ]
        )
        point, phone, _ = self._uplink()
        return self._header(0, subtype, 0, point, phone, point) / body

    def farewell(self) -> Packet:
        """Deauthentication and disassociation, by either side."""
        point, phone, _ = self._uplink()
        to, by = self.random.choice([(point, phone), (phone, point)])
        subtype, body = self.random.choice([(10, Dot11Disas()), (12, Dot11Deauth())])
        return self._header(0, subtype, 0, to, by, point) / body

    def action(self) -> Packet:
        """Public, block acknowledgement, and mesh action frames, with and without acknowledgement."""
        point, phone, _ = self._uplink()
        to, by, bssid = self.random.choice(
            [(point, phone, point), (phone, point, point), (point, phone, phone)]
        )
        subtype = self.random.choice([13, 13, 14])
        return self._header(0, subtype, 0, to, by, bssid) / Raw(b"\x03\x01\x00\x00\x00")

    def extension(self) -> Packet:
        """A frame of 60 GHz."""
        return Raw(b"\x0c\x00" + self.random.randbytes(40))

    def _header(self, kind: int, subtype: int, flags: int, to: str, by: str, third: str) -> Dot11:
        sequence = self.random.randint(0, 4095) << 4
        return Dot11(type=kind, subtype=subtype, FCfield=flags, addr1=to, addr2=by, addr3=third, SC=sequence)

    def _elements(self) -> Packet:
        parts = [bytes(Dot11Elt(ID="Rates", info=b"\x02\x04\x0b\x16"))]
        for tag in self.random.sample(_TAGS, self.random.randint(0, 9)):
            content = self.random.randbytes(self.random.randint(0, 30))
            if tag == 221:
                content = self.random.choice(_VENDORS) + content
            elif tag == 255:
                content = bytes((self.random.choice([2, 35, 44, 59, 108, 200]),)) + content
            parts.append(bytes((tag, len(content))) + content)
        return Raw(b"".join(parts))

    def _habits(self) -> int:
        return self.random.choice([0, RETRY]) | self.random.choice([0, POWER_SAVE])

    def _uplink(self) -> tuple[str, str, str]:
        point = self._point()
        return point, self._phone(), point

    def _phone(self) -> str:
        return self.random.choice(self._phones)

    def _point(self) -> str:
        return self.random.choice(self._points)

    def _address(self, first: int) -> str:
        return ":".join(f"{byte:02x}" for byte in (first, *self.random.randbytes(5)))


def _raw(address: str) -> bytes:
    return bytes.fromhex(address.replace(":", ""))
