"""Events as lines of a table that grows."""

from datetime import UTC, datetime

from rich.console import Console
from rich.text import Text

from gateway.following import Happening

COLOURS = {
    "visit.started": "green",
    "visit.updated": "dim",
    "visit.ended": "yellow",
    "path.ended": "cyan",
    "car.entered": "green",
    "car.left": "yellow",
    "car_park.full_soon": "magenta",
    "car_park.full": "red",
    "car_park.free": "green",
}


class Table:
    """Prints a heading once, then a line an event."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._begun = False

    def show(self, happening: Happening) -> None:
        """Print one event."""
        if not self._begun:
            self._begun = True
            self._console.print(Text(_line("time (UTC)", "event", "zone", "floor", "dwell"), style="bold"))
        dwell = "" if happening.dwell_s is None else duration(happening.dwell_s)
        line = _line(
            _time(happening.time), happening.kind, happening.zone or "-", happening.floor or "-", dwell
        )
        self._console.print(Text(line, style=COLOURS.get(happening.kind, "")), soft_wrap=True)


def duration(seconds: float) -> str:
    """A length of time as people write it: 45 s, 12 min 05 s, 2 h 03 min."""
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def _time(text: str) -> str:
    if text.isdecimal():
        return datetime.fromtimestamp(int(text) / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return text[:19].replace("T", " ")


def _line(time: str, kind: str, zone: str, floor: str, dwell: str) -> str:
    return f"{time:<20} {kind:<18} {zone:<24} {floor:<8} {dwell:>12}".rstrip()
