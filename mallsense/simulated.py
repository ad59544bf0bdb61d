"""The simulated mall made ready to run: what a survey of it teaches about its radio."""

from contracts.site import Site
from gateway.engine import Calibration
from gateway.engine.setup import radio_model
from mallsense.recording import surveyed
from positioning.survey import Survey
from simulators.survey import survey


def simulated_calibration(site: Site, *, seed: int = 1) -> Calibration:
    """Return the calibration of a simulated site by a simulated site survey, as a real site's is made."""
    walks = survey(site, seed=seed)
    return surveyed(
        site,
        Survey.from_walks(
            walks.receiver,
            walks.rssi_dbm,
            walks.t_s,
            walks.walk,
            walks.way_walk,
            walks.way_t_s,
            walks.way_xyz_m,
        ),
        radio_model(site),
    )
