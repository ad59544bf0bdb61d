"""`iw` where there is no radio: keeps the channel in a file, prints what iw 5.19 prints of a real adapter.

`FAKE_IW` names its folder: `NAME.channel` holds a channel, `NAME.stuck` makes it stay, `NAME.busy` refuses to
change it; `stations` is what `station dump` prints, `phy` and `reg` what they print. The mode is the TAP
device's, which only the test can change: it is asked to at the socket `link`.
"""

import os
import socket
import sys
from pathlib import Path

FOLDER = Path(os.environ["FAKE_IW"])
FREQUENCY = {1: 2412, 6: 2437, 11: 2462, 36: 5180}
INFO = """Interface {name}
	ifindex {index}
	wdev 0x100000001
	addr 00:c0:ca:00:00:01
	type {mode}
	wiphy 1
{channel}	txpower 20.00 dBm
"""


def main(words: list[str]) -> int:  # noqa: PLR0911  # an exit code a command
    """Answer one command line."""
    with (FOLDER / "log").open("a") as log:
        log.write(" ".join(words) + "\n")
    match words:
        case ["dev", name, "info"]:
            return info(name)
        case ["dev", name, "set", "channel", channel]:
            if (FOLDER / f"{name}.busy").exists():
                sys.stderr.write("command failed: Device or resource busy (-16)\n")
                return 240
            if not (FOLDER / f"{name}.stuck").exists():
                (FOLDER / f"{name}.channel").write_text(channel)
            return 0
        case ["dev", name, "set", "type", "monitor"]:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as test:
                test.connect(str(FOLDER / "link"))
                test.sendall(name.encode())
                test.shutdown(socket.SHUT_WR)
                test.recv(1)
            return 0
        case ["dev", _, "station", "dump"]:
            sys.stdout.write((FOLDER / "stations").read_text())
            return 0
        case ["phy"] | ["reg", "get"]:
            sys.stdout.write((FOLDER / words[0]).read_text())
            return 0
    sys.stderr.write("command failed: Operation not supported (-95)\n")
    return 161


def info(name: str) -> int:
    """Print what is known of an interface."""
    net = Path("/sys/class/net") / name
    if not net.exists():
        sys.stderr.write("command failed: No such device (-19)\n")
        return 237
    channel = FOLDER / f"{name}.channel"
    number = int(channel.read_text()) if channel.exists() else 0
    mhz = FREQUENCY.get(number)
    where = f"\tchannel {number} ({mhz} MHz), width: 20 MHz (no HT), center1: {mhz} MHz\n"
    mode = "monitor" if (net / "type").read_text().strip() == "803" else "managed"
    sys.stdout.write(
        INFO.format(
            name=name, index=(net / "ifindex").read_text().strip(), mode=mode, channel=where if number else ""
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
