"""Features, tiers, clusters, rules and descriptions, against answers that are known."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import fisher_exact
from sklearn.metrics import adjusted_rand_score

from gateway.crm.members.assign import fit_assigner
from gateway.crm.members.clusters import clustered, find_clusters
from gateway.crm.members.features import CONDUCT, Features, features_of
from gateway.crm.members.reading import WEEK_MS, Done, Sales, Shops, Stays, Visits
from gateway.crm.members.rules import rules_of
from gateway.crm.members.tiers import TIERS, Cuts, cuts_of, rfm, scores, tiers_of
from gateway.crm.members.words import describe, marks_of
from gateway.figures.period import HOUR_MS

MONDAY = 1_767_542_400_000
"""A midnight in Shanghai."""
SHOPS = Shops(("a", "b", "c"), ("cafe", "fashion"), np.array([0, 1, 1]))


def ints(*values: int) -> np.ndarray:
    """Return a column."""
    return np.array(values, dtype=np.int64)


def done(
    members: int,
    visits: Sequence[tuple[int, float, bool]] = (),
    stays: Sequence[tuple[int, int, float, float]] = (),
    sales: Sequence[tuple[int, int, float, float, float]] = (),
) -> Done:
    """Return two weeks: visits (member, hour, by car), stays (…, shop, hour, s), sales (…, shop, hour, …)."""
    v = np.array(visits, dtype=np.float64).reshape(-1, 3)
    n = np.array(stays, dtype=np.float64).reshape(-1, 4)
    s = np.array(sales, dtype=np.float64).reshape(-1, 5)

    def at(column: np.ndarray) -> np.ndarray:
        return (MONDAY + column * HOUR_MS).astype(np.int64)

    return Done(
        tuple(f"{number:016x}" for number in range(members)), MONDAY, MONDAY + 2 * WEEK_MS,
        ZoneInfo("Asia/Shanghai"), SHOPS, np.full(members, 2.0), np.ones(members, dtype=np.bool_),
        Visits(v[:, 0].astype(np.int64), at(v[:, 1]), at(v[:, 1]) + HOUR_MS, v[:, 2].astype(np.bool_)),
        Stays(n[:, 0].astype(np.int64), n[:, 1].astype(np.int64), at(n[:, 2]), n[:, 3]),
        Sales(s[:, 0].astype(np.int64), s[:, 1].astype(np.int64), at(s[:, 2]), s[:, 3], s[:, 4]),
    )  # fmt: skip


def test_shares_are_drawn_towards_the_mean() -> None:
    """One evening of one visit is no evening person; nothing known is the mean of all."""
    found, _ = features_of(done(3, [(0, 18, True), *((1, 24 * day + 12, False) for day in range(7))]))
    evening, weekend, car = (
        found.values[:, found.names.index(name)] for name in ("evening", "weekend", "car")
    )
    assert evening == pytest.approx([(1 + 4 / 8) / 5, (0 + 4 / 8) / 11, 1 / 8])
    assert weekend == pytest.approx([(0 + 4 * 2 / 8) / 5, (2 + 4 * 2 / 8) / 11, 2 / 8])
    assert car == pytest.approx([(1 + 3 / 8) / 4, (0 + 3 / 8) / 10, 1 / 8])
    assert found.visits.tolist() == [1, 7, 0]


def test_conduct_in_shops_and_at_tills() -> None:
    """Loyalty leaves the first stay out, dwell and amount are by what is usual in the category."""
    stays = [(0, 1, 1, 100.0), (0, 1, 2, 100.0), (0, 1, 3, 100.0), (1, 2, 1, 400.0), (1, 0, 2, 50.0)]
    sales = [(0, 1, 1, 100.0, 0.0), (1, 2, 1, 400.0, 20.0), (1, -1, 2, 7.0, 0.0)]
    found, usual = features_of(done(2, [(0, 1, False), (1, 1, False)], stays, sales))
    column = dict(zip(found.names, found.values.T, strict=True))
    assert column["loyalty"] == pytest.approx([(2 + 3 * 2 / 3) / 5, (0 + 3 * 2 / 3) / 4])
    assert column["discount"] == pytest.approx([(0 + 4 / 3) / 5, (1 + 4 / 3) / 6])
    assert usual.dwell_s == {"cafe": 50.0, "fashion": 100.0}
    assert usual.amount == {"cafe": 100.0, "fashion": 250.0, "": 7.0}
    assert np.square(found.values[:, len(CONDUCT) :]).sum(axis=1) == pytest.approx(1.0)


def test_new_members_are_told_by_what_was_usual() -> None:
    """With what was usual at the fit, a member's features do not depend on who else is there."""
    everybody = done(
        2, [(0, 1, True), (1, 20, False)], [(0, 1, 1, 90.0), (1, 0, 20, 30.0)], [(0, 1, 1, 50.0, 5.0)]
    )
    found, usual = features_of(everybody)
    alone, _ = features_of(done(1, [(0, 1, True)], [(0, 1, 1, 90.0)], [(0, 1, 1, 50.0, 5.0)]), usual)
    assert alone.values[0] == pytest.approx(found.values[0])


