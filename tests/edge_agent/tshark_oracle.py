"""What tshark says of captured frames, in the parser's terms: an oracle that shares no parsing with it.

tshark describes every frame; which of them count is decided here, by its fields. Deliberate differences:

* tshark goes on behind a radio header of another version, one that is too short for its own fields, or one
  that announces two kinds of fields at once. The parser refuses it: nothing in it can be trusted.
* tshark shows what there is of a header that is cut short. The parser refuses the frame.
* tshark takes a frame's last bytes for its FCS only where the radio header says so. The parser also finds one
  that fits where the driver does not say so (openwrt/mt76#1086).
* tshark checks the FCS of a frame into which the driver has put padding, with the padding. The parser does
  not: it was computed without.
* tshark looks into elements, and stops at the first whose content it cannot read. The parser takes contents
  as they are: of such a frame, the elements up to there are compared.

Where tshark 4.0 misreads the radio header, or reads what the parser does not, it has no opinion: HE-MU of
other users (25), which it does not know; fields with type and length (28), at which the parser stops; bit 18
of a vendor's word, which it takes for XChannel; and a vendor's fields in more than one word, which it refuses
though their length is known.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import NamedTuple
from zlib import crc32

from msgspec.structs import replace

from contracts.messages import FrameKind
from edge_agent.frames import Frame, Refusal
from edge_agent.radiotap import FLAG_BAD_FCS, FLAG_FCS_INCLUDED, FLAG_PADDED, channel_of
from tests.edge_agent.helpers import pcap
from tests.edge_agent.scapy_oracle import KINDS, kept

_FIELDS = {
    "version": "radiotap.version",
    "radio_bytes": "radiotap.length",
    "too_short": "radiotap.data_past_header",
    "words": "radiotap.present.word",
    "both_namespaces": "radiotap.present.radiotap_and_vendor",
    "has_signal": "radiotap.present.dbm_antsignal",
    "signal": "radiotap.dbm_antsignal",
    "mhz": "radiotap.channel.freq",
    "tsft": "radiotap.mactime",
    "flags": "radiotap.flags",
    "by": "wlan.ta",
    "bssid": "wlan.bssid",
    "protocol": "wlan.fc.version",
    "kind": "wlan.fc.type_subtype",
    "direction": "wlan.fc.ds",
    "order": "wlan.fc.order",
    "protected": "wlan.fc.protected",
    "more": "wlan.fc.frag",
    "fragment": "wlan.frag",
    "sequence": "wlan.seq",
    "fcs": "wlan.fcs.status",
    "tags": "wlan.tag.number",
    "lengths": "wlan.tag.length",
    "extension_lengths": "wlan.ext_tag.length",
}
_OPTIONS = ("wlan.check_checksum:TRUE", "wlan.defragment:FALSE", "wlan.enable_decryption:FALSE")
_GOOD = "1"
_NO_TAGS_BEFORE = 24
_HT_CONTROL = 4
_PROBE_REQUEST = 4
_FCS_RESIDUE = crc32(bytes(4))
"""What CRC-32 gives of any frame with its FCS: that of an empty one is four zeros."""
_EXTENSION = 255
_XCHANNEL, _HE_MU_USER, _TLVS = 1 << 18, 1 << 25, 1 << 28
_STANDARD_NEXT, _VENDOR_NEXT, _MORE = 1 << 29, 1 << 30, 1 << 31


class Verdict(NamedTuple):
    """What the parser has to say, by tshark."""

    result: Frame | Refusal | None
    """None where it has no opinion."""
    whole: bool = True
    """tshark has read all elements; else `result` has those up to the first that it cannot read."""

    def agrees(self, ours: Frame | Refusal) -> bool:
        """Tell whether every field is the same, or both refuse."""
        theirs = self.result
        if theirs is None:
            return True
        if isinstance(theirs, Refusal):
            return isinstance(ours, Refusal)
        if isinstance(ours, Refusal):
            return not self.whole and ours is Refusal.CORRUPT
        elements = ours.elements if self.whole else ours.elements[: len(theirs.elements)]
        return replace(ours, elements=elements) == theirs


def verdicts(packets: Sequence[bytes], folder: Path) -> Iterator[Verdict]:
    """Ask tshark about packets with radio headers, in order; `folder` is for the capture it reads."""
    path = folder / "asked.pcap"
    path.write_bytes(pcap([(0, packet) for packet in packets]))
    command = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "separator=|"]
    command += [word for option in _OPTIONS for word in ("-o", option)]
    command += [word for name in _FIELDS.values() for word in ("-e", name)]
    with Popen(command, stdout=PIPE, stderr=DEVNULL, text=True) as process:
        assert process.stdout is not None
        for packet, line in zip(packets, process.stdout, strict=True):
            said = dict(zip(_FIELDS, line.rstrip("\n").split("|"), strict=True))
            yield Verdict(None) if _misread(said["words"]) else _verdict(packet, said)


def _verdict(packet: bytes, said: dict[str, str]) -> Verdict:  # noqa: PLR0911  # one a cause
    if said["version"] != "0" or said["both_namespaces"] or said["too_short"]:
        return Verdict(Refusal.BAD_RADIOTAP)
    if not said["kind"]:
        return Verdict(Refusal.TRUNCATED)
    kind = _kind(said)
    if isinstance(kind, Refusal):
        return Verdict(kind)
    signal_dbm = _signal_dbm(said)
    if signal_dbm is None:
        return Verdict(Refusal.NO_SIGNAL)
    flags = int(_first(said["flags"]) or "0", 0)
    unproven = flags & FLAG_FCS_INCLUDED and said["fcs"] != _GOOD and not flags & FLAG_PADDED
    if flags & FLAG_BAD_FCS or unproven:
        return Verdict(Refusal.BAD_FCS)
    if not said["by"] or len(packet) < _shortest(said, flags, kind):
        return Verdict(Refusal.TRUNCATED)
    address = bytes.fromhex(_first(said["by"]).replace(":", ""))
    if address[0] & 1 or not any(address):
        return Verdict(Refusal.GROUP_ADDRESS)
    if kind is not FrameKind.PROBE and _first(said["by"]) == _first(said["bssid"]):
        return Verdict(Refusal.FROM_AP)
    elements, whole = _elements(packet, said, flags) if kind is FrameKind.PROBE else (b"", True)
    if elements is None:
        return Verdict(Refusal.CORRUPT)
    frame = Frame(
        address,
        signal_dbm,
        channel_of(int(_first(said["mhz"]) or 0)),
        kind,
        int(_first(said["sequence"]) or -1),
        elements,
        int(_first(said["tsft"])) if said["tsft"] else None,
    )
    return Verdict(frame, whole)


def _misread(listed: str) -> bool:
    words = [int(word, 0) for word in listed.split(",") if word]
    unknown = any(word & (_HE_MU_USER | _TLVS) for word in words)
    of_vendors = [other for one, other in pairwise(words) if one & _VENDOR_NEXT]
    continued = any(word & _MORE and not word & (_STANDARD_NEXT | _VENDOR_NEXT) for word in of_vendors)
    return unknown or continued or any(word & _XCHANNEL for word in of_vendors)


def _kind(said: dict[str, str]) -> FrameKind | Refusal:
    kind, subtype = divmod(int(_first(said["kind"]), 0), 16)
    direction = int(_first(said["direction"]) or "0", 0)
    if kind in (1, 22):  # 22: extensions of control frames
        return (
            KINDS.get((kind, subtype), Refusal.CONTROL)
            if _first(said["protocol"]) == "0"
            else Refusal.CORRUPT
        )
    if _first(said["protocol"]) != "0" or kind not in (0, 2):
        return Refusal.CORRUPT
    if kind == 2:
        return Refusal.FROM_AP if direction & 2 else FrameKind.DATA
    if kind == 0 and direction:
        return Refusal.CORRUPT
    found = KINDS.get((kind, subtype), Refusal.FROM_AP)
    encrypted, in_pieces = said["protected"] == "1", said["more"] == "1" or said["fragment"] != "0"
    if found is FrameKind.PROBE and (encrypted or in_pieces):
        return Refusal.CORRUPT
    return found


def _shortest(said: dict[str, str], flags: int, kind: FrameKind) -> int:
    """Give the bytes of a packet whose header is whole; tshark shows also what there is of others."""
    header = 24 if said["sequence"] else 16
    qos = kind is FrameKind.DATA and int(_first(said["kind"]), 0) & 8
    if qos:
        header += 2
    if said["order"] == "1" and (qos or (kind is not FrameKind.DATA and said["sequence"])):
        header += _HT_CONTROL
    return int(said["radio_bytes"]) + header + (4 if flags & FLAG_FCS_INCLUDED else 0)


def _signal_dbm(said: dict[str, str]) -> int | None:
    """Give the receiver's own strength, where the first word has one; else that of the best antenna."""
    signals = [int(signal) for signal in said["signal"].split(",") if signal]
    own = _first(said["has_signal"]) == "1"
    return signals[0] if own and signals else max(signals, default=None)


