"""From what is known of a site to a calibration, and what it believes about each node."""

from collections.abc import Callable
from dataclasses import replace

from contracts.errors import ConfigurationError
from gateway.engine import Calibration
from gateway.engine.setup import grid_of
from mallsense.calibrate_material import Material
from mallsense.ladder import Step, corrected, taught_by
from mallsense.recording import surveyed
from positioning.calibrate import calibrate
from positioning.grid import Grid
from positioning.node_beliefs import NodeBelief, node_beliefs
from positioning.node_places import mounting_places
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap, survey_map
from positioning.self_labels import self_labelled
from positioning.survey import Survey

Progress = Callable[[str, float], None]
"""Told what is being done, and the share of all that is done."""

NEEDS = {
    Step.SURVEY: "readings at many known places: training walks with truth, survey.csv, or a dense --points",
    Step.POINTS: "readings at some known places: --points FILE, or a recorded folder with truth",
    Step.ZERO: "traffic of devices: --from-store FILE, or a recorded folder with training walks",
}


def best_step(material: Material) -> Step:
    """Return the most accurate method that the material allows.

    Raises:
        ConfigurationError: there is nothing to calibrate on.

    """
    for step, found in (
        (Step.SURVEY, material.survey),
        (Step.POINTS, material.points),
        (Step.ZERO, material.crowd),
    ):
        if found is not None:
            return step
    raise ConfigurationError(
        f"{material.made_from}: nothing to calibrate on", f"Expected {NEEDS[Step.ZERO]}, or better."
    )


def calibration_from(material: Material, step: Step, progress: Progress) -> Calibration:
    """Calibrate by one method, and examine the nodes.

    Raises:
        ConfigurationError: the material lacks what the method needs.

    """
    have = {Step.SURVEY: material.survey, Step.POINTS: material.points, Step.ZERO: material.crowd}[step]
    if have is None:
        raise ConfigurationError(f"{material.made_from}: not enough for {step}", f"Expected {NEEDS[step]}.")
    progress(f"calibrating ({step})", 0.0)
    if step is Step.SURVEY and material.survey is not None:
        calibration = surveyed(material.site, material.survey, material.prior)
    else:
        calibration = _learnt(material, step, progress)
    progress("examining the nodes", 0.7)
    nodes = _examined(material, step, calibration)
    progress("done", 1.0)
    return replace(calibration, method=step.value, made_from=material.made_from, nodes=nodes)


def _learnt(material: Material, step: Step, progress: Progress) -> Calibration:
    """Return what the crowd teaches, corrected by the points where the method has them."""
    points = None if step is Step.ZERO else material.points
    if material.crowd is not None:
        learnt = taught_by(
            material.crowd,
            material.site,
            material.prior,
            lambda share: progress("learning from the traffic", 0.7 * share),
        )
    else:
        learnt = Calibration(material.prior if points is None else calibrate(points, material.prior))
    return learnt if points is None else corrected(learnt, points)


def _examined(material: Material, step: Step, calibration: Calibration) -> tuple[NodeBelief, ...]:
    """Return what is believed about the nodes, told from the readings that the method may know."""
    radio = calibration.radio
    base = radio.base if isinstance(radio, SurveyedMap) else radio
    grid = grid_of(material.site, room_weight=calibration.room_weight)
    if isinstance(radio, SurveyedMap) and step is Step.SURVEY:
        evidence = radio
    else:
        evidence = _evidence(_labelled(material, radio, grid), material.prior)
    beliefs = node_beliefs(evidence, mounting_places(material.prior, grid))
    return tuple(
        replace(
            belief,
            level_dbm=float(base.p0_dbm[i]),
            exponent=float(base.exponent[i]),
            noise_db=float(base.sigma_db[i]),
        )
        for i, belief in enumerate(beliefs)
    )


def _labelled(material: Material, radio: RadioModel | SurveyedMap, grid: Grid) -> Survey:
    """Return readings with places: those found by the other nodes, which are many, else the points."""
    if material.crowd is not None:
        return self_labelled(material.crowd, radio, grid)
    if material.points is None:
        raise ValueError("neither traffic nor points to examine the nodes with")
    return material.points


def _evidence(labels: Survey, prior: RadioModel) -> SurveyedMap:
    return survey_map(labels, calibrate(labels, prior))
