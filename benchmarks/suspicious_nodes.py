"""How surely wrong nodes are found: `python -m benchmarks.suspicious_nodes`.

The training walks of each recorded floor (of lab12, its survey points) are spoilt at one node at a time, or
at a pair: coordinates are moved (in units of the distance between neighbouring nodes), levels lowered (what
falls below the weakest level of the recording is lost), frames lost, noise added, or two nodes exchanged.
Prints a Markdown table of the share of spoilt nodes that get the verdict expected, and of those that get any;
the first row is the nodes doubted where nothing was spoilt. Recorded receivers are only known to a few metres
on the malls, and no two of them are alike, so that row is more than false alarms alone.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.recorded import FOLDER, recorded
from gateway.engine.setup import grid_of, radio_model
from gateway.site.import_folder import import_folder
from mallsense.recording import survey_of
from positioning.calibrate import calibrate
from positioning.crowd import Crowd, self_calibrate
from positioning.grid import Grid
from positioning.node_beliefs import NodeBelief, node_beliefs
from positioning.node_places import mounting_places, spacing_m
from positioning.node_verdicts import Verdict
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap, survey_map
from positioning.self_labels import self_labelled
from positioning.survey import Survey
from simulators.recorded import RecordedDataset

Floats = npt.NDArray[np.float64]
Learn = Callable[["Case"], SurveyedMap]


@dataclass(frozen=True)
class Case:
    """A floor's survey and the model before it, spoilt or not."""

    survey: Survey
    prior: RadioModel
    grid: Grid


@dataclass(frozen=True)
class Fault:
    """One way to spoil a node (and its partner), and the verdict it should get."""

    name: str
    expected: Verdict
    spoil: Callable[[Case, int, int, np.random.Generator], Case]
    pair: bool = False


def moved(case: Case, node: int, spacings: float, rng: np.random.Generator) -> Case:
    """Put a node's coordinates elsewhere, within the box of the floor."""
    low, high = case.grid.xyz_m[:, :2].min(axis=0), case.grid.xyz_m[:, :2].max(axis=0)
    places = case.prior.receiver_xyz_m.copy()
    far = spacings * spacing_m(places)
    while True:
        turn = rng.uniform(0.0, 2.0 * np.pi)
        place = places[node, :2] + far * np.array([np.cos(turn), np.sin(turn)])
        if ((place >= low) & (place <= high)).all():
            places[node, :2] = place
            return replace(case, prior=replace(case.prior, receiver_xyz_m=places))


def weaker(case: Case, node: int, drop_db: float) -> Case:
    """Lower a node's levels; what nobody could have heard is lost."""
    mine = case.survey.receiver == node
    level = case.survey.rssi_dbm - np.where(mine, drop_db, 0.0)
    heard = ~mine | (level >= case.survey.rssi_dbm.min())
    return replace(case, survey=replace(case.survey, rssi_dbm=level).subset(heard))


def losing(case: Case, node: int, share: float, rng: np.random.Generator) -> Case:
    """Lose a share of a node's readings."""
    lost = (case.survey.receiver == node) & (rng.random(len(case.survey)) < share)
    return replace(case, survey=case.survey.subset(~lost))


def scattered(case: Case, node: int, noise_db: float, rng: np.random.Generator) -> Case:
    """Add noise to a node's readings."""
    mine = case.survey.receiver == node
    level = case.survey.rssi_dbm + np.where(mine, rng.normal(0.0, noise_db, len(mine)), 0.0)
    return replace(case, survey=replace(case.survey, rssi_dbm=level))


def swapped(case: Case, node: int, other: int) -> Case:
    """Exchange what two nodes heard."""
    order = np.arange(len(case.prior.receivers))
    order[[node, other]] = other, node
    return replace(case, survey=replace(case.survey, receiver=order[case.survey.receiver]))


