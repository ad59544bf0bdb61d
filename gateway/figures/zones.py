"""Visits and dwell per zone, over a period and by the hour."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

import numpy as np

from contracts.site import Site
from gateway.api import schemas
from gateway.api.tables import ZoneHourRow
from gateway.figures.people import PeopleFigures
from gateway.figures.period import HOUR_MS, Period, covered, hour_of
from gateway.people import MallPeople
from gateway.store.base import History
from gateway.store.records import MINUTE_MS, Visit


def zone_figures(
    store: History, site: Site, period: Period, people: MallPeople | None = None
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
    store: History, zone: str, k: int, period: Period, timezone: ZoneInfo, people: MallPeople | None = None
) -> list[schemas.ZoneHour]:
    """Every hour of the period: visits that started in it, and the mean number of people there."""
    figures = PeopleFigures(k, people)
    visits: defaultdict[int, list[Visit]] = defaultdict(list)
    for visit in store.visits(period.from_ms, period.to_ms, zone):
        visits[hour_of(visit.started_ms, timezone)].append(visit)
    devices: defaultdict[int, float] = defaultdict(float)
    whole = period.in_minutes(store.newest_ms())
    for row in store.zone_minutes(whole.from_ms, whole.to_ms, MINUTE_MS, [zone]):
        devices[hour_of(row.minute_ms, timezone)] += row.people_mean * MINUTE_MS / HOUR_MS
    answer = []
    for hour_ms in range(hour_of(period.from_ms, timezone), period.to_ms, HOUR_MS):
        mean = devices[hour_ms] / covered(hour_ms, HOUR_MS, whole.to_ms)
        answer.append(_hour(hour_ms, visits[hour_ms], mean, figures))
    return answer


def zone_hour_rows(
    store: History, site: Site, hours: Period, people: MallPeople | None = None
) -> list[ZoneHourRow]:
    """Every zone in every hour of a period of whole hours that are over."""
    figures = PeopleFigures(site.privacy.k, people)
    visits: defaultdict[tuple[int, str], list[Visit]] = defaultdict(list)
    for visit in store.visits(hours.from_ms, hours.to_ms):
        since_ms = (visit.started_ms - hours.from_ms) // HOUR_MS * HOUR_MS
        visits[hours.from_ms + since_ms, visit.zone].append(visit)
    minutes = store.zone_minutes(hours.from_ms, hours.to_ms, HOUR_MS)
    means = {(row.minute_ms, row.zone): row.people_mean for row in minutes}
    return [
        _zone_hour_row(hour_ms, floor.id, zone.id, visits[hour_ms, zone.id], means, figures)
        for hour_ms in range(hours.from_ms, hours.to_ms, HOUR_MS)
        for floor, zone in site.zones()
    ]


def _zone_hour_row(
    hour_ms: int,
    floor: str,
    zone: str,
    visits: Sequence[Visit],
    means: Mapping[tuple[int, str], float],
    figures: PeopleFigures,
) -> ZoneHourRow:
    hour = _hour(hour_ms, visits, means.get((hour_ms, zone), 0.0), figures)
    whole = _figures(zone, visits, figures)
    shown = not hour.suppressed
    return ZoneHourRow(
        time=hour_ms,
        floor=floor,
        zone=zone,
        visits=hour.visits,
        visitors=whole.visitors if shown else None,
        visitors_low=whole.visitors_low if shown else None,
        visitors_high=whole.visitors_high if shown else None,
        dwell_median_s=whole.dwell_median_s,
        dwell_p90_s=whole.dwell_p90_s,
        dwell_mean_s=whole.dwell_mean_s,
        people_mean=hour.people_mean,
        suppressed=hour.suppressed,
    )


def _hour(hour_ms: int, visits: Sequence[Visit], mean: float, figures: PeopleFigures) -> schemas.ZoneHour:
    """An hour of a zone in which so many devices were expected on average."""
    visitors = figures.part(len({visit.device for visit in visits}))
    present = figures.part(mean)
    hidden = visitors.suppressed or (not visitors.people and present.suppressed)
    # Where nobody is shown, a fraction would tell for how long somebody was there.
    shown = mean if visitors.people or present.people else 0.0
    return schemas.ZoneHour(
        hour_ms=hour_ms,
        visits=None if hidden else figures.scaled(len(visits)),
        people_mean=None if hidden else round(figures.expected(shown), 2),
        suppressed=hidden,
    )
