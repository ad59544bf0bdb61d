"""Capture files are read to their last good byte, in every dialect of the format."""

import gzip
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from edge_agent.pcap import Packet, PcapFile
from tests.edge_agent.helpers import T0_MS, pcap, probe, write

PACKETS = [(T0_MS + i * 250, probe(sequence=i)) for i in range(8)]
READ = [Packet(t_ms, data, cut=False) for t_ms, data in PACKETS]
RECORD = 16


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_dialect(tmp_path: Path, order: str, nanoseconds: bool, zipped: bool) -> None:
    """Both byte orders, both clocks, plain and gzipped give the same packets."""
    data = pcap(PACKETS, order=order, nanoseconds=nanoseconds)
    file = PcapFile(write(tmp_path / "a", gzip.compress(data) if zipped else data))
    assert (list(file), file.damage, file.first_ms) == (READ, "", T0_MS)
    assert file.read_bytes == file.path.stat().st_size


def test_packet_cut_by_the_snapshot_length(tmp_path: Path) -> None:
    """A packet of which only the start was kept says so."""
    record = struct.pack("<IIII", 1, 5_000, 4, 99) + b"abcd"
    assert list(PcapFile(write(tmp_path / "a", pcap([]) + record))) == [Packet(1005, b"abcd", cut=True)]


@pytest.mark.parametrize("zipped", [False, True])
@given(cut=st.integers(24, len(pcap(PACKETS)) - 1))
def test_cut_anywhere(tmp_path_factory: pytest.TempPathFactory, zipped: bool, cut: int) -> None:
    """A file that ends anywhere gives all its whole packets, and says so where one is not whole."""
    data = pcap(PACKETS)[:cut]
    size = RECORD + len(PACKETS[0][1])
    whole, rest = divmod(cut - 24, size)
    path = write(tmp_path_factory.mktemp("cut") / "a", gzip.compress(data) if zipped else data)
    file = PcapFile(path)
    assert list(file) == READ[:whole]
    assert bool(file.damage) == bool(rest)


@given(cut=st.integers(1, 400))
def test_gzip_cut_anywhere(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    """Of gzip data that ends too early, what can be unzipped is used."""
    stored = gzip.compress(pcap(PACKETS), compresslevel=0)
    size = RECORD + len(PACKETS[0][1])
    file = PcapFile(write(tmp_path_factory.mktemp("cut") / "a", stored[: -8 - cut]))
    assert list(file) == READ[: len(PACKETS) - -(-cut // size)]
    assert "ends too early" in file.damage


def test_damaged_gzip_gives_what_comes_before(tmp_path: Path) -> None:
    """Gzip data with a wrong checksum, or garbage in the middle, is used up to there."""
    good = gzip.compress(pcap(PACKETS))
    wrong_checksum = good[:-8] + bytes(8)
    file = PcapFile(write(tmp_path / "a", wrong_checksum))
    assert list(file) == READ
    assert "damaged" in file.damage


def test_several_gzip_members(tmp_path: Path) -> None:
    """Gzip files put one behind the other are one file, as for gzip."""
    data = pcap(PACKETS)
    file = PcapFile(write(tmp_path / "a", gzip.compress(data[:10]) + gzip.compress(data[10:]) + bytes(512)))
    assert (list(file), file.damage) == (READ, "")


def test_impossible_length_ends_the_file(tmp_path: Path) -> None:
    """A length nobody writes means damage: what comes before is used."""
    file = PcapFile(write(tmp_path / "a", pcap(PACKETS) + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30)))
    assert list(file) == READ
    assert "1,073,741,824 bytes" in file.damage


def test_empty_capture_of_another_kind_is_empty(tmp_path: Path) -> None:
    """Tools that heard nothing write a header of Ethernet; that is no mistake."""
    assert list(PcapFile(write(tmp_path / "a", pcap([], link=1)))) == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (pcap(PACKETS, link=1), "found 1 (Ethernet)"),
        (pcap(PACKETS, link=105), "found 105 (802.11 without radiotap)"),
        (pcap(PACKETS, link=250), "found 250"),
        (b"\x0a\x0d\x0d\x0a" + bytes(60), "pcapng"),
        (b"not a capture at all, just text", "no pcap file"),
        (pcap(PACKETS)[:23], "no pcap file"),
        (b"", "no pcap file"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, says: str) -> None:
    """What is no capture of 802.11 frames is refused, naming the file."""
    path = write(tmp_path / "file.cap", content)
    with pytest.raises(ConfigurationError, match=r"file\.cap") as error:
        PcapFile(path)
    assert says in str(error.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    """A file that is not there is named."""
    with pytest.raises(ConfigurationError, match="gone"):
        PcapFile(tmp_path / "gone")


@given(st.binary(max_size=300))
def test_noise_is_refused_or_read(tmp_path_factory: pytest.TempPathFactory, noise: bytes) -> None:
    """Any bytes behind a good header give packets or damage, never an exception."""
    assert isinstance(list(PcapFile(write(tmp_path_factory.mktemp("noise") / "a", pcap([]) + noise))), list)
