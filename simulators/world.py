"""What stands still in a simulated mall: its walls, its ways, its radio."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

from contracts.site import Site
from simulators.building import Building
from simulators.radio import Radio
from simulators.walkways import Walkways

STREET_M = 35
"""How far around the building the radio of the street reaches."""


@dataclass(frozen=True)
class World:
    """A built mall. It depends on the site alone, so a survey and any day in it share it."""

    site: Site
    building: Building
    walkways: Walkways
    radio: Radio

    @cached_property
    def street(self) -> Radio:
        """The radio of who is outside, through the facade."""
        return Radio(self.building, margin_m=STREET_M)

    @staticmethod
    def of(site: Site) -> "World":
        """Return the world of a site; that of the last sites asked for is remembered, as it takes seconds.

        Its nodes are those that hear: computers with cameras alone are no part of the radio.

        Raises:
            ConfigurationError: nobody can walk about in this site.

        """
        hearing = [node for node in site.nodes if node.hears]
        return _build(site.model_copy(update={"nodes": hearing, "car_park": None}).model_dump_json())


@lru_cache(maxsize=2)
def _build(site_json: str) -> World:
    site = Site.model_validate_json(site_json)
    building = Building.of(site)
    return World(site, building, Walkways.of(building), Radio(building))
