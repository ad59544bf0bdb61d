"""Who went from which zone straight to which other."""

from collections import defaultdict

from contracts.site import Site
from gateway.api import schemas
from gateway.api.tables import FlowHourRow
from gateway.figures.people import PeopleFigures
from gateway.figures.period import Period
from gateway.people import MallPeople
from gateway.store.base import History
from gateway.store.records import Visit


def flows(
    store: History, site: Site, period: Period, floor: str | None = None, people: MallPeople | None = None
) -> schemas.Flows:
    """Links between consecutive visits of one stay, by the number of different people who took them.

    A person who was away for longer than it takes to vanish has begun a new path: no link crosses that gap.
    With `floor`, links with at least one end on it.
    """
    on_floor = {zone.id for of, zone in site.zones() if floor is None or of.id == floor}
    devices: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    previous: Visit | None = None
    gap_ms = site.tracking.vanish_s * 1000
    for visit in store.visits(period.from_ms, period.to_ms):
        if previous is not None and visit.device == previous.device and visit.zone != previous.zone:
            left_ms = previous.seen_ms if previous.ended_ms is None else previous.ended_ms
            if visit.started_ms - left_ms <= gap_ms and (visit.zone in on_floor or previous.zone in on_floor):
                devices[previous.zone, visit.zone].add(visit.device)
        previous = visit
    figures = PeopleFigures(site.privacy.k, people)
    counts = {link: figures.scaled(len(took)) for link, took in devices.items()}
    shown = sorted(((n, *link) for link, n in counts.items() if n is not None), key=lambda x: (-x[0], x[1:]))
    return schemas.Flows(
        links=[schemas.Link(source=source, target=target, people=n) for n, source, target in shown],
        suppressed_links=len(counts) - len(shown),
    )


def flow_rows(
    store: History, site: Site, period: Period, floor: str | None = None, people: MallPeople | None = None
) -> list[FlowHourRow]:
    """The same as rows; the time of all is the period's start."""
    return [
        FlowHourRow(time=period.from_ms, **link.model_dump())
        for link in flows(store, site, period, floor, people).links
    ]
