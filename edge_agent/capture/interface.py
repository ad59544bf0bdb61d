"""One Wi-Fi interface: what state it is in, and how it is brought to listen. By sysfs, `ip` and `iw`."""

from pathlib import Path

from edge_agent.capture import commands
from edge_agent.capture.commands import Answer
from edge_agent.capture.iw import InterfaceInfo, parse_info
from edge_agent.capture.packets import gives_radiotap

_NET = Path("/sys/class/net")
_IFF_UP = 1
_NOTHING = InterfaceInfo("", 0, 0, None)


class WifiInterface:
    """An interface by its name; it may come and go. Nothing here raises."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._folder = _NET / name

    @property
    def exists(self) -> bool:
        """Whether the kernel has it: the adapter is plugged in and has a driver."""
        return self._folder.exists()

    @property
    def is_up(self) -> bool:
        """Whether it is switched on."""
        flags = self._read("flags")
        return flags.startswith("0x") and bool(int(flags, 16) & _IFF_UP)

    @property
    def is_monitor(self) -> bool:
        """Whether it is in monitor mode."""
        return gives_radiotap(self.name)

    @property
    def blocked(self) -> str:
        """Say how its radio is switched off (rfkill): `hard` by a switch, `soft` by a program; else empty."""
        for switch in (self._folder / "phy80211").glob("rfkill*"):
            for kind in ("hard", "soft"):
                if _text(switch / kind) == "1":
                    return kind
        return ""

    @property
    def heard(self) -> int:
        """How many frames it has heard, beacons too: counted before the filter of any socket."""
        count = self._read("statistics/rx_packets")
        return int(count) if count.isdigit() else 0

    @property
    def driver(self) -> str:
        """The name of its driver; empty where it has none of its own."""
        link = self._folder / "device" / "driver"
        return link.resolve().name if link.exists() else ""

    def info(self) -> InterfaceInfo:
        """Ask `iw` for its mode and channel."""
        answer = commands.run("iw", "dev", self.name, "info")
        return parse_info(answer.text) if answer.ok else _NOTHING

    def set_channel(self, channel: int) -> Answer:
        """Go to a channel, 20 MHz wide."""
        return commands.run("iw", "dev", self.name, "set", "channel", str(channel))

    def set_up(self) -> Answer:
        """Switch it on, in monitor mode; what is so already stays. Gives the first step that failed."""
        steps = []
        if not self.is_monitor:
            steps += [
                ("ip", "link", "set", self.name, "down"),
                ("iw", "dev", self.name, "set", "type", "monitor"),
            ]
        steps.append(("ip", "link", "set", self.name, "up"))
        return _all(steps)

    def restart(self) -> Answer:
        """Switch it off, into monitor mode and on again: what wakes most drivers that have gone deaf."""
        return _all(
            [
                ("ip", "link", "set", self.name, "down"),
                ("iw", "dev", self.name, "set", "type", "monitor"),
                ("ip", "link", "set", self.name, "up"),
            ]
        )

    def _read(self, name: str) -> str:
        return _text(self._folder / name)


def _all(steps: list[tuple[str, ...]]) -> Answer:
    for step in steps:
        answer = commands.run(*step)
        if not answer.ok:
            return answer
    return Answer(ok=True, text="")


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
