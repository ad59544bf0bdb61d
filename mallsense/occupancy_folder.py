"""A folder of captures, one a day, and of people counted beside them: read into windows for the model.

`DAY.pcap`, `.cap` (also .gz): what one receiver heard that day. `people.csv`: `day,window_start_unix_s` and
`people_mean` (or `people`). Addresses stay in memory; what leaves are counts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from contracts.csv_rows import number, rows
from contracts.errors import ConfigurationError
from contracts.messages import FrameKind
from edge_agent.batcher import LOCALLY_ADMINISTERED
from edge_agent.frames import Frame, parse_frame
from edge_agent.pcap import PcapFile
from positioning.people.heard import LEVELS_DBM, Floats, Ints, concurrent
from positioning.people.model import Windows

COUNTS = "people.csv"
SUFFIXES = (".pcap", ".pcap.gz", ".cap", ".cap.gz")
KINDS = ("randomising models", "lasting addresses")
"""What is counted: different models among phones that randomise their address, and addresses that last."""
USUAL_WINDOW_S = 600


@dataclass(frozen=True)
class Counts:
    """What people.csv says: people (NaN where a row has none) by day and start of the window."""

    by_day: Mapping[str, Mapping[int, float]]
    window_s: int


def read_counts(folder: Path) -> Counts:
    """Read the counts of a folder; without a people.csv there are none.

    Raises:
        ConfigurationError: a row is not as expected.
    """
    path = folder / COUNTS
    by_day: dict[str, dict[int, float]] = {}
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            for where, row in rows(file, str(path), ("day", "window_start_unix_s")):
                start_s = round(number(row, "window_start_unix_s", where))
                column = "people_mean" if "people_mean" in row else "people"
                counted = row.get(column, "").strip().lower() not in {"", "nan"}
                people = number(row, column, where) if counted else float("nan")
                if people < 0:
                    raise ConfigurationError(f"{where}: {column}: expected 0 or more, found {people:g}")
                if start_s in by_day.setdefault(row["day"], {}):
                    raise ConfigurationError(f"{where}: a second row for {row['day']}, {start_s}")
                by_day[row["day"]][start_s] = people
    steps = [b - a for starts in by_day.values() for a, b in pairwise(sorted(starts))]
    window_s = max(set(steps), key=steps.count) if steps else USUAL_WINDOW_S
    return Counts({day: dict(sorted(starts.items())) for day, starts in sorted(by_day.items())}, window_s)


def find_days(folder: Path, wanted: Sequence[str]) -> dict[str, Path]:
    """Find the capture of each day: of all days, or of those that are wanted.

    Raises:
        ConfigurationError: the folder has no captures, or none of a day that is wanted.
    """
    found = {
        path.name.removesuffix(suffix): path
        for path in (sorted(folder.iterdir()) if folder.is_dir() else ())
        for suffix in SUFFIXES
        if path.name.lower().endswith(suffix)
    }
    if not found:
        raise ConfigurationError(
            f"{folder}: expected a folder with a capture a day, like 2022-10-18.pcap.gz; found none"
        )
    if missing := [day for day in wanted if day not in found]:
        raise ConfigurationError(
            f"{folder}: no capture of {', '.join(missing)}", f"There are captures of: {', '.join(found)}"
        )
    return {day: found[day] for day in wanted} if wanted else found


def read_fixed(path: Path | None) -> tuple[bytes, ...]:
    """Read addresses that belong to no people, or their first bytes: one a line, in hexadecimal digits.

    Raises:
        ConfigurationError: the file cannot be read, or a line is no address.
    """
    if path is None:
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    found = []
    for number_of_line, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip().replace(":", "").replace("-", "")
        try:
            address = bytes.fromhex(text)
        except ValueError:
            address = bytes(7)
        if len(address) > 6:
            raise ConfigurationError(
                f"{path}:{number_of_line}: expected an address like 02:00:5e:10:00:00, or its first bytes"
            )
        if address:
            found.append(address)
    return tuple(found)


def read_windows(
    days: Mapping[str, Path], counts: Counts, window_s: int, fixed: tuple[bytes, ...] = ()
) -> Windows:
    """Read captures into windows: those of the counts; where a day has none, those its capture covers.

    What addresses sent that start with one of `fixed` is left out.

    Raises:
        ConfigurationError: a capture cannot be read.
    """
    parts = []
    for number_of_day, (day, path) in enumerate(sorted(days.items())):
        capture = _read_capture(path, fixed)
        people = counts.by_day.get(day) or dict.fromkeys(_starts(capture.t_ms, window_s), float("nan"))
        start_s = np.fromiter(people, dtype=np.int64)
        parts.append(
            Windows(
                np.full(len(start_s), number_of_day),
                start_s,
                capture.heard(start_s, window_s),
                np.fromiter(people.values(), dtype=np.float64),
            )
        )
    fields = ("day", "start_s", "heard", "people")
    return Windows(*(np.concatenate([getattr(part, field) for part in parts]) for field in fields))


@dataclass(frozen=True)
class _Capture:
    """Probe requests of one day: numbers in place of addresses and of models."""

    t_ms: Ints
    rssi_dbm: Floats
    address: Ints
    model: Ints
    randomised: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def heard(self, start_s: Ints, window_s: int) -> Floats:
        """Return the counts (W, K) of windows (W,): at every level, kind by kind in the order of `KINDS`."""
        levels = np.array(LEVELS_DBM)
        kinds = ((self.model, self.randomised), (self.address, ~self.randomised))
        return np.concatenate(
            [
                concurrent(
                    self.t_ms[of], thing[of], self.rssi_dbm[of], start_s * 1000, window_s * 1000, levels
                )
                for thing, of in kinds
            ],
            axis=1,
        )


def _read_capture(path: Path, fixed: tuple[bytes, ...]) -> _Capture:
    numbers: dict[bytes, int] = {}
    models: dict[bytes, int] = {}
    read = [
        (
            packet.t_ms,
            frame.rssi_dbm,
            numbers.setdefault(frame.address, len(numbers)),
            models.setdefault(frame.elements, len(models)),
            frame.address[0] & LOCALLY_ADMINISTERED,
        )
        for packet in PcapFile(path)
        if isinstance(frame := parse_frame(packet.data, cut=packet.cut), Frame)
        and frame.kind is FrameKind.PROBE
        and not frame.address.startswith(fixed)
    ]
    table = np.array(read, dtype=np.int64).reshape(-1, 5)
    t_ms, rssi_dbm, address, model, local = table.T
    return _Capture(t_ms, rssi_dbm.astype(np.float64), address, model, local != 0)


def _starts(t_ms: Ints, window_s: int) -> range:
    """Return the starts of the windows, in whole multiples of their length, that a capture covers."""
    if not len(t_ms):
        return range(0)
    first, last = int(t_ms.min()) // 1000 // window_s, int(t_ms.max()) // 1000 // window_s
    return range(first * window_s, (last + 1) * window_s, window_s)
