"""The tables of a recorded data set: walks, readings, truth and survey points, and how they are read."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from contracts.csv_rows import Row, number
from contracts.errors import ConfigurationError
from simulators.recorded_csv import Skipped, rows, table

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

RECEIVER_HEIGHT_M = 3.0
"""Where a receiver hangs if its height was not written down: under the ceiling."""

DEVICE_HEIGHT_M = 1.2
"""Where a phone is carried if its height was not written down."""

RSSI_RANGE_DBM = (-127, 20)

EARLY_S = 60
"""A receiver may have heard the device a little before its walk's clock was started."""


@dataclass(frozen=True)
class Walk:
    """One recorded walk with one device."""

    id: str
    split: str
    """`train`: may be used for calibration; `test`: may not."""
    duration_s: float


@dataclass(frozen=True)
class Readings:
    """What was heard, as columns ordered by walk and time."""

    walk: Ints
    """(M,) index of the walk."""
    t_s: Floats
    """(M,) since the walk's start."""
    receiver: Ints
    """(M,) index of the receiver."""
    rssi_dbm: Floats
    channel: Ints
    """(M,) 802.11 channel; 0 = not known."""

    def __len__(self) -> int:
        """Return the number of readings."""
        return len(self.walk)

    def of(self, walks: Ints) -> "Readings":
        """Return the readings of some walks (indices), order kept."""
        keep = np.isin(self.walk, walks)
        return Readings(*(column[keep] for column in vars(self).values()))


@dataclass(frozen=True)
class Truth:
    """Surveyed points of walks, as columns ordered by walk and time; straight lines in between."""

    walk: Ints
    t_s: Floats
    xyz_m: Floats
    """(K, 3)"""

    def of(self, walks: Ints) -> "Truth":
        """Return the points of some walks (indices), order kept."""
        keep = np.isin(self.walk, walks)
        return Truth(self.walk[keep], self.t_s[keep], self.xyz_m[keep])


@dataclass(frozen=True)
class SurveyPoints:
    """Readings of a device that stood at known points."""

    xyz_m: Floats
    """(M, 3)"""
    receiver: Ints
    rssi_dbm: Floats


def channel_of(freq_mhz: float) -> int:
    """Return the 802.11 channel at a centre frequency (IEEE 802.11-2020, annex E); 0 for none."""
    if freq_mhz == 2484:  # Japan's channel lies off the raster
        return 14
    for first_mhz, last_mhz, base_mhz in ((2412, 2472, 2407), (5160, 5885, 5000), (5955, 7115, 5950)):
        if first_mhz <= freq_mhz <= last_mhz:
            return round((freq_mhz - base_mhz) / 5)
    return 0


def file_in(folder: Path, name: str) -> Path:
    """Return the plain file where only that is there, else the gzipped one."""
    plain, zipped = folder / name, folder / f"{name}.gz"
    return plain if plain.exists() and not zipped.exists() else zipped


def read_receivers(path: Path, deployment: int | None) -> dict[str, tuple[float, float, float]]:
    """Return the place of each receiver of a planned deployment, or of all."""
    column = f"in_{deployment}"
    places: dict[str, tuple[float, float, float]] = {}
    for where, row in rows(path, ("receiver", "x_m", "y_m")):
        name = row["receiver"]
        if not name or name in places:
            raise ConfigurationError(f"{where}: receiver: expected a name of its own, found {name!r}")
        if deployment is not None and column not in row:
            raise ConfigurationError(
                f"{path}: no column {column}, so there is no planned deployment of {deployment} receivers",
                "Leave out --receivers to use all of them.",
            )
        if deployment is None or row[column].strip() in ("1", "true", "True"):
            x_m, y_m = number(row, "x_m", where), number(row, "y_m", where)
            places[name] = (x_m, y_m, number(row, "z_m", where, RECEIVER_HEIGHT_M))
    if not places:
        raise ConfigurationError(f"{path}: no receivers", "Each line names one: receiver,x_m,y_m")
    return places


