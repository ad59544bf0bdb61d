"""Changes of visits and ended paths as CloudEvents, with ids that follow from what they say."""

from __future__ import annotations

from collections.abc import Iterator

from contracts.events import (
    TYPE_PREFIX,
    TYPE_VERSION,
    EventKind,
    PathData,
    PathEvent,
    PathStep,
    VisitData,
    VisitEvent,
    rfc3339,
    stable_id,
)
from contracts.site import Site
from positioning.paths import Path
from positioning.visits import Change, Changes

KINDS = {
    Change.STARTED: EventKind.VISIT_STARTED,
    Change.UPDATED: EventKind.VISIT_UPDATED,
    Change.ENDED: EventKind.VISIT_ENDED,
}


class Events:
    """Makes the events of one mall."""

    def __init__(self, site: Site) -> None:
        """Take names from a site; zones are numbered in the order of ``site.zones()``."""
        self._mall = site.mall.id
        self._source = f"/mallsense/{site.mall.id}"
        self._zones = [(floor.id, zone.id) for floor, zone in site.zones()]

    def visits(self, t_ms: int, changes: Changes, devices: list[str]) -> Iterator[VisitEvent]:
        """Return the events of changes known at ``t_ms``; ``devices`` has one pseudonym for each change."""
        rows = zip(
            devices, changes.change.tolist(), changes.zone.tolist(), changes.started_ms.tolist(),
            changes.seen_ms.tolist(), changes.ended_ms.tolist(), changes.confidence.tolist(), strict=True,
        )  # fmt: skip
        for device, change, zone, started_ms, seen_ms, ended_ms, confidence in rows:
            kind = KINDS[Change(change)]
            floor_id, zone_id = self._zones[zone]
            visit = self._visit(device, zone_id, started_ms)
            data = VisitData(
                visit=visit,
                device=device,
                zone=zone_id,
                floor=floor_id,
                started_ms=started_ms,
                seen_ms=seen_ms,
                ended_ms=ended_ms if change == Change.ENDED else None,
                dwell_s=(ended_ms - started_ms) / 1000.0,
                confidence=confidence,
            )
            yield VisitEvent(
                id=stable_id(kind, visit, seen_ms),
                source=self._source,
                type=f"{TYPE_PREFIX}{kind}{TYPE_VERSION}",
                subject=zone_id,
                time=rfc3339(t_ms),
                data=data,
            )

    def path(self, t_ms: int, path: Path, device: str) -> PathEvent:
        """Return the event of a path that was known to have ended at ``t_ms``."""
        steps = []
        for step in path.steps:
            floor_id, zone_id = self._zones[step.zone]
            visit = self._visit(device, zone_id, step.started_ms)
            steps.append(
                PathStep(
                    visit=visit,
                    zone=zone_id,
                    floor=floor_id,
                    started_ms=step.started_ms,
                    ended_ms=step.ended_ms,
                )
            )
        kind = EventKind.PATH_ENDED
        identity = stable_id(self._mall, device, "path", path.started_ms)
        data = PathData(
            path=identity, device=device, started_ms=path.started_ms, ended_ms=path.ended_ms,
            dwell_s=(path.ended_ms - path.started_ms) / 1000.0, steps=steps,
        )  # fmt: skip
        return PathEvent(
            id=stable_id(kind, identity), source=self._source, type=f"{TYPE_PREFIX}{kind}{TYPE_VERSION}",
            subject="mall", time=rfc3339(t_ms), data=data,
        )  # fmt: skip

    def _visit(self, device: str, zone: str, started_ms: int) -> str:
        return stable_id(self._mall, device, zone, started_ms)
