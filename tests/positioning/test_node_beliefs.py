"""What is believed about nodes: each fault is found in readings that have it, good nodes are left alone."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from positioning.calibrate import calibrate
from positioning.crowd import Crowd
from positioning.grid import Floor, Grid
from positioning.node_beliefs import NodeBelief, node_beliefs
from positioning.node_places import mounting_places, spacing_m
from positioning.node_verdicts import Verdict
from positioning.radio import RadioModel
from positioning.radiomap import survey_map
from positioning.self_labels import self_labelled
from positioning.survey import Survey

Floats = npt.NDArray[np.float64]

WIDTH_M, DEPTH_M = 80.0, 48.0
NODES = np.array([(x, y, 3.0) for y in (8.0, 24.0, 40.0) for x in (8.0, 24.0, 40.0, 56.0, 72.0)])
NAMES = tuple(f"N{i:02}" for i in range(len(NODES)))
FLOOR = Floor([np.array([[0.0, 0], [WIDTH_M, 0], [WIDTH_M, DEPTH_M], [0, DEPTH_M]])])
GRID = Grid.over([FLOOR])
NODE, OTHER, WEST = 7, 11, 5


def survey(seed: int = 1, *, points: int = 100) -> Survey:
    """Return readings of a device that stood at many places for three ticks each."""
    rng = np.random.default_rng(seed)
    xy_m = rng.uniform((1, 1), (WIDTH_M - 1, DEPTH_M - 1), (points, 2))
    place = np.repeat(np.column_stack((xy_m, np.full(points, 1.2))), 3, axis=0)
    truth = RadioModel.prior(NAMES, NODES, p0_dbm=-36.0, exponent=3.0)
    level = truth.expected_dbm(place) + rng.normal(0, 4, (len(place), len(NODES)))
    row, node = np.nonzero(level > -88.0)
    return Survey.from_points(place[row], node, level[row, node])


def believed(found: Survey, nodes_xyz_m: Floats = NODES) -> tuple[NodeBelief, ...]:
    """Return what the readings make one believe, where the site file has the nodes at these places."""
    prior = RadioModel.prior(NAMES, nodes_xyz_m)
    radio = survey_map(found, calibrate(found, prior))
    return node_beliefs(radio, mounting_places(prior, GRID))


def verdicts(beliefs: tuple[NodeBelief, ...]) -> dict[str, Verdict]:
    """Return the nodes doubted."""
    return {b.node: b.finding.verdict for b in beliefs if b.finding.verdict.suspicious}


def test_good_nodes_are_left_alone() -> None:
    """Of 45 nodes that are well, hardly one is doubted, and what is believed of them is true."""
    doubted = 0
    for seed in range(3):
        beliefs = believed(survey(seed))
        doubted += len(verdicts(beliefs))
        assert np.mean([b.exponent for b in beliefs]) == pytest.approx(3.0, abs=0.4)
        offset = np.array([b.offset_db for b in beliefs], dtype=float)
        sd = np.array([b.offset_sd_db for b in beliefs], dtype=float)
        assert np.mean((offset / sd) ** 2) < 3.0
    assert doubted <= 2


@pytest.mark.parametrize("shift", [(30.0, 0.0), (-24.0, 12.0)])
def test_a_moved_node_is_found_where_it_stands(shift: tuple[float, float]) -> None:
    """A node whose coordinates are wrong is doubted, and placed within its stated uncertainty."""
    places = NODES.copy()
    places[NODE, :2] += shift
    belief = believed(survey(), places)[NODE]
    assert belief.finding.verdict is Verdict.MOVED
    assert belief.finding.place_m is not None
    assert belief.finding.place_sd_m is not None
    off = np.linalg.norm(np.subtract(belief.finding.place_m, NODES[NODE]))
    assert off < 3.0 * belief.finding.place_sd_m + spacing_m(NODES) / 3.0
    assert off < 8.0


def test_two_swapped_nodes_are_told_from_moved_ones() -> None:
    """Two nodes whose names were exchanged are named together."""
    found = survey()
    order = np.arange(len(NODES))
    order[[NODE, OTHER]] = OTHER, NODE
    beliefs = believed(replace(found, receiver=order[found.receiver]))
    assert verdicts(beliefs) == {NAMES[NODE]: Verdict.SWAPPED, NAMES[OTHER]: Verdict.SWAPPED}
    assert NAMES[OTHER] in beliefs[NODE].finding.reason


def test_a_weak_node_is_dying() -> None:
    """A node 15 dB below its like is doubted for its level, with the level said."""
    found = survey()
    level = found.rssi_dbm - 15.0 * (found.receiver == NODE)
    beliefs = believed(replace(found, rssi_dbm=level).subset(level > -88.0))
    assert verdicts(beliefs) == {NAMES[NODE]: Verdict.DYING}
    assert "dB less" in beliefs[NODE].finding.reason


def test_a_node_that_loses_frames_is_dying() -> None:
    """A node whose levels are right but which misses nine frames of ten is doubted for that."""
    found = survey()
    lost = (found.receiver == NODE) & (np.random.default_rng(0).random(len(found)) < 0.9)
    beliefs = believed(found.subset(~lost))
    assert verdicts(beliefs) == {NAMES[NODE]: Verdict.DYING}
    assert "frames" in beliefs[NODE].finding.reason


def test_a_deaf_node_and_a_noisy_one_are_told() -> None:
    """A node without readings is deaf, one with twice the others' scatter noisy."""
    found = survey()
    noise = np.random.default_rng(0).normal(0, 8, len(found)) * (found.receiver == OTHER)
    beliefs = believed(replace(found, rssi_dbm=found.rssi_dbm + noise).subset(found.receiver != NODE))
    assert verdicts(beliefs) == {NAMES[NODE]: Verdict.DEAF, NAMES[OTHER]: Verdict.NOISY}


def test_a_node_nobody_passed_is_untold() -> None:
    """Silence tells nothing where nobody was: no verdict, and it is said why."""
    found = survey()
    near = np.linalg.norm(found.positions()[:, :2] - NODES[0, :2], axis=1) < 66.0
    belief = believed(found.subset(~near))[0]
    assert belief.finding.verdict is Verdict.UNTOLD
    assert "too few" in belief.finding.reason


def test_a_moved_node_is_found_without_labels() -> None:
    """The other nodes place the devices, and these a node that is 48 m off."""
    found = survey(points=200)
    places = NODES.copy()
    places[WEST, 0] += 48.0
    crowd = Crowd(found.track, found.t_s, found.receiver, found.rssi_dbm)
    labels = self_labelled(crowd, RadioModel.prior(NAMES, places), GRID)
    belief = believed(labels, places)[WEST]
    assert belief.finding.verdict is Verdict.MOVED
    assert belief.finding.place_m is not None
    assert np.linalg.norm(np.subtract(belief.finding.place_m, NODES[WEST])) < 12.0


def test_beliefs_survive_a_file() -> None:
    """What is written is read back; an entry nobody knows is refused."""
    belief = believed(survey(points=40))[NODE]
    data = belief.to_dict()
    assert NodeBelief.from_dict(data).to_dict() == data
    with pytest.raises(ValueError, match="unknown entry"):
        NodeBelief.from_dict(data | {"colour": "red"})