def _elements(packet: bytes, said: dict[str, str], flags: int) -> tuple[bytes | None, bool]:
    """Walk by the tags and lengths that tshark lists; those inside others fit nowhere, and are passed.

    Gives the canonical bytes, None where the elements do not fit the frame; and whether tshark has read all.
    """
    at = int(said["radio_bytes"]) + _NO_TAGS_BEFORE + (_HT_CONTROL if said["order"] == "1" else 0)
    has_fcs = flags & FLAG_FCS_INCLUDED or crc32(packet[int(said["radio_bytes"]) :]) == _FCS_RESIDUE
    end = len(packet) - 4 if has_fcs else len(packet)
    parts = []
    lengths, of_extensions = (_numbers(said[name]) for name in ("lengths", "extension_lengths"))
    for tag in _numbers(said["tags"]):
        length = (next(of_extensions) + 1) & 0xFF if tag == _EXTENSION else next(lengths)
        if at < end and packet[at : at + 2] == bytes((tag, length)):
            parts.append(kept(tag, packet[at + 2 : at + 2 + length]))
            at += 2 + length
    if at > end or at == end - 1:
        return None, True
    return b"".join(parts), at == end


def _numbers(listed: str) -> Iterator[int]:
    return (int(number) for number in listed.split(",") if number)


def _first(listed: str) -> str:
    return listed.partition(",")[0]