def read_walks(path: Path) -> tuple[Walk, ...]:
    """Return the walks, in the order of the file."""
    walks: dict[str, Walk] = {}
    for where, row in rows(path, ("walk", "split")):
        name, split = row["walk"], row["split"]
        if not name or name in walks:
            raise ConfigurationError(f"{where}: walk: expected a name of its own, found {name!r}")
        if split not in ("train", "test"):
            raise ConfigurationError(f"{where}: split: expected train or test, found {split!r}")
        walks[name] = Walk(name, split, number(row, "duration_s", where, 0.0))
    if not walks:
        raise ConfigurationError(f"{path}: no walks", "Each line names one: walk,split,duration_s")
    return tuple(walks.values())


def read_readings(
    path: Path, walks: dict[str, int], receivers: dict[str, int], known: set[str], skipped: Skipped
) -> Readings:
    """Return what the chosen `receivers` of all `known` ones heard; walks and receivers by index."""

    def read(row: Row, where: str) -> tuple[float, ...] | str | None:
        walk, receiver = walks.get(row["walk"]), receivers.get(row["receiver"])
        if walk is None:
            return "walk is not in walks.csv"
        if receiver is None:
            return None if row["receiver"] in known else "receiver is not in receivers.csv"
        t_s, rssi_dbm = number(row, "t_s", where), number(row, "rssi_dbm", where)
        if t_s < -EARLY_S or not RSSI_RANGE_DBM[0] <= rssi_dbm <= RSSI_RANGE_DBM[1]:
            return f"t_s below -{EARLY_S}, or rssi_dbm outside {RSSI_RANGE_DBM}"
        return walk, t_s, receiver, rssi_dbm, channel_of(number(row, "freq_mhz", where, 0.0))

    columns = table(path, ("walk", "t_s", "receiver", "rssi_dbm"), read, skipped, 5)
    columns = columns[np.lexsort((columns[:, 1], columns[:, 0]))]
    walk, t_s, receiver, rssi_dbm, channel = columns.T
    return Readings(walk.astype(int), t_s, receiver.astype(int), rssi_dbm, channel.astype(int))


def read_truth(path: Path, walks: dict[str, int], skipped: Skipped) -> Truth:
    """Return the surveyed points; none where there is no such file."""

    def read(row: Row, where: str) -> tuple[float, ...] | str | None:
        walk = walks.get(row["walk"])
        if walk is None:
            return "walk is not in walks.csv"
        x_m, y_m = number(row, "x_m", where), number(row, "y_m", where)
        return walk, number(row, "t_s", where), x_m, y_m, number(row, "z_m", where, DEVICE_HEIGHT_M)

    needed = ("walk", "t_s", "x_m", "y_m")
    columns = table(path, needed, read, skipped, 5) if path.exists() else np.empty((0, 5))
    columns = columns[np.lexsort((columns[:, 1], columns[:, 0]))]
    return Truth(columns[:, 0].astype(int), columns[:, 1], columns[:, 2:])


def read_survey(path: Path, receivers: dict[str, int], known: set[str], skipped: Skipped) -> SurveyPoints:
    """Return the readings at stationary points."""

    def read(row: Row, where: str) -> tuple[float, ...] | str | None:
        receiver = receivers.get(row["receiver"])
        if receiver is None:
            return None if row["receiver"] in known else "receiver is not in receivers.csv"
        x_m, y_m = number(row, "x_m", where), number(row, "y_m", where)
        z_m = number(row, "z_m", where, DEVICE_HEIGHT_M)
        return x_m, y_m, z_m, receiver, number(row, "rssi_dbm", where)

    columns = table(path, ("x_m", "y_m", "receiver", "rssi_dbm"), read, skipped, 5)
    return SurveyPoints(columns[:, :3], columns[:, 3].astype(int), columns[:, 4])
