"""Alerts: what is usual is learnt from the weeks before, and what is not is said once, in a sentence."""

import math
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.crm import FeedKind, Kpi, KpiAlert
from contracts.errors import UnavailableError
from gateway.crm.alerts import alerts
from gateway.crm.alerts import alerts as runner
from gateway.crm.alerts.alerts import Alerts
from gateway.crm.alerts.gate import A_DAY, COOL_DOWN_HOURS, QUIET_HOURS, Measured, Open, decide
from gateway.crm.alerts.hours import WEEKS
from gateway.crm.alerts.usual import Range, fit_counts, fit_lengths, shared_variability
from gateway.crm.file import open_file
from gateway.figures.period import HOUR_MS
from gateway.people import MallPeople
from gateway.store.records import MINUTE_MS, WHOLE_MALL, Outputs, Visit, ZoneMinute
from gateway.store.sqlite import SqliteStore
from tests.gateway.crm_mall import crm_site
from tests.gateway.stored import checkpoint
from tests.support import wait_until

WEEK_MS = 7 * 24 * HOUR_MS
MONDAY_15 = 1_762_758_000_000 // HOUR_MS * HOUR_MS  # 10 November 2025, 15:00 in Shanghai


# What is usual


def test_a_steady_count_is_expected_again() -> None:
    """Eight weeks of 50 visits make 50 the expected number, with the limits of a Poisson count around it."""
    model = fit_counts(np.full(8, 50.0), np.ones(8), shared=0.0)
    assert model is not None
    found = model.expect(1.0, 0.05)
    assert found.expected == pytest.approx(50)
    assert found.low == pytest.approx(50 - 2 * math.sqrt(50 * 9 / 8), abs=2)
    assert found.high == pytest.approx(50 + 2 * math.sqrt(50 * 9 / 8), abs=2)


def test_a_week_that_was_unusual_itself_hardly_counts() -> None:
    """One week with a fair in the mall does not make fairs usual."""
    counts = np.array([50.0, 52, 47, 300, 49, 53, 50, 48])
    model = fit_counts(counts, np.ones(8), shared=0.0)
    assert model is not None
    assert model.rate == pytest.approx(50, abs=3)
    assert counts.mean() > 80


def test_nothing_is_usual_before_there_were_four_weeks() -> None:
    """With three weeks, or an hour in which nothing ever happened, there is no model."""
    assert fit_counts(np.full(3, 50.0), np.ones(3)) is None
    assert fit_counts(np.zeros(8), np.ones(8)) is None
    assert fit_lengths(np.full(3, 20.0), np.full(3, 60.0), np.full(3, 200.0)) is None


def test_limits_hold_what_they_promise() -> None:
    """Of counts that vary by day as busy shops' do, one in twenty is outside the limits for one in twenty."""
    random = np.random.default_rng(1)
    zones, draws = 40, 50
    inside = []
    for _ in range(draws):
        mean = random.lognormal(3.5, 0.7, zones)[:, None] * random.gamma(50.0, 0.02, (zones, 9))
        counts = random.poisson(mean).astype(np.float64)
        before, now = counts[:, :8], counts[:, 8]
        ones = [np.ones(8)] * zones
        shared = shared_variability(list(before), ones)
        for row, value in zip(before, now, strict=True):
            model = fit_counts(row, np.ones(8), shared)
            assert model is not None
            inside.append(model.expect(1.0, 0.05).side(float(value)) == 0)
    assert 0.93 < np.mean(inside) < 0.97


def test_lengths_have_limits_that_hold() -> None:
    """Of mean dwell times that vary by day, few are outside the limits for one in twenty."""
    random = np.random.default_rng(2)
    inside = []
    for _ in range(600):
        logs = random.normal(6.3, 0.8, (9, 30)) + random.normal(0, 0.1, (9, 1))
        rows = np.full(8, 30.0), logs[:8].sum(axis=1), (logs[:8] ** 2).sum(axis=1)
        model = fit_lengths(*rows, shared=0.01)
        assert model is not None
        inside.append(model.expect(30, 0.05).side(math.exp(logs[8].mean())) == 0)
    assert 0.92 < np.mean(inside) < 0.98


# When it is said


def measured(zone: str, value: float) -> Measured:
    """Return a zone's hour where 100 are usual, 60 to 140 not worth a word, 80 to 120 ordinary."""
    return Measured(zone, value, Range(100, 60, 140), Range(100, 80, 120), weight=100)


