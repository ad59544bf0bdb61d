"""A simulated day through the engine, scored against its truth."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import partial
from math import isfinite
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from contracts.errors import ConfigurationError
from contracts.events import EventKind, VisitEvent
from contracts.site import Site
from edge_agent.pseudonym import KEY_BYTES, Pseudonyms
from edge_agent.rotation import HOUR_MS, SaltRotation
from gateway.engine import Tick, build_engine
from mallsense import in_process
from mallsense.estimates import RECENT_MS
from mallsense.simulated import simulated_calibration
from simulators import mall
from simulators.passers_by import FIRST_ID
from simulators.phones import Habits
from simulators.scoring import (
    PositionScore,
    Stay,
    VisitScore,
    count_error,
    flow_error,
    flows,
    score_positions,
    score_visits,
)
from simulators.scoring_identity import IdentityScore, score_identity
from simulators.source import SimulatedSource
from simulators.truth import Truth

Floats = npt.NDArray[np.float64]

START = "2026-03-14T12:00"
"""A Saturday at noon: one of the fullest hours."""
EVERY_S = 10
"""Positions are compared this often."""
SHORTEST_S = 120
"""Counts are compared over whole minutes."""
KEY = b"\0" * KEY_BYTES
"""Nobody's secret: simulated people need no privacy, and the same seed then gives the same run."""


@dataclass(frozen=True)
class DayScore:
    """How well a simulated day was told."""

    shoppers: int
    hours: float
    seed: int
    devices: int
    """Different pseudonyms: every change of address is one more."""
    people: int
    """Who were there, of whom at least one address was heard."""
    positions: PositionScore
    visits: VisitScore
    count_error: float
    """Mean absolute error of people in a zone in a minute."""
    count_bias: float
    present_error: float
    """Mean absolute error of people in the mall in a minute, as a share of the true number."""
    flow_error: float
    """Sum of absolute errors over all links from zone to zone, as a share of all true transitions."""
    visitors_error: float
    """Mean error, told minus true, of phones in the mall in a minute, as a share of the true number."""
    identity: IdentityScore
    """Of every address when it was first heard."""
    outside_found: float
    """Share of the hearings (device and tick) of passers-by in which they are recognised as outside."""
    outside_wrong: float
    """Share of those of shoppers in which they are taken for outside."""

    def to_dict(self) -> dict[str, object]:
        """Return all figures as plain values; what could not be measured is None."""
        return {name: _plain(value) for name, value in asdict(self).items()}


def score_day(
    *,
    shoppers: int,
    passers_by: int = 0,
    hours: float,
    seed: int,
    fixed_addresses: bool = False,
    link_addresses: bool = True,
    progress: Callable[[float], None] = lambda _done: None,
) -> DayScore:
    """Simulate a Saturday from noon on and score what the engine makes of it.

    `fixed_addresses`: phones keep the address they came with. `link_addresses`: as the site file says it. The
    same arguments give the same score.

    Raises:
        ConfigurationError: the day is too short to score.

    """
    if hours * 3600 < SHORTEST_S:
        raise ConfigurationError(f"--hours: expected at least {SHORTEST_S / 3600:g}, found {hours:g}")
    site = mall.site()
    start = datetime.fromisoformat(START).replace(tzinfo=ZoneInfo(site.mall.timezone))
    start_ms = round(start.timestamp()) * 1000
    truth = Truth(site, positions_every_s=EVERY_S)
    source = SimulatedSource(
        shoppers=shoppers,
        passers_by=passers_by,
        start_ms=start_ms,
        duration_s=round(hours * 3600),
        seed=seed,
        site=site,
        habits=Habits(rotate=not fixed_addresses),
        truth=truth,
    )
    rotation = SaltRotation.of(site)
    tracking = site.tracking.model_copy(update={"link_addresses": link_addresses})
    calibration = simulated_calibration(site, seed=seed).to_dict()
    engine = build_engine(site.model_copy(update={"tracking": tracking}), calibration)
    notes = _Notes(site)
    for tick in in_process.play(source, Pseudonyms(KEY, rotation), engine):
        notes.take(tick)
        progress(source.fraction())
    end_ms = start_ms + round(hours * HOUR_MS)
    everybody = _owners(truth.owners, rotation, start_ms, end_ms)
    owner = {device: person for device, person in everybody.items() if person < FIRST_ID}
    estimated = [replace(stay, person=str(owner.get(stay.person, stay.person))) for stay in notes.stays]
    zone_ids = truth.zone_ids
    true = [Stay(str(v.person), zone_ids[v.zone], v.enter_s, v.leave_s) for v in truth.visits]
    counted, counted_true = notes.headcount(truth.minutes), truth.headcount
    mean_error, bias = count_error(counted, counted_true)
    total = counted_true.sum(axis=1)
    return DayScore(
        shoppers,
        hours,
        seed,
        len(notes.devices),
        len({owner[device] for device in notes.devices if device in owner}),
        notes.positions(truth, owner),
        score_visits(estimated, true),
        mean_error,
        bias,
        float(np.abs(counted.sum(axis=1) - total).mean() / total.mean()) if len(total) else np.nan,
        flow_error(flows(estimated), flows(true)),
        float((counted.sum(axis=1) - total).mean() / total.mean()) if len(total) else np.nan,
        notes.identity(_owners(truth.phones, rotation, start_ms, end_ms)),
        notes.outside(everybody.keys() - owner.keys()),
        notes.outside(owner.keys()),
    )


