"""Figures of a web shop: known answers, intervals that hold their value, and nothing about too few."""

from dataclasses import replace
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.site import Site
from gateway.crm.figures import estimation
from gateway.crm.figures.came import bounces, came, divided, log_variance, visits_per_visitor
from gateway.crm.figures.columns import Columns
from gateway.crm.figures.definitions import BY_ID, DEFINITIONS, as_markdown
from gateway.crm.figures.funnel import funnel, part_of
from gateway.crm.figures.intervals import NOTHING, Interval, exact, mean, median, positive, share
from gateway.crm.figures.members import MemberVisits, Spent, of_members, spent
from gateway.crm.figures.selling import Sold, conversion, per_m2, selling, spend_per_visit, whole
from gateway.crm.figures.telling import Figure, Teller
from gateway.crm.figures.zones import ZoneCounts, zone_figures
from gateway.figures.intervals import Z_90
from gateway.people import ENTERED, PRESENT, MallPeople
from positioning.people.ratio import PhonesPerPerson
from tests.gateway.crowd import small_site

K = 5
ZONES = [zone.id for _, zone in small_site().zones()]
TELL = Teller(K)


def columns(  # what is not said is nothing
    visits: list[tuple[int, int, float]],
    paths: list[tuple[int, float, int, bool]] | None = None,
    hours: dict[int, float] | None = None,
    arrived: int = 0,
    passed_by: int = 0,
) -> Columns:
    """Make columns of visits (zone, device, dwell) and paths (device, length, zones, over)."""
    device_hours = np.zeros(len(ZONES))
    for zone, value in (hours or {}).items():
        device_hours[zone] = value
    rows = paths or []
    return Columns(
        1 + max([row[1] for row in visits] + [row[0] for row in rows], default=-1),
        np.array([row[0] for row in visits], dtype=np.int64),
        np.array([row[1] for row in visits], dtype=np.int64),
        np.array([row[2] for row in visits], dtype=np.float64),
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.float64),
        np.array([row[2] for row in rows], dtype=np.int64),
        np.array([row[3] for row in rows], dtype=np.bool_),
        device_hours,
        arrived,
        passed_by,
    )


def by_id(figures: list[Figure]) -> dict[tuple[str, str | None], Figure]:
    """Figures by id and zone; each is there once and has a definition."""
    found = {(figure.id, figure.zone): figure for figure in figures}
    assert len(found) == len(figures)
    assert {figure.id for figure in figures} <= BY_ID.keys()
    return found


def all_of(
    of: Columns, site: Site | None = None, tell: Teller = TELL
) -> dict[tuple[str, str | None], Figure]:
    """Every figure that columns alone give."""
    here = site or small_site(k=K)
    counts = ZoneCounts.of(of)
    return by_id(
        [*came(of, 300.0, tell), *funnel(of, counts, here, tell), *zone_figures(counts, ZONES, tell)]
    )


def test_definitions_say_everything_in_both_languages() -> None:
    """Every figure has an id of its own, a name and a meaning in English and Chinese."""
    assert len(BY_ID) == len(DEFINITIONS)
    for one in DEFINITIONS:
        assert one.name.en.isascii()
        assert not one.name.zh.isascii()
        assert one.definition.en.endswith(".")
        assert one.definition.zh.endswith("。")
        assert "  " not in one.definition.en + one.definition.zh


# Intervals


def test_share_is_jeffreys() -> None:
    """Seven of ten: the textbook's 90 % Jeffreys interval; nothing and all end where shares end."""
    found = share(7, 10)
    assert (found.value, found.low, found.high) == pytest.approx((0.7, 0.4419, 0.8827), abs=1e-4)
    assert share(0, 10).low == 0.0
    assert share(10, 10).high == 1.0
    assert share(7, 10, 0.5).low < found.low
    with pytest.raises(ValueError, match="no share"):
        share(11, 10)


def test_positive_is_symmetric_on_the_logarithm() -> None:
    """A standard deviation of a tenth of the logarithm is a factor of 1.18 at 90 %."""
    found = positive(100.0, 0.01)
    assert found.high / 100.0 == pytest.approx(100.0 / found.low) == pytest.approx(exp(0.1 * Z_90))
    assert positive(0.0, 1.0) == Interval(0.0, 0.0, NOTHING)
    leaning = positive(100.0, 0.01, 0.1)
    assert (leaning.low, leaning.high) == pytest.approx((found.low * exp(-0.1), found.high * exp(-0.1)))
    assert positive(100.0, 0.0, 0.1).high == 100.0


