"""Visits and dwell per zone."""

from collections import defaultdict
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np

from contracts.site import Site
from gateway.api import schemas
from gateway.figures.people import PeopleFigures
from gateway.figures.period import HOUR_MS, Period, covered, hour_of
from gateway.people import MallPeople
from gateway.store import Store
from gateway.store.records import MINUTE_MS, Visit


def zone_figures(
    store: Store, site: Site, period: Period, people: MallPeople | None = None
) -> list[schemas.ZoneFigures]:
    """Every zone of the site, in its order. Dwell is of the visits that have ended."""
    by_zone: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in store.visits(period.from_ms, period.to_ms):
        by_zone[visit.zone].append(visit)
    figures = PeopleFigures(site.privacy.k, people)
    return [_figures(zone.id, by_zone[zone.id], figures) for _, zone in site.zones()]


def _figures(zone: str, visits: Sequence[Visit], figures: PeopleFigures) -> schemas.ZoneFigures:
    visitors = len({visit.device for visit in visits})
    ended = [visit for visit in visits if visit.ended_ms is not None]
    dwell_s = np.array([visit.dwell_s for visit in ended])
    # Dwell is about those whose visits have ended, who may be fewer than the zone's visitors.
    count = figures.part(visitors)
    left = figures.part(len({visit.device for visit in ended}))
    dwell_shown = bool(ended) and not count.suppressed and not left.suppressed
    median_s, p90_s = np.percentile(dwell_s, (50, 90)).round(1).tolist() if dwell_shown else (None, None)
    return schemas.ZoneFigures(
        zone=zone,
        visits=None if count.suppressed else figures.scaled(len(visits)),
        visitors=count.people,
        visitors_low=count.low,
        visitors_high=count.high,
        dwell_median_s=median_s,
        dwell_p90_s=p90_s,
        dwell_mean_s=round(float(dwell_s.mean()), 1) if dwell_shown else None,
        open=None if count.suppressed else figures.scaled(len(visits) - len(ended)),
        suppressed=count.suppressed,
    )


def zone_hours(
    store: Store, zone: str, k: int, period: Period, timezone: ZoneInfo, people: MallPeople | None = None
) -> list[schemas.ZoneHour]:
    """Every hour of the period: visits that started in it, and the mean number of people there."""
    figures = PeopleFigures(k, people)
    visits: defaultdict[int, list[str]] = defaultdict(list)
    for visit in store.visits(period.from_ms, period.to_ms, zone):
        visits[hour_of(visit.started_ms, timezone)].append(visit.device)
    devices: defaultdict[int, float] = defaultdict(float)
    whole = period.in_minutes(store.newest_ms())
    for row in store.zone_minutes(whole.from_ms, whole.to_ms, MINUTE_MS, [zone]):
        devices[hour_of(row.minute_ms, timezone)] += row.people_mean * MINUTE_MS / HOUR_MS
    answer = []
    for hour_ms in range(hour_of(period.from_ms, timezone), period.to_ms, HOUR_MS):
        visitors = figures.part(len(set(visits[hour_ms])))
        mean = devices[hour_ms] / covered(hour_ms, HOUR_MS, whole.to_ms)
        hidden = visitors.suppressed or (not visitors.people and figures.part(mean).suppressed)
        answer.append(
            schemas.ZoneHour(
                hour_ms=hour_ms,
                visits=None if hidden else figures.scaled(len(visits[hour_ms])),
                people_mean=None if hidden else round(figures.expected(mean), 2),
                suppressed=hidden,
            )
        )
    return answer