def test_nobody_has_no_features() -> None:
    """Without members, and with members who did nothing, there are numbers all the same."""
    assert features_of(done(0))[0].values.shape == (0, len(CONDUCT) + 2)
    assert np.isfinite(features_of(done(3))[0].values).all()


def test_days_count_on_the_clock_of_the_mall() -> None:
    """Two purchases of a day in Shanghai are one day, though they are two in UTC."""
    recency, frequency, spend = rfm(done(2, sales=[(0, 1, 7.5, 100.0, 0), (0, 2, 8.5, 50.0, 0)]))
    assert frequency.tolist() == [1, 0]
    assert spend.tolist() == [150, 0]
    assert recency.tolist() == [pytest.approx(14 - 8.5 / 24), np.inf]


def test_tiers_need_buyers() -> None:
    """Quintiles of few buyers are none; with enough, each score is shared out evenly."""
    assert cuts_of(done(40, sales=[(i, 0, i, i, 0) for i in range(40)])) is None
    many = done(101, sales=[(i, 0, 3 * i, 10.0 + i, 0.0) for i in range(100)])
    cuts = cuts_of(many)
    assert cuts is not None
    assert tiers_of(many, cuts)[-1] == "quiet"
    assert scores(many, cuts)[99] == 15
    assert scores(many, cuts)[0] == 1 + 5 + 1  # everybody bought on one day: nobody more often


SPENT = st.floats(1, 1e6)


@given(st.tuples(SPENT, SPENT), st.tuples(st.integers(1, 80), st.integers(1, 80)))
def test_who_buys_more_is_in_no_lower_tier(spent: tuple[float, float], days: tuple[int, int]) -> None:
    """More spent, or more days with a purchase, never lowers a tier."""
    cuts = Cuts([2.0, 5, 9, 30], [1.0, 4, 9, 20], [1e3, 5e3, 2e4, 9e4])
    less, more = sorted(spent), sorted(days)

    def tier(amount: float, count: int) -> int:
        sales = [(0, 0, 4 * number, amount / count, 0.0) for number in range(count - 1, -1, -1)]
        last = [(0, 0, 335, 0.0, 0.0)]
        found = tiers_of(done(1, sales=sales + last), cuts)[0]
        return [one.id for one in TIERS].index(found)

    assert tier(less[1], days[0]) <= tier(less[0], days[0])
    assert tier(spent[0], more[1]) <= tier(spent[0], more[0])


def test_groups_are_found_and_a_cloud_is_not() -> None:
    """Three groups apart are three clusters; one cloud, however long, is none."""
    rng = np.random.default_rng(3)
    centres = np.array([[0, 0, 0], [6, 0, 0], [0, 6, 0]])
    points = centres[np.arange(150) % 3] + rng.standard_normal((150, 3))
    found = find_clusters(points)
    assert found is not None
    assert len(found.jaccard) == 3
    assert adjusted_rand_score(np.arange(150) % 3, found.label) > 0.95
    assert found.jaccard.min() > 0.95
    assert find_clusters(rng.standard_normal((150, 3)) * [8.0, 1, 1]) is None
    assert find_clusters(points[:60]) is None


