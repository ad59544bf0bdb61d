"""What the kernel lets through to the agent: the frames that phones send, and nothing else.

An access point sends ten beacons a second, answers every probe and acknowledges every frame: most of what is
on the air. The kernel drops that before it is copied, so it costs the agent nothing. libpcap compiles the
filter, since it knows where the 802.11 header lies behind a radiotap header of any length.
"""

import ctypes
import struct
from functools import cache

from contracts.errors import ConfigurationError

EXPRESSION = (
    "(type mgt and (subtype probe-req or subtype assoc-req or subtype reassoc-req or subtype disassoc"
    " or subtype auth or subtype deauth or wlan[0] & 0xf0 = 0xd0 or wlan[0] & 0xf0 = 0xe0))"
    " or (type data and (dir tods or dir nods))"
    " or (type ctl and subtype ps-poll)"
)
"""In pcap-filter(7)'s language. Requests and goodbyes of stations; actions (0xd0, 0xe0) go both ways.

Data and null frames to an access point or between phones; PS-Poll, by which a sleeping phone asks for its
data.
"""

RADIOTAP = 127
"""DLT_IEEE802_11_RADIO."""
WHOLE_BYTES = 262_144
"""How much of a frame that passes is kept: all. The reader's buffer cuts, since only then is it said."""
_INSTRUCTION = struct.Struct("=HBBI")


@cache
def compile_filter(expression: str = EXPRESSION) -> bytes:
    """Compile an expression for frames with a radiotap header to instructions of classic BPF, 8 bytes each.

    Raises:
        ConfigurationError: libpcap is not installed.
        ValueError: the expression is none.

    """
    try:
        from scapy.libs import winpcapy as pcap  # noqa: PLC0415  # loads libpcap, which may not be there
        from scapy.libs.structures import bpf_program  # noqa: PLC0415
    except OSError as error:
        raise ConfigurationError(
            "libpcap is not installed, which compiles the kernel's filter",
            "Install it with: sudo apt install libpcap0.8",
        ) from error
    handle = pcap.pcap_open_dead(RADIOTAP, WHOLE_BYTES)
    program = bpf_program()
    try:
        if pcap.pcap_compile(handle, ctypes.byref(program), expression.encode(), 1, 0xFFFFFFFF) != 0:
            raise ValueError(f"{expression!r}: {ctypes.string_at(pcap.pcap_geterr(handle)).decode()}")
        instructions = (program.bf_insns[i] for i in range(program.bf_len))
        made = b"".join(_INSTRUCTION.pack(i.code, i.jt, i.jf, i.k & 0xFFFFFFFF) for i in instructions)
        pcap.pcap_freecode(ctypes.byref(program))
    finally:
        pcap.pcap_close(handle)
    return made
