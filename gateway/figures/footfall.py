"""How many people are in the mall: by the hour, and over time for the slider."""

from collections import defaultdict
from zoneinfo import ZoneInfo

from gateway.api import schemas
from gateway.api.tables import FootfallHourRow
from gateway.figures.people import PeopleFigures
from gateway.figures.period import HOUR_MS, Period, covered, hour_of
from gateway.people import MallPeople
from gateway.store.base import History
from gateway.store.records import MINUTE_MS, WHOLE_MALL, ZoneMinute

TIMELINE_STEPS = 720
"""Most points of a timeline: as many as a slider has pixels."""


def footfall(
    store: History, k: int, period: Period, timezone: ZoneInfo, people: MallPeople | None = None
) -> list[schemas.FootfallHour]:
    """Every hour of the period: the mean number of people present and who arrived, with their intervals."""
    figures = PeopleFigures(k, people)
    hours: defaultdict[int, list[ZoneMinute]] = defaultdict(list)
    whole = period.in_minutes(store.newest_ms())
    for row in store.zone_minutes(whole.from_ms, whole.to_ms, MINUTE_MS, [WHOLE_MALL]):
        hours[hour_of(row.minute_ms, timezone)].append(row)
    answer = []
    for hour_ms in range(hour_of(period.from_ms, timezone), period.to_ms, HOUR_MS):
        rows = hours[hour_ms]
        minutes = covered(hour_ms, HOUR_MS, whole.to_ms) * HOUR_MS / MINUTE_MS
        count = figures.present(
            sum(row.people_mean for row in rows) / minutes, sum(row.variance_mean for row in rows) / minutes
        )
        arrivals = figures.entered(sum(row.started for row in rows))
        answer.append(
            schemas.FootfallHour(
                hour_ms=hour_ms,
                people=count.people,
                low=count.low,
                high=count.high,
                suppressed=count.suppressed,
                arrivals=arrivals.people,
                arrivals_low=arrivals.low,
                arrivals_high=arrivals.high,
            )
        )
    return answer


def footfall_rows(
    store: History, k: int, hours: Period, timezone: ZoneInfo, people: MallPeople | None = None
) -> list[FootfallHourRow]:
    """The same as rows."""
    found = footfall(store, k, hours, timezone, people)
    return [FootfallHourRow(time=hour.hour_ms, **hour.model_dump(exclude={"hour_ms"})) for hour in found]


def timeline(store: History, k: int, period: Period, people: MallPeople | None = None) -> schemas.Timeline:
    """People present, in steps of whole minutes; the last step may be cut short by the period's end."""
    figures = PeopleFigures(k, people)
    whole = period.in_minutes(store.newest_ms())
    minutes = max(1, -(-(whole.to_ms - whole.from_ms) // (MINUTE_MS * TIMELINE_STEPS)))
    step_ms = minutes * MINUTE_MS
    rows = store.zone_minutes(whole.from_ms, whole.to_ms, step_ms, [WHOLE_MALL])
    devices = {row.minute_ms: row.people_mean for row in rows}
    times = list(range(whole.from_ms, whole.to_ms, step_ms))
    found = [devices.get(t_ms, 0.0) / covered(t_ms, step_ms, whole.to_ms) for t_ms in times]
    return schemas.Timeline(
        step_ms=step_ms, t_ms=times, people=[figures.present(n, 0.0).people for n in found]
    )