FAULTS = (
    Fault("moved by 1 spacing", Verdict.MOVED, lambda c, n, _, rng: moved(c, n, 1.0, rng)),
    Fault("moved by 2 spacings", Verdict.MOVED, lambda c, n, _, rng: moved(c, n, 2.0, rng)),
    Fault("moved by 3 spacings", Verdict.MOVED, lambda c, n, _, rng: moved(c, n, 3.0, rng)),
    Fault("swapped", Verdict.SWAPPED, lambda c, n, other, _: swapped(c, n, other), pair=True),
    Fault("10 dB weaker", Verdict.DYING, lambda c, n, _, __: weaker(c, n, 10.0)),
    Fault("20 dB weaker", Verdict.DYING, lambda c, n, _, __: weaker(c, n, 20.0)),
    Fault("loses 80 % of its frames", Verdict.DYING, lambda c, n, _, rng: losing(c, n, 0.8, rng)),
    Fault("loses all frames", Verdict.DEAF, lambda c, n, _, rng: losing(c, n, 1.0, rng)),
    Fault("8 dB of noise added", Verdict.NOISY, lambda c, n, _, rng: scattered(c, n, 8.0, rng)),
)


def surveyed(case: Case) -> SurveyedMap:
    """Return the map that the survey teaches."""
    return survey_map(case.survey, calibrate(case.survey, case.prior))


def unlabelled(case: Case) -> SurveyedMap:
    """Return the map that the survey's readings teach without their places."""
    survey = case.survey
    crowd = Crowd(survey.track, survey.t_s, survey.receiver, survey.rssi_dbm)
    radio = self_calibrate(crowd, case.prior, case.grid)
    labels = self_labelled(crowd, radio, case.grid)
    return survey_map(labels, calibrate(labels, case.prior))


METHODS: dict[str, Learn] = {"survey": surveyed, "zero": unlabelled}


def believed(case: Case, learn: Learn) -> tuple[NodeBelief, ...]:
    """Return what is believed about each node."""
    return node_beliefs(learn(case), mounting_places(case.prior, case.grid))


def cell(case: Case, learn: Learn, fault: Fault, nodes: int) -> str:
    """Return the share of spoilt nodes found, and found for the right reason."""
    rng = np.random.default_rng(7)
    count = len(case.prior.receivers)
    right = doubted = total = 0
    for node in rng.permutation(count)[:nodes].tolist():
        other = int(rng.choice([i for i in range(count) if i != node]))
        beliefs = believed(fault.spoil(case, node, other, rng), learn)
        for spoilt in (node, other) if fault.pair else (node,):
            verdict = beliefs[spoilt].finding.verdict
            right += verdict is fault.expected
            doubted += verdict.suspicious
            total += 1
    return f"{right / total:.0%} ({doubted / total:.0%})"


def read(folder: Path, receivers: int | None) -> Case:
    """Return a floor as it was recorded."""
    site = import_folder(folder, receivers).site
    survey = survey_of((RecordedDataset.read(folder, receivers),))
    if survey is None:
        raise SystemExit(f"{folder} has no training walks")
    return Case(survey, radio_model(site), grid_of(site))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--method", choices=METHODS, default="survey")
    parser.add_argument("--receivers", type=int, default=40)
    parser.add_argument("--nodes", type=int, default=20, help="how many nodes of a floor are spoilt in turn")
    parser.add_argument("--faults", default="", help="only faults whose name holds this")
    args = parser.parse_args()
    cases = {folder.name: read(folder, args.receivers) for folder in recorded("mall/*")}
    if args.method == "survey":  # points where a device stood still hold no path that could be found again
        cases |= {folder.name: read(folder, None) for folder in [FOLDER / "lab12"] if folder.exists()}
    learn = METHODS[args.method]
    print("| |", " | ".join(cases), "|")
    print("|---" * (len(cases) + 1) + "|")
    row = []
    for case in cases.values():
        doubted = [b.finding.verdict for b in believed(case, learn) if b.finding.verdict.suspicious]
        row.append(f"{len(doubted)} of {len(case.prior.receivers)} {'/'.join(doubted)}".strip())
    print("| nothing spoilt: nodes doubted |", " | ".join(row), "|", flush=True)
    for fault in (fault for fault in FAULTS if args.faults in fault.name):
        row = [cell(case, learn, fault, args.nodes) for case in cases.values()]
        print(f"| {fault.name} |", " | ".join(row), "|", flush=True)


if __name__ == "__main__":
    main()
