"""Which cameras a node has, from its site file and the command line."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.site.model import Camera, Lane, LaneDirection, Node
from edge_agent.camera.address import CameraAddress, address_of

UNNAMED = "camera"
"""Id of a camera that only the command line names: one lane, all of the picture, cars drive in."""


@dataclass(frozen=True)
class CameraPlan:
    """The cameras of a node by their ids, and where their pictures come from."""

    cameras: Mapping[str, Camera]
    addresses: Mapping[str, CameraAddress]

    @property
    def live(self) -> bool:
        """Whether they show what is now."""
        return any(address.live for address in self.addresses.values())

    @property
    def recorded(self) -> bool:
        """Whether they are recordings."""
        return bool(self.addresses) and not self.live


@contextmanager
def needs_camera_extra() -> Iterator[None]:
    """Import what reads pictures. Raises `ConfigurationError` where it is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing in ("", "edge_agent", "contracts"):
            raise  # a fault of ours
        raise ConfigurationError(
            f"cameras need the package {missing!r}, which is not installed",
            "Install it with: pip install 'mallsense[camera]'",
        ) from error
    except ImportError as error:  # it is there, and a library of the system or a part of it is not
        if (error.name or "").partition(".")[0] in ("edge_agent", "contracts"):
            raise
        raise ConfigurationError(
            f"a package that cameras need cannot be loaded: {error}",
            "Install it again with: pip install --force-reinstall 'mallsense[camera]'; where a library of the"
            " system is missing, it is named above.",
        ) from error


def plan_cameras(node: Node, options: Sequence[str]) -> CameraPlan:
    """Take `--camera ADDRESS` or `--camera ID=ADDRESS`; without, the cameras of the site file.

    Raises:
        ConfigurationError: an option names no camera or no address, or recordings are among live cameras.

    """
    known = {camera.id: camera for camera in node.cameras}
    if not options:
        return CameraPlan(known, {name: address_of(camera) for name, camera in known.items()})
    cameras: dict[str, Camera] = {}
    addresses: dict[str, CameraAddress] = {}
    for text in options:
        name, address = _read(text, node)
        if name in addresses:
            raise ConfigurationError(f"--camera: camera {name} is named twice", "Name each once.")
        cameras[name] = known.get(name) or Camera(
            id=name, lanes=[Lane(id="lane", direction=LaneDirection.IN)]
        )
        addresses[name] = address
    if len({address.live for address in addresses.values()}) > 1:
        raise ConfigurationError(
            "--camera: recordings and live cameras cannot run together",
            "Recordings have the time of their files: play them in a run of their own.",
        )
    return CameraPlan(cameras, addresses)


def _read(text: str, node: Node) -> tuple[str, CameraAddress]:
    known = [camera.id for camera in node.cameras]
    name, equals, rest = text.partition("=")
    if equals and name in known:
        return name, CameraAddress.parse(rest)
    if equals and re.fullmatch(r"[\w-]+", name) and not Path(text).exists():
        raise ConfigurationError(
            f"--camera: node {node.id} has no camera {name!r}",
            f"Expected one of {', '.join(known)}, as in the site file."
            if known
            else "The site file names no camera of it: write the address alone.",
        )
    if len(known) > 1:
        raise ConfigurationError(
            f"--camera: node {node.id} has the cameras {', '.join(known)}; which is this?",
            f"Write it like {known[0]}=recording.mp4.",
        )
    return (known or [UNNAMED])[0], CameraAddress.parse(text)