def play(hours: list[dict[str, float]]) -> list[tuple[int, tuple[str, ...]]]:
    """Return when alerts began, and of which zones."""
    began = []
    before: list[Open] = []
    for hour, values in enumerate(hours):
        decision = decide([measured(zone, value) for zone, value in sorted(values.items())], before)
        before = decision.going_on
        for number, one in enumerate(decision.began):
            zones = tuple(found.zone for found in one.found)
            began.append((hour, zones))
            before.append(Open(f"{hour}.{number}", one.side, zones))
    return began


def test_what_lasts_is_said_once() -> None:
    """A shop that stands empty for six hours is one alert, also when one hour between was ordinary."""
    assert play([{"a": 20.0}] * 6) == [(0, ("a",))]
    assert play([{"a": 20.0}, {"a": 20.0}, {"a": 100.0}, {"a": 20.0}]) == [(0, ("a",))]


def test_after_it_has_ended_it_may_begin_again_only_later() -> None:
    """An alert ends after two ordinary hours; within three more no other begins for the same zone."""
    ordinary = [{"a": 100.0}] * QUIET_HOURS
    soon = [{"a": 20.0}] * COOL_DOWN_HOURS
    assert play([{"a": 20.0}, *ordinary, *soon]) == [(0, ("a",)), (QUIET_HOURS + COOL_DOWN_HOURS, ("a",))]


def test_many_zones_at_once_are_one_alert() -> None:
    """A fire drill that empties twenty shops is said once; two shops in which something is wrong, twice."""
    everywhere = {f"z{i:02}": 0.0 for i in range(20)}
    assert [len(zones) for _, zones in play([everywhere] * 3)] == [20]
    assert len(play([{"a": 0.0, "b": 0.0}])) == 2


def test_a_change_that_does_not_matter_is_not_said() -> None:
    """A busy zone can be surely, and yet hardly, different: nobody needs to hear of one in ten."""
    sure = Measured("a", 900.0, Range(1000, 950, 1050), Range(1000, 970, 1030), weight=1000)
    assert decide([sure], []).began == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([0.0, 70.0, 100.0, 130.0, 300.0])),
        max_size=30,
    )
)
def test_no_zone_is_ever_in_two_alerts(hours: list[dict[str, float]]) -> None:
    """Whatever happens, no alert begins for a zone that has one, and all of them end when all is calm."""
    before: list[Open] = []
    for hour, values in enumerate(hours + [{}] * (QUIET_HOURS + COOL_DOWN_HOURS)):
        decision = decide([measured(zone, value) for zone, value in sorted(values.items())], before)
        before = decision.going_on
        for number, one in enumerate(decision.began):
            before.append(Open(f"{hour}.{number}", one.side, tuple(found.zone for found in one.found)))
        busy = [zone for one in before for zone in one.zones]
        assert len(busy) == len(set(busy))
    assert before == []


# From the store to the feed


class Mall:
    """A store with nine weeks of Monday afternoons, and the alerts on it."""

    def __init__(self, folder: Path) -> None:
        """Make the store; nothing is unusual yet."""
        self.path = folder / "store.db"
        self.store = SqliteStore(self.path)
        self.now_ms = MONDAY_15
        self.alerts = self.open()

    def open(self) -> Alerts:
        """Start as after a restart."""
        return Alerts(
            crm_site(), open_file(self.path), self.store, now_ms=lambda: self.now_ms, told=lambda: None,
            people=MallPeople.assumed(),
        )  # fmt: skip

    def close(self) -> None:
        """Let go of the file."""
        self.alerts.close()
        self.store.close()

    def hour(self, hour_ms: int, visits: dict[str, int], dwell_s: float = 600.0) -> None:
        """Write down an hour: visits of the zones, of 400 people who came in."""
        number = {WHOLE_MALL: 400, **visits}
        rows = [
            ZoneMinute(hour_ms + minute * MINUTE_MS, zone, 50.0, 60.0, 5.0, count if minute == 0 else 0, 0)
            for zone, count in number.items()
            for minute in range(60)
        ]
        stays = {
            f"{zone}{hour_ms}{i}": Visit(
                f"{zone}{hour_ms}{i}", f"{i:016x}", zone, "F1", hour_ms + i, hour_ms + i, hour_ms + i,
                dwell_s * (0.8 + 0.1 * (i % 5)), 0.9,
            )
            for zone, count in visits.items()
            for i in range(count)
        }  # fmt: skip
        self.store.commit(Outputs(zone_minutes=rows, visits=stays), checkpoint())

    def sold(self, hour_ms: int, zone: str, count: int) -> None:
        """Let a till sell so often."""
        with open_file(self.path).transaction() as db:
            db.executemany(
                "INSERT INTO crm_sales VALUES (?, ?, ?, 1000, 0, 1, NULL)",
                [(f"{zone}{hour_ms}{i}", zone, hour_ms + i) for i in range(count)],
            )

    def feed(self) -> list[tuple[str, str]]:
        """Return what the feed tells: kinds and zones."""
        with open_file(self.path).connection() as db:
            return db.execute("SELECT kind, zone FROM crm_feed ORDER BY seq").fetchall()

    def found(self) -> list[KpiAlert]:
        """Return all alerts."""
        return self.alerts.between(0, self.now_ms)


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with eight usual weeks: some 60 visits in the west, 40 in the east, from 15 to 19."""
    made = Mall(tmp_path_factory.mktemp("weeks"))
    for week in range(1, WEEKS + 1):
        for hour in range(4):
            west = 60 + 3 * ((week + hour) % 3 - 1)
            start_ms = MONDAY_15 - week * WEEK_MS + hour * HOUR_MS
            made.hour(start_ms, {"west": west, "east": 40})
            made.sold(start_ms, "west", 20)
            made.sold(start_ms, "east", 12)
    made.close()
    return made.path


@pytest.fixture
def mall(weeks: Path, tmp_path: Path) -> Iterator[Mall]:
    """Return a mall of one's own with those weeks."""
    shutil.copy(weeks, tmp_path / weeks.name)
    made = Mall(tmp_path)
    yield made
    made.close()


