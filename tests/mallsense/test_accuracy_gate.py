"""The accuracy gate: real walks through the whole engine score as well as they did.

Limits are a twentieth to a tenth above what was reached when they were written: who makes positions better
lowers them. On the mall, held-out training walks are scored, so that the test walks stay unseen; lab12 has no
others than its test walks.

Blind spots: one floor of one mall and one phone; a survey; forty receivers; no crowd.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from mallsense.accuracy.playing import estimate
from mallsense.position_score import score_positions
from mallsense.recording import read_recording


@dataclass(frozen=True)
class Limit:
    """What a data set must reach."""

    folder: str
    receivers: int | None
    held_out: bool
    median_m: float
    p95_m: float
    inside_68: tuple[float, float]
    inside_95: float


LIMITS = (
    Limit("lab12", None, False, 1.55, 3.7, (0.62, 0.82), 0.90),
    Limit("mall/site1-F3", 40, True, 4.0, 14.0, (0.55, 0.80), 0.85),
)


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.folder)
def test_accuracy_has_not_dropped(recorded_data: Path, limit: Limit) -> None:
    """Median, tail, honesty and coverage of live positions keep their limits."""
    recording = read_recording(recorded_data / limit.folder, limit.receivers, held_out=limit.held_out)
    score = score_positions(recording.unmoved()[0], estimate(recording))
    assert score.coverage == 1.0
    assert score.median_m is not None
    assert score.p95_m is not None
    assert score.inside_68 is not None
    assert score.inside_95 is not None
    assert score.median_m <= limit.median_m
    assert score.p95_m <= limit.p95_m
    assert limit.inside_68[0] <= score.inside_68 <= limit.inside_68[1]
    assert score.inside_95 >= limit.inside_95
