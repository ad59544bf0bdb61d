"""What the site file says about one node, in the words that templates use."""

import difflib
import re
from dataclasses import dataclass
from typing import Self

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.site import GuestNetwork, Node, Site
from contracts.site.model import camera_variable

_KERNELS_NAME = re.compile(r"^(wlan|eth|usb)\d+$")


@dataclass(frozen=True, slots=True)
class NodePlan:
    """One node of a site, to be installed."""

    site: Site
    node: Node

    @classmethod
    def of(cls, site: Site, node_id: str) -> Self:
        """Find a node in a site.

        Raises:
            ConfigurationError: it is not there, or offers a guest network that the site does not describe.

        """
        for node in site.nodes:
            if node.id == node_id:
                if node.stations and (site.wifi is None or site.wifi.guest is None):
                    raise ConfigurationError(
                        f"node {node_id} has an access point of its own (stations: {node.stations}), "
                        "but the site has no wifi.guest",
                        "Add one: wifi: {country: CN, guest: {ssid: ..., channel: 6, vlan: 20}}",
                    )
                return cls(site, node)
        close = difflib.get_close_matches(node_id, [node.id for node in site.nodes], n=3, cutoff=0)
        raise ConfigurationError(
            f"the site {site.mall.id} has no node {node_id!r}",
            f"It has {', '.join(sorted(close)) or 'none'} ...",
        )

    @property
    def broker(self) -> str:
        """The broker's address as `mallsense edge` takes it; empty where the site names none."""
        if self.site.broker is None:
            return ""
        return str(BrokerAddress(self.site.broker.host, self.site.broker.port, tls=True))

    @property
    def country(self) -> str:
        """Two letters; empty where the site does not say."""
        return self.site.wifi.country if self.site.wifi else ""

    @property
    def guest(self) -> GuestNetwork | None:
        """The guest network, where this node offers it."""
        return self.site.wifi.guest if self.node.stations and self.site.wifi else None

    @property
    def listening(self) -> tuple[str, ...]:
        """Interfaces that listen."""
        return tuple(radio.interface for radio in self.node.radios)

    @property
    def radios(self) -> tuple[str, ...]:
        """Those of them that get their name from us; `wlan1` and the like are the kernel's to give."""
        return tuple(name for name in self.listening if not _KERNELS_NAME.match(name))

    @property
    def video_devices(self) -> bool:
        """Whether a camera is at the node itself and not in the network."""
        return any((camera.source or "").startswith("/dev/") for camera in self.node.cameras)

    @property
    def values(self) -> dict[str, object]:
        """What every template may use."""
        return {
            "site": self.site,
            "node": self.node,
            "broker": self.broker,
            "country": self.country,
            "guest": self.guest,
            "radios": self.radios,
            "camera_variables": [camera_variable(camera.id) for camera in self.node.cameras],
            "video_devices": self.video_devices,
            "access_point": self.node.stations or "",
            "access_point_renamed": bool(self.node.stations and not _KERNELS_NAME.match(self.node.stations)),
        }
