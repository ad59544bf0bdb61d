"""Cameras put together for `mallsense edge`."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from contracts.site.model import Node, Site
from edge_agent.camera.keeping import Keeping
from edge_agent.camera.kept_images import KeptImages, clear_left
from edge_agent.camera.lane_reader import LaneReader
from edge_agent.camera.live_cameras import LiveCameras
from edge_agent.camera.live_source import LiveCameraSource
from edge_agent.camera.recorded_source import RecordedCameras
from edge_agent.camera.recording import Recording
from edge_agent.camera.setup import CameraPlan
from edge_agent.camera.watcher import OnReadings
from edge_agent.sources.live import LiveSource


def recorded_cameras(
    node: str, site: Site, plan: CameraPlan, keeping: Keeping, stack: ExitStack
) -> RecordedCameras:
    """Make a source of recordings. Raises `ConfigurationError`, `UnavailableError`."""
    recordings = {name: Recording(address, site.mall.timezone) for name, address in plan.addresses.items()}
    kept = stack.enter_context(_kept(keeping))
    return RecordedCameras(node, recordings, plan.cameras, LaneReader(), on_readings=_keep(kept, plan))


def live_cameras(
    node: Node, plan: CameraPlan, radios: LiveSource | None, keeping: Keeping, stack: ExitStack
) -> LiveCameraSource:
    """Make a source of what cameras see now. Raises `ConfigurationError`, `UnavailableError`."""
    kept = stack.enter_context(_kept(keeping))
    cameras = LiveCameras(
        list(plan.cameras.values()),
        plan.addresses,
        LaneReader(),
        on_readings=_keep(kept, plan),
        keeps_images_until_ms=kept.until_ms if kept else lambda: None,
    )
    source = LiveCameraSource(node.id, stack.enter_context(cameras), radios)
    stack.callback(source.close)
    return source


def _keep(kept: KeptImages | None, plan: CameraPlan) -> dict[str, OnReadings]:
    return {} if kept is None else {name: partial(kept.keep, name) for name in plan.cameras}


@contextmanager
def _kept(keeping: Keeping) -> Iterator[KeptImages | None]:
    clear_left(keeping.note)
    if keeping.folder is None:
        yield None
        return
    until_ms = _now_ms() + keeping.minutes * 60_000
    kept = KeptImages(keeping.folder, until_ms, _now_ms, note=keeping.note)
    try:
        yield kept
    finally:
        kept.close()


def _now_ms() -> int:
    return round(time.time() * 1000)  # noqa: TID251  # until when pictures are kept is the clock's to say