def test_ratio_adds_up_variances() -> None:
    """The delta method: relative errors of 3 % and 4 % are 5 % of the ratio."""
    found = divided(positive(10.0, 0.03**2), positive(5.0, 0.04**2))
    assert found.value == 2.0
    assert sqrt(log_variance(found)) == pytest.approx(0.05)
    assert divided(exact(10.0), exact(4.0)) == exact(2.5)


def test_mean_and_median_hold_chance() -> None:
    """Of a thousand draws the interval is about 1.645 standard errors wide each way; of equals it is none."""
    values = np.random.default_rng(1).exponential(10.0, 1000) + 1.0
    found = mean(values)
    assert found.low < values.mean() < found.high
    assert (found.high - found.low) / (2 * Z_90 * values.std() / sqrt(1000)) == pytest.approx(1.0, abs=0.15)
    middle = median(values, 0.0)
    assert middle.value == np.median(values)
    assert middle.low < middle.value < middle.high
    assert mean(np.full(9, 3.0)) == exact(3.0)
    assert median(np.full(9, 3.0), 0.0) == exact(3.0)
    assert median(np.array([3.0]), 0.01).high > 3.0


@given(st.floats(0.01, 1e6), st.floats(0.01, 1e6), st.floats(0.0, 9.0))
def test_part_lies_in_its_interval(part: float, rest: float, log_variance_: float) -> None:
    """A share of two quantities is in its interval, which stays between nothing and all."""
    found = part_of(part, rest, log_variance_)
    assert 0.0 <= found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9) <= 1.0 + 1e-8


# Who came


def test_bounces_are_short_and_saw_one_zone() -> None:
    """Short with one zone bounces; long, two zones or still there does not; who saw nothing is left out."""
    paths = [(0, 200.0, 1, True), (1, 200.0, 2, True), (2, 400.0, 1, True), (3, 100.0, 1, False)]
    assert bounces(columns([], [*paths, (4, 900.0, 1, False), (5, 60.0, 0, True)]), 300.0) == (1, 4)


def test_bounce_rate_reaches_from_nothing() -> None:
    """What is split looks like bounces, so the rate is at most what is told; few are not told of."""
    paths = [(i, 100.0 if i < 10 else 900.0, 1, True) for i in range(40)]
    found = all_of(columns([], paths))["bounce_rate", None]
    assert (found.value, found.low, found.n) == (0.25, 0.0, 40)
    for few in (4, 36):
        some = [(i, 100.0 if i < few else 900.0, 1, True) for i in range(40)]
        assert all_of(columns([], some))["bounce_rate", None].suppressed


def test_visits_and_visitors() -> None:
    """Sixty devices came in; two of forty made a second path, so visitors are fewer than visits."""
    paths = [(i, 900.0, 1, True) for i in range(40)] + [(0, 900.0, 1, True), (1, 900.0, 1, True)]
    found = all_of(columns([], paths, arrived=60))
    assert found["visits", None].value == 60
    assert found["visits_per_visitor", None].value == pytest.approx(1.05)
    assert found["visits_per_visitor", None].low == 1.0
    assert found["visitors", None].value == 57


def test_counting_people_narrows_who_came() -> None:
    """Where somebody has counted who comes in, the interval is narrower, and phones a person are used."""
    counted = PhonesPerPerson(np.array([0.0, 2.0]), np.diag([0.0, 0.001]), 0.05, 0.0)
    tell = Teller(K, MallPeople.of({ENTERED: counted}))
    known, guessed = (all_of(columns([], arrived=200), tell=t)["visits", None] for t in (tell, TELL))
    assert known.value == 100
    assert guessed.value == 200
    assert (known.high or 0) / (known.low or 1) < (guessed.high or 0) / (guessed.low or 1)


def test_nobody_is_told_as_nobody() -> None:
    """An empty period has zeros, no shares, and an upper limit that tells nothing of hidden zones."""
    found = all_of(columns([]))
    assert (found["visits", None].value, found["visits", None].high) == (0, 3)
    assert found["bounce_rate", None].value is None
    assert found["shop_share", None].value is None
    assert not any(figure.suppressed for figure in found.values())
    assert visits_per_visitor(np.zeros(0, dtype=np.int64)) == exact(1.0)


# The funnel


def test_funnel_counts_who_reached_what() -> None:
    """Of twenty who visited anything, twelve were upstairs; the entrance counts those who passed by, too."""
    visits = [(0, i, 60.0) for i in range(20)] + [(8, i, 60.0) for i in range(12)]
    found = all_of(columns(visits, arrived=30, passed_by=90))
    assert found["floor_share", "floor:F2"].value == 0.6
    assert found["floor_share", "floor:F1"].value == 1.0
    assert found["shop_share", ZONES[8]].value == 0.6
    assert found["near", None].value == 120
    assert found["came_in_share", None].value == 0.25
    assert found["shop_share", None].n == 20


