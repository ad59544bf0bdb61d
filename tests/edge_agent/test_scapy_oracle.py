"""The parser and scapy say the same of real frames, and of real frames with radio headers of every kind."""

from itertools import islice
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from edge_agent.frames import Frame, parse_frame
from edge_agent.pcap import PcapFile
from tests.edge_agent.helpers import AP, RATES, element, header
from tests.edge_agent.radiotap_builder import Word, build
from tests.edge_agent.scapy_oracle import expected

FRAMES_A_FILE = 12


def test_real_captures(recorded_data: Path) -> None:
    """Frames from every capture there is: every field the same, or both refuse."""
    files = sorted((recorded_data / "probes").rglob("*.pcap.gz"))
    compared = heard = 0
    for file in files:
        for packet in islice(PcapFile(file), 0, None, 97):
            ours = parse_frame(packet.data)
            assert ours == expected(packet.data), f"{file}, frame {compared}"
            compared, heard = compared + 1, heard + isinstance(ours, Frame)
            if compared % FRAMES_A_FILE == 0:
                break
    assert len(files) > 200
    assert heard > 0.9 * compared > 200


# Scapy takes FHSS (4) for one byte, and misreads the newer fields from 18 on.
fields = st.frozensets(st.sampled_from([0, 1, 2, 3, *range(6, 18)]))
kinds = st.sampled_from([0x00, 0x20, 0x40, 0x48, 0x88, 0x80, 0xA0, 0xB0, 0xC0, 0xD0, 0xB4, 0xD4])


@given(
    kinds,
    fields,
    st.integers(-100, -20),
    st.sampled_from([2412, 2437, 5180, 5745]),
    st.integers(0, 4095),
    st.booleans(),
)
def test_radio_headers(
    kind: int, chosen: frozenset[int], signal: int, mhz: int, sequence: int, to_ap: bool
) -> None:
    """Any fields before the frame, any kind of frame: every field the same, or both refuse."""
    radio = build([Word(chosen | {5})], 123_456_789, 0, mhz, [signal])
    data = kind & 0x0C == 0x08
    packet = radio + header(kind, direction=int(to_ap and data), third=AP, sequence=sequence)
    packet += element(0, b"some") + RATES if kind == 0x40 else bytes(2)
    assert parse_frame(packet) == expected(packet)