def test_a_shop_that_nobody_comes_to_is_told(mall: Mall) -> None:
    """A shop with 10 visits where 60 are usual is an alert, with a sentence in both languages."""
    mall.hour(MONDAY_15, {"west": 10, "east": 40})
    mall.now_ms = MONDAY_15 + HOUR_MS + 4 * MINUTE_MS
    mall.alerts.look()
    (alert,) = [one for one in mall.found() if one.kpi is Kpi.FOOTFALL]
    assert (alert.zone, alert.side, alert.hour_ms, alert.ended_ms) == ("west", "low", MONDAY_15, None)
    assert alert.value is not None
    assert alert.value < alert.low < alert.usual < alert.high
    assert alert.usual / alert.value == pytest.approx(6, rel=0.05)
    assert alert.sentence.en.startswith("West had ")
    assert "from 15:00–16:00; on a Monday at this hour, with as many people as today," in alert.sentence.en
    assert ": 83 % fewer than usual." in alert.sentence.en
    assert "周一" in alert.sentence.zh
    assert mall.feed() == [(FeedKind.KPI_UNUSUAL, "west")]


def test_an_ordinary_hour_is_no_alert(mall: Mall) -> None:
    """An hour like those before is looked at, and nothing is said."""
    mall.hour(MONDAY_15, {"west": 58, "east": 43})
    mall.now_ms = MONDAY_15 + 4 * HOUR_MS
    assert mall.alerts.look() > 0
    assert mall.found() == []


def test_each_hour_is_looked_at_once_also_after_a_restart(mall: Mall) -> None:
    """A gateway that starts again neither repeats an alert nor forgets that one goes on."""
    mall.hour(MONDAY_15, {"west": 10, "east": 40})
    mall.now_ms = MONDAY_15 + HOUR_MS + 4 * MINUTE_MS
    mall.alerts.look()
    mall.alerts.close()
    mall.alerts = mall.open()
    assert mall.alerts.look() == 0
    for hour in (1, 2, 3):
        mall.hour(MONDAY_15 + hour * HOUR_MS, {"west": 60, "east": 40})
    mall.now_ms = MONDAY_15 + 4 * HOUR_MS + 4 * MINUTE_MS
    mall.alerts.look()
    (alert,) = [one for one in mall.found() if one.kpi is Kpi.FOOTFALL]
    assert alert.ended_ms == MONDAY_15 + HOUR_MS
    assert mall.feed() == [(FeedKind.KPI_UNUSUAL, "west"), (FeedKind.KPI_USUAL, "west")]