def test_complement_of_a_share_is_hidden() -> None:
    """Eighteen of twenty were in a shop: the share would tell of the two who were not."""
    visits = [(0, i, 60.0) for i in range(20)] + [(8, i, 60.0) for i in range(18)]
    found = all_of(columns(visits))
    assert found["shop_share", ZONES[8]].suppressed
    assert not found["zone_visits", ZONES[8]].suppressed


# Zones


def test_zone_figures() -> None:
    """Visits, visitors, median dwell and exposure of a zone, and its part in those that are shown."""
    visits = (
        [(0, i, 100.0 * (1 + i)) for i in range(9)] + [(0, 0, np.nan)] + [(1, i, 60.0) for i in range(10)]
    )
    found = all_of(columns([*visits, (2, 1, 60.0)], hours={0: 3.0, 1: 1.0, 2: 1.0}))
    zone = ZONES[0]
    assert (found["zone_visits", zone].value, found["zone_visitors", zone].value) == (10, 9)
    assert found["dwell_median", zone].value == 500.0
    assert found["exposure", zone].value == 3.0
    assert (found["visit_share", zone].value, found["exposure_share", zone].value) == (0.5, 0.75)
    hidden = [figure for figure in found.values() if figure.zone == ZONES[2]]
    assert {figure.suppressed for figure in hidden} == {True}


def test_hours_of_a_zone_that_nobody_visited_are_not_told() -> None:
    """They are of people passing, who may be one."""
    found = all_of(columns([], hours={3: 0.2}))["exposure", ZONES[3]]
    assert (found.value, found.suppressed) == (None, False)


def test_few_people_with_many_phones_are_hidden() -> None:
    """Eight devices of four people: nothing is told of the zone, not even how many devices there were."""
    two = PhonesPerPerson(np.array([0.0, 2.0]), np.diag([0.0, 0.001]), 0.05, 0.0)
    tell = Teller(K, MallPeople.of({PRESENT: two}))
    found = all_of(columns([(0, i, 60.0) for i in range(8)], hours={0: 1.0}), tell=tell)
    of_zone = [figure for figure in found.values() if figure.zone == ZONES[0]]
    assert len(of_zone) == 7
    assert all(figure.suppressed and figure.n is None for figure in of_zone)


@st.composite
def periods(draw: st.DrawFn) -> Columns:
    """Any period: some visits, paths, hours, arrivals."""
    device = st.integers(0, 30)
    visits = draw(
        st.lists(st.tuples(st.integers(0, len(ZONES) - 1), device, st.floats(15, 1e4)), max_size=60)
    )
    path = st.tuples(device, st.floats(0, 1e5), st.integers(0, 5), st.booleans())
    hours = draw(st.dictionaries(st.integers(0, len(ZONES) - 1), st.floats(0, 500)))
    numbers = st.integers(0, 200)
    return columns(visits, draw(st.lists(path, max_size=60)), hours, draw(numbers), draw(numbers))


@settings(deadline=None, max_examples=20)
@given(periods())
def test_every_figure_lies_in_its_interval(of: Columns) -> None:
    """Whatever happened, a told value is in its interval, and shares are between nothing and all."""
    for figure in all_of(of).values():
        if figure.value is None:
            assert figure.low is figure.high is None
            continue
        assert figure.low is not None
        assert figure.high is not None
        assert 0.0 <= figure.low <= figure.value <= figure.high
        if BY_ID[figure.id].unit == "share":
            assert figure.high <= 1.0


@settings(deadline=None, max_examples=20)
@given(periods())
def test_no_zone_of_few_is_told(of: Columns) -> None:
    """Of a zone with fewer than k different devices nothing is told: no number, no share, no time."""
    visitors = ZoneCounts.of(of).visitors
    for figure in all_of(of).values():
        if figure.zone in ZONES and 0 < visitors[ZONES.index(figure.zone)] < K:
            assert figure.suppressed
            assert figure.value is figure.low is figure.high is figure.n is None


@settings(deadline=None, max_examples=20)
@given(periods(), periods())
def test_more_never_lowers_counts(one: Columns, other: Columns) -> None:
    """A period with another one added has no fewer visits, visitors and person-hours in any zone."""
    tell = Teller(1)
    before, after = all_of(one, tell=tell), all_of(Columns.joined([one, other], len(ZONES)), tell=tell)
    for key, figure in before.items():
        if key[0] in ("visits", "zone_visits", "zone_visitors", "exposure", "near"):
            assert (after[key].value or 0.0) >= (figure.value or 0.0)


