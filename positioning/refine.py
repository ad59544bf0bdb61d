"""A radio model corrected by a few readings at known places.

Twenty labelled points cannot tell level and exponent of forty nodes anew. They can correct a model that is
believed already, near where they are: what they show beyond it is the Gaussian process of a surveyed map
(:mod:`positioning.radiomap`), with hyperparameters that are given, since so few readings tell none. The model
comes from the crowd's unlabelled traffic (:mod:`positioning.crowd`), or from :func:`positioning.calibrate`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from positioning.calibrate import fit_path_loss
from positioning.radio import RadioModel
from positioning.radiomap import Residual, SurveyedMap, survey_map
from positioning.survey import Survey

Floats = npt.NDArray[np.float64]

RESIDUAL = Residual(length_m=10.0, signal_db=4.0, noise_db=4.5, repeat_db=2.0)
"""What the walls of recorded malls do (docs/accuracy.md); the default where a survey cannot tell."""


def refine(points: Survey, believed: RadioModel, *, residual: Residual = RESIDUAL) -> SurveyedMap:
    """Return a map: the believed path loss, and what a few readings at known places show beyond it.

    Args:
        points: readings at known places; receiver indices are those of ``believed``.
        believed: each node's path loss.
        residual: hyperparameters of what walls do.

    Raises:
        ValueError: there is no reading, or one names a receiver that the model lacks.
    """
    if not len(points):
        raise ValueError("there is no reading at a known place")
    if points.receiver.max() >= len(believed.receivers):
        raise ValueError(
            f"a reading names receiver {points.receiver.max()}, the model has {len(believed.receivers)}"
        )
    fitted = fit_path_loss(points, believed).model
    draft = survey_map(points, believed, residual=residual)
    # The supports are about the points' own plain path loss, which so few of them hardly tell.
    at = draft.support_xyz_m
    beyond = RadioModel.expected_dbm(fitted, at) - believed.expected_dbm(at)
    own = beyond[np.arange(len(at)), draft.support_receiver]
    base = replace(believed, moment_sd_db=draft.base.moment_sd_db)
    return replace(draft, base=base, support_db=draft.support_db + own)