class _Notes:
    """What the engine said, in the form in which it is compared."""

    def __init__(self, site: Site) -> None:
        self._zones = sum(1 for _ in site.zones())
        self._heard_ms: dict[str, int] = {}
        self._minutes: dict[int, list[Floats]] = defaultdict(list)
        self._hearings: Counter[tuple[str, bool]] = Counter()
        self._places: list[tuple[int, str, int, Floats, Floats]] = []
        self._decided: list[tuple[int, str, str]] = []
        self.stays: list[Stay] = []
        """Every visit that has ended, in epoch seconds; its person is a pseudonym."""

    @property
    def devices(self) -> set[str]:
        """Every pseudonym that was heard."""
        return set(self._heard_ms)

    def take(self, tick: Tick) -> None:
        """Note a tick."""
        tracks, second = tick.tracks, tick.t_ms // 1000
        for row in np.flatnonzero(tracks.heard).tolist():
            self._heard_ms[tracks.device[row]] = tick.t_ms
            self._hearings[tracks.device[row], bool(tracks.outside[row])] += 1
        self._minutes[(second - 1) // 60].append(tick.occupancy.expected)
        pairs = zip(tick.decided.address, tick.decided.device, strict=True)
        self._decided += [(tick.t_ms, address, device) for address, device in pairs]
        if second % EVERY_S == 0:
            for row, device in enumerate(tracks.device):
                if tick.t_ms - self._heard_ms[device] < RECENT_MS:
                    place = (int(tracks.floor[row]), tracks.xy_m[row], tracks.cov_m2[row])
                    self._places.append((second, device, *place))
        for event in tick.events:
            if isinstance(event, VisitEvent) and event.kind == EventKind.VISIT_ENDED:
                data = event.data
                end_ms = data.ended_ms if data.ended_ms is not None else data.seen_ms
                self.stays.append(Stay(data.device, data.zone, data.started_ms / 1000, end_ms / 1000))

    def identity(self, phone: Mapping[str, int]) -> IdentityScore:
        """Return how well addresses were put together."""
        known = [(t_ms, *pair) for t_ms, *pair in self._decided if pair[0] in phone]
        t_ms, address, device = zip(*known, strict=True) if known else ((), (), ())
        number = {name: n for n, name in enumerate({*address, *device})}
        return score_identity(
            np.array(t_ms, dtype=np.int64),
            np.array([number[name] for name in address], dtype=np.int64),
            np.array([phone[name] for name in address], dtype=np.int64),
            np.array([number[name] for name in device], dtype=np.int64),
        )

    def outside(self, devices: AbstractSet[str]) -> float:
        """Return the share of hearings of devices in which they were taken for outside."""
        times = [sum(self._hearings[device, out] for device in devices) for out in (False, True)]
        return times[1] / sum(times) if sum(times) else np.nan

    def headcount(self, minutes: list[int]) -> Floats:
        """Return the mean expected people in each zone in each minute (epoch seconds), (minutes, zones)."""
        nobody = [np.zeros(self._zones)]
        rows = [np.mean(self._minutes.get(second // 60) or nobody, axis=0) for second in minutes]
        return np.array(rows).reshape(-1, self._zones)

    def positions(self, truth: Truth, owner: Mapping[str, int]) -> PositionScore:
        """Score the position estimates of devices whose owner was in the mall then."""
        where = truth.positions
        columns = (where.t_s, where.person, where.floor, where.x_m, where.y_m)
        known = {
            (t_s, person): (floor, x_m, y_m)
            for t_s, person, floor, x_m, y_m in zip(*(column.tolist() for column in columns), strict=True)
        }
        pairs = [
            (floor, xy_m, cov_m2, known[second, owner[device]])
            for second, device, floor, xy_m, cov_m2 in self._places
            if (second, owner.get(device, -1)) in known
        ]
        return score_positions(
            np.array([xy_m for _, xy_m, _, _ in pairs]).reshape(-1, 2),
            np.array([cov_m2 for _, _, cov_m2, _ in pairs]).reshape(-1, 2, 2),
            np.array([floor for floor, _, _, _ in pairs], dtype=np.int64),
            np.array([place[1:] for _, _, _, place in pairs]).reshape(-1, 2),
            np.array([place[0] for _, _, _, place in pairs], dtype=np.int64),
        )


def _owners(
    of: Callable[[Callable[[bytes], str]], dict[str, int]], rotation: SaltRotation, start_ms: int, end_ms: int
) -> dict[str, int]:
    """Return the person or phone behind each pseudonym that was in use, in every salt period of the day."""
    owner: dict[str, int] = {}
    for t_ms in range(start_ms, end_ms + HOUR_MS, HOUR_MS):
        owner |= of(partial(_pseudonym, Pseudonyms(KEY, rotation), t_ms))
    return owner


def _pseudonym(pseudonyms: Pseudonyms, t_ms: int, address: bytes) -> str:
    return pseudonyms.columns([t_ms], [address], [b""])[0][0]


def _plain(value: object) -> object:
    """Return a value as JSON has it: rounded, and no nan."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return round(value, 4) if isfinite(value) else None
    return value