# Tills


def test_conversion_and_spend() -> None:
    """Twenty receipts of fifty visits; a refund lowers the spend, not the receipts."""
    visits = positive(50.0, 0.01)
    sold = Sold(receipts=20, refunds=5, revenue=100_000)
    assert conversion(sold, visits).value == 0.4
    assert log_variance(conversion(sold, visits)) == pytest.approx(0.01)
    assert spend_per_visit(sold, visits, 0.01).value == 20.0
    back = spend_per_visit(replace(sold, revenue=-100_000), visits, 0.01)
    assert back.low < back.value == -20.0 < back.high < 0.0


def test_few_receipts_are_not_told() -> None:
    """Of three receipts, or of one refund beside many, no sum is told; of none there is nothing to hide."""
    for sold in (Sold(3, 0, 900), Sold(0, 2, -900)):
        found = by_id([*selling(sold, "S10", positive(50.0, 0.01), 50, 0.01, TELL)])
        assert all(figure.suppressed for figure in found.values())
    none = by_id([*selling(Sold(), "S10", positive(50.0, 0.01), 50, 0.01, TELL)])
    assert none["conversion", "S10"].value == 0.0
    assert none["receipts", "S10"].value == 0.0


def test_rest_of_a_sum_tells_of_no_shop() -> None:
    """A shop with three receipts is not in the mall's sum; two such shops are, being six together."""
    large, small = Sold(20, 0, 2_000), Sold(3, 0, 100)
    assert whole([large, small, Sold()], TELL) == large
    assert whole([large, small, small], TELL) == Sold(26, 0, 2_200)


def test_sales_per_square_metre() -> None:
    """Revenue over the zone's area, in the currency."""
    (found,) = per_m2({"S10": Sold(20, 0, 600_000)}, {"S10": 300.0}, 0.01, TELL)
    assert found.value == found.low == found.high == 20.0


# Members


def test_returning_members() -> None:
    """Twelve of thirty members had come before; of few, and of all but few, nothing is told."""
    found = by_id([*of_members(MemberVisits(30, 12, [], [], []), 300.0, TELL)])
    assert found["members", None].value == 30
    assert found["returning_share", None].value == 0.4
    for members, before in ((4, 2), (30, 3), (30, 28)):
        some = by_id([*of_members(MemberVisits(members, before, [], [], []), 300.0, TELL)])
        assert some["returning_share", None].suppressed


def test_bounces_of_one_member_are_not_told() -> None:
    """Ten short visits of one member are one member's."""
    visits = [(100.0, 1, "a")] * 10 + [(900.0, 3, f"m{i}") for i in range(20)]
    lengths, zones, member = (list(column) for column in zip(*visits, strict=True))
    found = by_id([*of_members(MemberVisits(21, 0, lengths, zones, member), 300.0, TELL)])
    assert found["members_bounce_rate", None].suppressed
    member[:10] = [f"n{i}" for i in range(10)]
    found = by_id([*of_members(MemberVisits(30, 0, lengths, zones, member), 300.0, TELL)])
    assert found["members_bounce_rate", None].value == pytest.approx(1 / 3)


def test_spend_per_car() -> None:
    """The mean over stays, those without a purchase included; of few buyers nothing is told."""
    amounts = np.array([0.0] * 10 + [10_000.0] * 10)
    (found,) = spent(Spent(amounts, 20, 10), 0.01, TELL)
    assert found.value == 50.0
    assert (found.low or 0.0) < 50.0 < (found.high or 0.0)
    assert next(iter(spent(Spent(amounts, 20, 3), 0.01, TELL))).suppressed
    assert next(iter(spent(Spent(np.zeros(0), 0, 0), 0.01, TELL))).value is None


def test_errors_shrink_with_numbers_to_what_lasts() -> None:
    """What the engine misses evens out, up to what does not."""
    error = estimation.Error(0.2, 4.0)
    assert error.log_variance(1.0) == pytest.approx(4.04)
    assert error.log_variance(1e9) == pytest.approx(0.04)
    assert log(positive(1.0, error.log_variance(1e9)).high) == pytest.approx(0.2 * Z_90)


def test_documentation_repeats_the_definitions() -> None:
    """docs/crm-figures.md says what the code says; `python -m benchmarks.crm_figures` writes it."""
    page = Path(__file__).parents[2] / "docs" / "crm-figures.md"
    assert as_markdown() in page.read_text(encoding="utf-8")
