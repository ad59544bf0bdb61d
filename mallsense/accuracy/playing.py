"""Recorded test walks through the engine that a gateway runs, without a broker."""

import secrets
from collections.abc import Callable, Iterator

from edge_agent.pseudonym import KEY_BYTES, Pseudonyms
from edge_agent.rotation import SaltRotation
from edge_agent.sources import Source
from gateway.engine import Tick, build_engine
from mallsense.estimates import Estimate, estimates
from mallsense.in_process import play
from mallsense.recording import Recording
from simulators.recorded_source import RecordedSource, address_of

START_MS = 1_700_000_000_000
"""When recorded walks are played: any time does, as long as no change of the daily salt is near."""


def source_of(recording: Recording) -> RecordedSource:
    """Return the test walks of a recording, all starting at `START_MS`."""
    return RecordedSource(recording.datasets, start_ms=START_MS)


def estimate(
    recording: Recording, source: Source | None = None, *, progress: Callable[[float], None] | None = None
) -> Iterator[Estimate]:
    """Play all test walks of a recording through an engine; estimates are in the frame of each recording.

    Args:
        recording: its site, its walks and its calibration.
        source: what to play; by default `source_of` the recording.
        progress: told the share of the walks that has been played.

    """
    recorded = source_of(recording)
    walks = recorded.walk_ids()
    pseudonyms = Pseudonyms(secrets.token_bytes(KEY_BYTES), SaltRotation.of(recording.site))
    names, _, _ = pseudonyms.columns(
        [START_MS] * len(walks), [address_of(walk) for walk in walks], [b""] * len(walks)
    )
    engine = build_engine(recording.site, recording.calibration.to_dict())
    offsets = {walk.id: data.offset_m for data in recording.datasets for walk in data.walks}
    ticks = play(source or recorded, pseudonyms, engine)
    if progress:
        ticks = _watched(ticks, START_MS + 1000 * recorded.span_s[1], progress)
    return estimates(ticks, dict(zip(names, walks, strict=True)), START_MS, offsets)


def _watched(ticks: Iterator[Tick], end_ms: int, progress: Callable[[float], None]) -> Iterator[Tick]:
    for tick in ticks:
        progress(min(1.0, (tick.t_ms - START_MS) / max(1, end_ms - START_MS)))
        yield tick
