"""What a site survey has taught about a mall: how its nodes hear, and where its people walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.errors import ConfigurationError
from contracts.site import Site
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap, radio_from_dict

FORMAT = "mallsense-calibration"
VERSION = 1


@dataclass(frozen=True)
class Calibration:
    """A calibration of all nodes of a site.

    Attributes:
        radio: what each node is expected to hear; its receivers are the site's nodes, in the site's order.
        room_weight: how likely a place inside a shop is beside one on the open floor.
    """

    radio: RadioModel | SurveyedMap
    room_weight: float = 1.0

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as plain, JSON-able values."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "radio": self.radio.to_dict(),
            "room_weight": self.room_weight,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], site: Site) -> Calibration:
        """Return what `to_dict` gave, for the nodes of a site.

        Raises:
            ConfigurationError: it is no calibration of this version, or its nodes are not the site's.
        """
        if data.get("format") != FORMAT or data.get("version") != VERSION:
            found = f"{data.get('format')!r} version {data.get('version')!r}"
            raise ConfigurationError(
                f"the calibration is {found}, expected {FORMAT!r} version {VERSION}", "Calibrate again."
            )
        try:
            radio, room_weight = radio_from_dict(data["radio"]), float(data["room_weight"])
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the calibration cannot be used: {error}", "Calibrate again."
            ) from error
        nodes = tuple(node.id for node in site.nodes)
        if radio.receivers != nodes:
            other = sorted(set(nodes) ^ set(radio.receivers))
            raise ConfigurationError(
                "the calibration does not fit the site: "
                + (
                    f"only one of them has the nodes {other[:5]}"
                    if other
                    else "the order of the nodes differs"
                ),
                "Calibrate again with this site file.",
            )
        if not room_weight > 0:
            raise ConfigurationError(f"the calibration's room_weight must be positive, found {room_weight}")
        return cls(radio, room_weight)
