"""What a calibration has taught about a mall: how its nodes hear, and where its people walk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from contracts.errors import ConfigurationError
from contracts.site import Site
from positioning.node_beliefs import NodeBelief
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap, radio_from_dict

FORMAT = "mallsense-calibration"
VERSION = 2

AGAIN = "Calibrate again: mallsense calibrate --help"


@dataclass(frozen=True)
class Calibration:
    """A calibration of all nodes of a site.

    Attributes:
        radio: what each node is expected to hear; its receivers are the site's nodes, in the site's order.
        room_weight: how likely a place inside a shop is beside one on the open floor.
        method: how it was made: `zero`, `points`, `survey`; empty where nobody said.
        made_from: what it was made from, for people.
        made_at: when, as ISO 8601 with the offset from UTC; empty where nobody said.
        nodes: what is believed about each node; empty where nobody asked.
    """

    radio: RadioModel | SurveyedMap
    room_weight: float = 1.0
    method: str = ""
    made_from: str = ""
    made_at: str = ""
    nodes: tuple[NodeBelief, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the calibration as plain, JSON-able values."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "method": self.method,
            "made_from": self.made_from,
            "made_at": self.made_at,
            "nodes": [belief.to_dict() for belief in self.nodes],
            "room_weight": self.room_weight,
            "radio": self.radio.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], site: Site) -> Calibration:
        """Return what `to_dict` gave, for the nodes of a site.

        Raises:
            ConfigurationError: it is no calibration of this version, or its nodes are not the site's.
        """
        _check_version(data)
        try:
            calibration = cls(
                radio_from_dict(data["radio"]),
                float(data["room_weight"]),
                str(data["method"]),
                str(data["made_from"]),
                str(data["made_at"]),
                tuple(NodeBelief.from_dict(belief) for belief in data["nodes"]),
            )
        except KeyError as error:
            raise ConfigurationError(f"the calibration lacks its entry {error}", AGAIN) from error
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"the calibration cannot be used: {error}", AGAIN) from error
        calibration._check_nodes(tuple(node.id for node in site.nodes))
        if not calibration.room_weight > 0:
            raise ConfigurationError(
                f"the calibration's room_weight must be positive, found {calibration.room_weight}", AGAIN
            )
        return calibration

    def _check_nodes(self, nodes: tuple[str, ...]) -> None:
        if self.radio.receivers != nodes:
            other = sorted(set(nodes) ^ set(self.radio.receivers))
            raise ConfigurationError(
                "the calibration does not fit the site: "
                + (
                    f"only one of them has the nodes {other[:5]}"
                    if other
                    else "the order of the nodes differs"
                ),
                "Calibrate again with this site file.",
            )


def _check_version(data: Mapping[str, Any]) -> None:
    if data.get("format") != FORMAT:
        raise ConfigurationError(
            f"this is no calibration: its format is {data.get('format')!r}, expected {FORMAT!r}",
            "Name the file that mallsense calibrate wrote.",
        )
    if data.get("version") != VERSION:
        raise ConfigurationError(
            f"the calibration has version {data.get('version')!r}, this mallsense reads version {VERSION}",
            AGAIN,
        )
