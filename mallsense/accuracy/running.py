"""Run cases one after the other; one that cannot be run does not stop the others."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from contracts.errors import MallsenseError
from contracts.site import Floor
from mallsense.accuracy.cases import Case
from mallsense.accuracy.playing import estimate
from mallsense.estimates import Estimate
from mallsense.ladder import POINTS, Step
from mallsense.position_score import Comparison, Score, compare
from mallsense.recording import Recording, read_recording
from mallsense.textbook import textbook
from simulators.recorded import RecordedDataset

log = logging.getLogger(__name__)

CALIBRATED, PLAYED = 0.3, 0.95
"""Share of a case that is done when it is calibrated, and when it is played."""

Progress = Callable[[Case, float], None]


@dataclass(frozen=True)
class Outcome:
    """What one data set of a case came to.

    Attributes:
        case: what was run.
        recording: the mall that was played: one floor, or several together.
        number: of the data set and its floor in the recording.
        data: the data set, where its files say it is.
        comparison: its estimates beside its truth.
        estimates: in the frame of its files.

    """

    case: Case
    recording: Recording
    number: int
    data: RecordedDataset
    comparison: Comparison
    estimates: tuple[Estimate, ...]

    @property
    def name(self) -> str:
        """The data set's."""
        return self.data.folder.resolve().name

    @property
    def placed(self) -> RecordedDataset:
        """The data set in the frame of the mall that was played."""
        return self.recording.datasets[self.number]

    @property
    def floor(self) -> Floor:
        """The floor in that mall."""
        return self.recording.site.floors[self.number]

    @property
    def first_receiver(self) -> int:
        """Number of its first receiver in the mall's radio map."""
        return sum(len(data.receivers) for data in self.recording.datasets[: self.number])

    @property
    def receivers(self) -> int:
        """How many there were."""
        return len(self.data.receivers)

    @property
    def step(self) -> Step:
        """How it was calibrated."""
        return self.case.step

    @property
    def score(self) -> Score:
        """The figures."""
        return self.comparison.score()

    @property
    def textbook(self) -> list[tuple[str, float, float]]:
        """Method, median and 95th percentile of textbook methods, where published: for test walks."""
        return [] if self.case.held_out else textbook(self.name, self.receivers)


@dataclass(frozen=True)
class Failure:
    """A case that could not be run, and why."""

    case: Case
    reason: str
    hint: str = ""


def run(
    cases: Sequence[Case],
    *,
    points: int = POINTS,
    progress: Progress | None = None,
) -> tuple[list[Outcome], list[Failure]]:
    """Calibrate, play and score every case.

    Args:
        cases: what to run.
        points: labelled points a floor, for `Step.POINTS`.
        progress: told a case and the share of it that is done.

    """
    outcomes: list[Outcome] = []
    failures: list[Failure] = []
    for case in cases:
        try:
            outcomes += _run(case, points, partial(progress or _nobody_watches, case))
        except MallsenseError as error:
            failures.append(Failure(case, error.message, error.hint))
        except (ArithmeticError, ValueError) as error:
            # Numbers that no reader refuses but positioning cannot use.
            log.debug("%s:", case.name, exc_info=error)
            failures.append(Failure(case, f"{type(error).__name__}: {error}", "Run it with -v for details."))
    return outcomes, failures


def _run(case: Case, points: int, progress: Callable[[float], None]) -> list[Outcome]:
    progress(0.0)
    recording = read_recording(
        case.folder,
        case.receivers,
        step=case.step,
        points=points,
        held_out=case.held_out,
        progress=lambda done: progress(CALIBRATED * done),
    )
    progress(CALIBRATED)
    found = list(
        estimate(recording, progress=lambda done: progress(CALIBRATED + (PLAYED - CALIBRATED) * done))
    )
    outcomes = []
    for number, data in enumerate(recording.unmoved()):
        walks = {walk.id for walk in data.walks}
        own = tuple(one for one in found if one.walk in walks)
        outcomes.append(Outcome(case, recording, number, data, compare(data, own), own))
    progress(1.0)
    return outcomes


def _nobody_watches(_case: Case, _done: float) -> None: ...