def test_members_are_put_to_clusters_or_to_none() -> None:
    """Discriminant analysis gives probabilities; who is between two clusters, or seldom seen, is in none."""
    rng = np.random.default_rng(5)
    names = tuple(one.id for one in CONDUCT)
    values = rng.standard_normal((200, len(names)))
    values[100:, 0] += 8
    features = Features(names, values, np.full(200, 9))
    label = np.repeat([0, 1], 100)
    mean, scale = values.mean(axis=0), values.std(axis=0)
    assigner = fit_assigner(features, mean, scale, label)
    assert (assigner.assign(features)[0] == label).mean() > 0.99
    between = np.zeros((1, len(names)))
    between[0, 0] = 4
    probability = assigner.probabilities(Features(names, between, ints(9)))
    assert probability.sum() == pytest.approx(1)
    seldom = Features(names, values[:2], ints(2, 9))
    assert assigner.assign(seldom)[0].tolist() == [-1, 0]


def test_stability_says_whether_it_comes_out_again() -> None:
    """Two groups split in three come out differently each time."""
    rng = np.random.default_rng(6)
    points = np.repeat([[0.0, 0], [9, 0]], 100, axis=0) + rng.standard_normal((200, 2))
    two, three = (clustered(points, number, np.random.default_rng(1)) for number in (2, 3))
    assert two.stability > 0.99
    assert three.jaccard.min() < 0.8


def test_rules_are_those_that_chance_does_not_explain() -> None:
    """Shops a and b are bought in together; c goes with neither; figures are those of the definition."""
    sales = []
    for member in range(60):
        shops = [0, 1] if member < 30 else [2] if member < 50 else [0, 2] if member < 55 else [1, 2]
        sales += [(member, shop, 10.0, 5.0, 0.0) for shop in shops]
    (rule,) = rules_of(done(60, sales=sales), k=5)
    assert {rule.antecedent, rule.consequent} == {"a", "b"}
    assert (rule.basket, rule.baskets) == ("purchases", 30)
    assert rule.support == pytest.approx(30 / 60)
    assert rule.confidence == pytest.approx(30 / 35)
    assert rule.lift == pytest.approx((30 / 35) / (35 / 60))
    exact = fisher_exact(np.array([[30, 5], [5, 20]]), alternative="greater").pvalue
    assert rule.p == pytest.approx(3 * exact)  # one of three pairs


def test_rules_of_few_members_are_not_told() -> None:
    """Many baskets of two members say nothing of shops, only of these two."""
    sales = [
        (member, shop, 24.0 * day, 5.0, 0.0) for day in range(14) for member in (0, 1) for shop in (0, 1)
    ]
    sales += [(member, 2, 10.0, 5.0, 0.0) for member in range(2, 60)]
    assert rules_of(done(60, sales=sales), k=5) == []


def test_visits_are_baskets_too() -> None:
    """Shops seen in one visit go together, those of two visits do not."""
    visits = [(member, hour, False) for member in range(40) for hour in (10, 34)]
    stays = [
        (member, shop, hour + 0.1, 60.0) for member in range(20) for hour, shop in ((10, 0), (10, 1), (34, 2))
    ]
    stays += [(member, 2, 10.1, 60.0) for member in range(20, 40)]
    (rule,) = rules_of(done(40, visits, stays), k=5)
    assert ({rule.antecedent, rule.consequent}, rule.basket) == ({"a", "b"}, "visits")


def test_clusters_are_named_by_what_marks_them() -> None:
    """Large effects are said with their figures in both languages; what has none is ordinary."""
    rng = np.random.default_rng(8)
    names = (*(one.id for one in CONDUCT), "category:cafe")
    values = 0.01 * rng.standard_normal((300, len(names))) + 0.5
    inside = np.arange(300) < 100
    everybody = np.ones(300, dtype=np.bool_)
    features = Features(names, values, np.full(300, 9))
    assert describe(marks_of(features, inside, everybody)).key == "ordinary"
    values[:100, names.index("discount")] += 0.3
    values[:100, names.index("amount")] -= 0.3
    told = describe(marks_of(features, inside, everybody))
    assert told.key == "price-sensitive"
    assert "often buy at a discount (80 %, others 50 %)" in told.description.en
    assert "多买折扣商品（80 %，其他人 50 %）" in told.description.zh
    values[:100, names.index("discount")] -= 0.3
    told = describe(marks_of(features, inside, everybody))
    assert (told.key, told.name.en, told.name.zh) == ("less-amount", "Small purchases", "单次消费低")
