"""Visits and dwell per zone."""

from collections import defaultdict
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np

from contracts.site import Site
from gateway.api import schemas
from gateway.figures.period import HOUR_MS, Period, covered, hour_of
from gateway.figures.privacy import Anonymity
from gateway.store import Store
from gateway.store.records import MINUTE_MS, Visit


def zone_figures(store: Store, site: Site, period: Period) -> list[schemas.ZoneFigures]:
    """Every zone of the site, in its order. Dwell is of the visits that have ended."""
    by_zone: defaultdict[str, list[Visit]] = defaultdict(list)
    for visit in store.visits(period.from_ms, period.to_ms):
        by_zone[visit.zone].append(visit)
    anonymity = Anonymity(site.privacy.k)
    return [_figures(zone.id, by_zone[zone.id], anonymity) for _, zone in site.zones()]


def _figures(zone: str, visits: Sequence[Visit], anonymity: Anonymity) -> schemas.ZoneFigures:
    visitors = len({visit.device for visit in visits})
    ended = [visit for visit in visits if visit.ended_ms is not None]
    dwell_s = np.array([visit.dwell_s for visit in ended])
    # Dwell is about those whose visits have ended, who may be fewer than the zone's visitors.
    hidden = anonymity.hides(visitors)
    dwell_shown = bool(ended) and not hidden and not anonymity.hides(len({visit.device for visit in ended}))
    median_s, p90_s = np.percentile(dwell_s, (50, 90)).round(1).tolist() if dwell_shown else (None, None)
    return schemas.ZoneFigures(
        zone=zone,
        visits=None if hidden else len(visits),
        visitors=None if hidden else visitors,
        dwell_median_s=median_s,
        dwell_p90_s=p90_s,
        dwell_mean_s=round(float(dwell_s.mean()), 1) if dwell_shown else None,
        open=None if hidden else anonymity.number(len(visits) - len(ended)),
        suppressed=hidden,
    )


def zone_hours(store: Store, zone: str, k: int, period: Period, timezone: ZoneInfo) -> list[schemas.ZoneHour]:
    """Every hour of the period: visits that started in it, and the mean number of people there."""
    anonymity = Anonymity(k)
    visits: defaultdict[int, list[str]] = defaultdict(list)
    for visit in store.visits(period.from_ms, period.to_ms, zone):
        visits[hour_of(visit.started_ms, timezone)].append(visit.device)
    people: defaultdict[int, float] = defaultdict(float)
    whole = period.in_minutes(store.newest_ms())
    for row in store.zone_minutes(whole.from_ms, whole.to_ms, MINUTE_MS, [zone]):
        people[hour_of(row.minute_ms, timezone)] += row.people_mean * MINUTE_MS / HOUR_MS
    answer = []
    for hour_ms in range(hour_of(period.from_ms, timezone), period.to_ms, HOUR_MS):
        visitors = len(set(visits[hour_ms]))
        mean = people[hour_ms] / covered(hour_ms, HOUR_MS, whole.to_ms)
        hidden = anonymity.hides(visitors) or (not visitors and anonymity.hides(mean))
        answer.append(
            schemas.ZoneHour(
                hour_ms=hour_ms,
                visits=None if hidden else len(visits[hour_ms]),
                people_mean=None if hidden else round(mean, 2),
                suppressed=hidden,
            )
        )
    return answer
