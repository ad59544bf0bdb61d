"""What is wrong with a node, and what to do: all checks, one after the other, none of which may fail."""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from contracts.errors import ConfigurationError
from contracts.site.read import read_site
from edge_agent.checks.agent import check_agent
from edge_agent.checks.broker import check_broker
from edge_agent.checks.finding import Check, Finding, Place, State, unknown
from edge_agent.checks.installation import check_key, check_rights, check_site, check_spool
from edge_agent.checks.machine import check_clock, check_power, check_vitals
from edge_agent.checks.radios import check_country, check_radios, check_rivals, check_tools
from edge_agent.site_file import node_of

_log = logging.getLogger(__name__)

CHECKS: tuple[Check, ...] = (
    check_rights,
    check_site,
    check_key,
    check_spool,
    check_tools,
    check_radios,
    check_rivals,
    check_country,
    check_vitals,
    check_power,
    check_clock,
    check_broker,
    check_agent,
)


def examine(place: Place, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Run the checks, and give what they find; a check that fails itself is a finding, too."""
    with contextlib.suppress(ConfigurationError):  # what is wrong with it is for its own check to say
        site = read_site(place.site_file)
        place = replace(place, site=site)
        place = replace(place, node=node_of(site, place.node_id, place.site_file))
    for check in checks:
        try:
            yield from check(place)
        except Exception as error:  # noqa: BLE001  # whatever a machine is like, the other checks must be done
            about = check.__name__.removeprefix("check_")
            _log.debug("the check of %s failed", about, exc_info=error)
            yield unknown(about, f"Could not be looked at: {error}.", "Tell whoever looks after mallsense.")


def is_well(findings: Sequence[Finding]) -> bool:
    """Tell whether there is nothing to mend."""
    return all(finding.state is not State.PROBLEM for finding in findings)