def test_dwell_is_told_once_visits_are_over(mall: Mall) -> None:
    """Visits of a tenth of the usual length are an alert, two hours after the hour they began in."""
    mall.hour(MONDAY_15, {"west": 60, "east": 40}, dwell_s=60.0)
    mall.now_ms = MONDAY_15 + 2 * HOUR_MS
    mall.alerts.look()
    assert mall.found() == []
    mall.now_ms = MONDAY_15 + 3 * HOUR_MS + MINUTE_MS
    mall.alerts.look()
    found = {alert.zone: alert for alert in mall.found()}
    assert set(found) == {"west", "east"}
    assert found["west"].kpi is Kpi.DWELL
    assert "Visits of West lasted" in found["west"].sentence.en
    assert "90 % shorter than usual" in found["west"].sentence.en


def test_a_till_that_stands_still_is_told_when_later_sales_are_in(mall: Mall) -> None:
    """No sale where 20 are usual is an alert, as soon as the tills have sent what came later."""
    mall.hour(MONDAY_15, {"west": 60, "east": 40})
    mall.now_ms = MONDAY_15 + 3 * HOUR_MS
    mall.alerts.look()
    assert mall.found() == []
    mall.sold(MONDAY_15, "east", 12)
    mall.sold(MONDAY_15 + HOUR_MS + 10 * MINUTE_MS, "west", 5)
    mall.alerts.look()
    (alert,) = mall.found()
    assert (alert.kpi, alert.zone, alert.value) == (Kpi.CONVERSION, "west", 0.0)
    assert "West had 0 sales for every 100 visits" in alert.sentence.en


def test_a_number_of_a_few_people_is_not_shown(mall: Mall) -> None:
    """Of three visits an alert says no more than that they were fewer than k."""
    mall.hour(MONDAY_15, {"west": 3, "east": 40})
    mall.now_ms = MONDAY_15 + HOUR_MS + 4 * MINUTE_MS
    mall.alerts.look()
    (alert,) = mall.found()
    assert alert.value is None
    assert "West had fewer than 5 visits" in alert.sentence.en
    assert "% fewer" not in alert.sentence.en


def test_at_most_ten_a_day_are_sent(mall: Mall) -> None:
    """What begins after ten alerts of a day is written down and listed, and sent to nobody."""
    with open_file(mall.path).transaction() as db:
        db.executemany(
            "INSERT INTO crm_alerts VALUES (?, 'footfall', 1, '[]', ?, ?, 2, NULL, 1, ?)",
            [(f"a{i}", MONDAY_15 - HOUR_MS * (i + 1), MONDAY_15, b"{}") for i in range(A_DAY)],
        )
    mall.hour(MONDAY_15, {"west": 10, "east": 40})
    mall.now_ms = MONDAY_15 + HOUR_MS + 4 * MINUTE_MS
    mall.alerts.look()
    assert [one.zone for one in mall.alerts.between(MONDAY_15 + 1, mall.now_ms)] == ["west"]
    assert mall.feed() == []


def test_an_hour_in_which_the_mall_was_closed_says_nothing(mall: Mall) -> None:
    """A day without anybody, and weeks in which nothing was recorded, are passed over."""
    mall.now_ms = MONDAY_15 + 24 * HOUR_MS
    assert mall.alerts.look() > 0
    assert mall.found() == []


def test_a_row_that_cannot_be_read_does_not_end_the_thread(
    mall: Mall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said without what is in it, and the hours are looked at when it has gone."""
    monkeypatch.setattr(alerts, "LOOK_S", 0.05)
    mall.now_ms = MONDAY_15 + 2 * HOUR_MS
    with open_file(mall.path).transaction() as db:
        db.execute("INSERT INTO crm_alerts VALUES ('x', 'footfall', 1, 'secret', 0, NULL, 0, NULL, 0, '')")
    mall.alerts.start()
    wait_until(lambda: "alerts fail (JSONDecodeError)" in caplog.text)
    assert "secret" not in caplog.text
    with open_file(mall.path).transaction() as db:
        db.execute("DELETE FROM crm_alerts")
    with open_file(mall.path).connection() as db:
        wait_until(lambda: db.execute("SELECT count(*) FROM crm_kpi_progress").fetchone()[0] >= 2)


def test_what_is_wrong_is_logged_once(
    mall: Mall, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that cannot be read is said once, however often it is tried; the thread goes on."""
    tried = []

    def fail() -> int:
        tried.append(1)
        raise UnavailableError("the store is away", "Wait.")

    monkeypatch.setattr(runner, "LOOK_S", 0.01)
    monkeypatch.setattr(mall.alerts, "look", fail)
    mall.alerts.start()
    wait_until(lambda: len(tried) > 5)
    assert sum("the store is away" in one.getMessage() for one in caplog.records) == 1
