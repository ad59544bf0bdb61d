"""The parts of the car park that compute: readings, lengths of stays, hidden cars, rates, the forecast."""

from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.plates import Direction, PlateChange
from edge_agent.sources.protocol import PlateSighting
from gateway.limits import OF_ONE, WITHIN_S, Limit
from gateway.parking.forecast import MINUTES, Flow, forecast, reaches
from gateway.parking.hidden import Hidden
from gateway.parking.lengths import MINUTE_MS, Lengths
from gateway.parking.pairing import MOST_WAITING, Candidates, settle
from gateway.parking.passages import Passage
from gateway.parking.rates import QUARTER_MS, Rates
from gateway.parking.reading import Reading, likelihood_ratio
from tests.gateway.parked import HASHES, START_MS

HOUR_MS = 3_600_000


def reading(plate: str, confidence: float = 0.99, *, other: str = "", t_ms: int = START_MS) -> Reading:
    """Return what was read of a plate."""
    candidates: tuple[tuple[str, float], ...] = ((plate, confidence),)
    if other:
        candidates += ((other, 1 - confidence),)
    sighting = PlateSighting("0" * 16, PlateChange.END, t_ms, "car-in", Direction.IN, candidates)
    return Reading.of(HASHES.read(sighting))


def test_readings_of_one_car_are_likelier_the_more_they_share() -> None:
    """The same plate speaks most for one car, then an alternative, then one character, and none for two."""
    entry = reading("浙A12345")
    ratios = [
        likelihood_ratio(entry, later)
        for later in (
            reading("浙A12345"),
            reading("浙B99999", 0.7, other="浙A12345"),
            reading("浙A1234S", 0.7),
            reading("浙B99999", 0.7),
        )
    ]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] > 100_000
    assert ratios[2] > 1_000
    assert ratios[3] < 0.2


def test_the_next_day_is_linked_and_the_one_after_is_not() -> None:
    """The salt of the day before is known all day; two nights later nothing tells that it is the same car."""
    entry, day_ms = reading("浙A12345"), 24 * HOUR_MS
    assert likelihood_ratio(entry, reading("浙A12345", t_ms=START_MS + day_ms)) > 100_000
    assert likelihood_ratio(entry, reading("浙A1234S", 0.7, t_ms=START_MS + day_ms)) > 1_000
    assert likelihood_ratio(entry, reading("浙A12345", t_ms=START_MS + 2 * day_ms)) < 0.1
    assert likelihood_ratio(entry.to_keep(), reading("浙A12345", t_ms=START_MS - day_ms)) < 0.1


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 12_000), max_size=200))
def test_the_life_table_only_falls(lengths_min: list[int]) -> None:
    """Whatever stays it has learnt from, shares lie between 0 and 1 and none grows with age."""
    table = Lengths()
    for length in lengths_min:
        table.learn(length * MINUTE_MS)
    table.renew(np.array([0.0, 90.0 * MINUTE_MS]), np.array([1.0, 0.4]))
    ages = np.linspace(0, 12_000, 500) * MINUTE_MS
    for shares in (table.beyond(ages), table.residual(ages)):
        assert shares[0] == 1.0
        assert (np.diff(shares) <= 1e-12).all()
        assert (shares >= 0).all()


def test_the_life_table_learns_how_long_cars_stay() -> None:
    """Of 2,000 stays around half an hour and 2,000 around five hours, half are longer than two hours."""
    table, draw = Lengths(), np.random.default_rng(1)
    for middle in (30.0, 300.0):
        for length in draw.normal(middle, middle / 10, 2_000):
            table.learn(round(length * MINUTE_MS))
    table.renew(np.zeros(0), np.zeros(0))
    short, long = table.beyond(np.array([120.0, 400.0]) * MINUTE_MS)
    assert short == pytest.approx(0.5, abs=0.02)
    assert long < 0.03


def test_cars_from_before_the_start_show_themselves() -> None:
    """Forty cars leave without an entry in an hour: there were more. Nobody does: hardly any were there."""
    lengths = Lengths()
    many, none = Hidden(500), Hidden(500)
    for hidden in (many, none):
        hidden.begin(START_MS)
    for minute in range(40):
        many.exit(START_MS + minute * 90_000, 1.0, lengths, 0.02, 0.02)
    later = START_MS + HOUR_MS
    (some, _), (few, _) = (each.expected(later, lengths, 0.02, 0.02) for each in (many, none))
    assert 40 < some < 120
    assert few < 10


def test_no_more_cars_are_left_from_the_start_than_had_room() -> None:
    """Seven exits in a minute and a half, of twenty spaces: thirteen may be left, not eighty."""
    lengths, hidden = Lengths(), Hidden(20)
    hidden.begin(START_MS)
    for second in range(0, 84, 12):
        hidden.exit(START_MS + second * 1000, 1.0, lengths, 0.02, 0.02)
    mean, _ = hidden.expected(START_MS + 90_000, lengths, 0.02, 0.02)
    assert 5 < mean <= 13


def test_an_exit_is_held_while_two_cars_may_be_meant() -> None:
    """Two cars are equally likely: it waits; after five minutes it is nobody's."""
    passage = Passage(START_MS, "car-out", "0" * 16, 0, -1, reading("浙A12345"))
    even = Candidates({"one": 50.0, "two": 50.0}, 0.01, 0.01)
    assert settle([(passage, even)], START_MS) == []
    (settled,) = settle(
        [(passage, Candidates({"one": 40.0, "two": 50.0, "three": 45.0}, 0.01, 0.01))], START_MS + 300_000
    )
    assert settled.stay is None
    (sure,) = settle([(passage, Candidates({"one": 50.0, "two": 0.1}, 0.01, 0.01))], START_MS)
    assert (sure.stay, sure.certainty > 0.99) == ("one", True)


def test_two_exits_do_not_end_one_stay() -> None:
    """The likeliest assignment of both together is found, not the likeliest car of each."""
    first = Passage(START_MS, "car-out", "1" * 16, 0, -1, reading("浙A12345"))
    second = Passage(START_MS + 1, "car-out", "2" * 16, 0, -1, reading("浙A12346"))
    exits = [
        (first, Candidates({"a": 60.0, "b": 50.0}, 0.0, 0.001)),
        (second, Candidates({"a": 90.0}, 0.0, 0.001)),
    ]
    assert {one.stay for one in settle(exits, START_MS + 1)} == {"a", "b"}


def test_no_more_than_some_exits_wait() -> None:
    """Of many that are unsure the first ones are settled as they are: the others wait on."""
    even = Candidates({"one": 50.0, "two": 50.0}, 1.0, 1.0)
    exits = [
        (Passage(START_MS + i, "car-out", f"{i:016x}", 0, -1, reading("浙A12345")), even)
        for i in range(MOST_WAITING + 3)
    ]
    settled = settle(exits, START_MS + 100)
    assert [one.passage for one in settled if one.certainty < 0.95] == [passage for passage, _ in exits[:3]]
    assert settle(exits[3:], START_MS + 100) == []


def test_the_forecast_is_that_of_many_drawn_walks() -> None:
    """How often a random walk reaches a bound within a time is what the formula says, to two percent."""
    draw = np.random.default_rng(2)
    steps = draw.normal(20 / 600, np.sqrt(60 / 600), (20_000, 600)).cumsum(axis=1)
    for room in (5.0, 15.0, 25.0):
        drawn = float((steps.max(axis=1) >= room).mean())
        assert reaches(room, Flow(20.0, 60.0), 0.0) == pytest.approx(drawn, abs=0.02)


@given(st.floats(-50, 500), st.floats(0, 100), st.floats(-300, 300), st.floats(0, 400))
def test_a_forecast_is_a_probability_that_grows_with_time(
    room: float, variance: float, drift: float, spread: float
) -> None:
    """Whatever comes: between 0 and 1, an hour at least as likely as half of it, full now is full."""
    found = forecast(room, variance, {m: Flow(drift * m / 60, spread * m / 60) for m in MINUTES})
    assert 0 <= found.within_30 <= found.within_60 <= 1
    if room <= 0:
        assert (found.within_30, found.minutes) == (1.0, 0)


def test_arrivals_are_those_of_the_hour_and_weekday() -> None:
    """After three weeks with a rush at noon it is expected, and more of it on a day that is busier so far."""
    rates, day_ms = Rates(ZoneInfo("Asia/Shanghai")), 24 * HOUR_MS
    for day in range(21):
        for quarter in range(96):
            t_ms = START_MS + day * day_ms + quarter * QUARTER_MS
            rates.pass_time(t_ms)
            for _ in range(30 if 16 <= quarter < 20 else 4):
                rates.entered()
    now_ms = START_MS + 21 * day_ms
    for quarter in range(12):
        rates.pass_time(now_ms + quarter * QUARTER_MS)
        for _ in range(8):
            rates.entered()
    rates.pass_time(now_ms + 12 * QUARTER_MS)
    quiet, _ = rates.expected(now_ms + 12 * QUARTER_MS, 60)
    rush, variance = rates.expected(now_ms + 12 * QUARTER_MS, 120)
    assert 20 < quiet < 33  # 16 as usual, twice as many so far today, and the usual weighs something, too
    assert rush - quiet > 150
    assert variance > rush
    assert rates.expected(now_ms + 12 * QUARTER_MS, 30)[0] < quiet


def test_wrong_guesses_make_one_wait() -> None:
    """After twenty the address has to wait until a minute has passed since the first; others need not."""
    limit = Limit()
    for number in range(OF_ONE):
        assert limit.wait_s("a", number) == 0
        limit.wrong("a", float(number))
    assert limit.wait_s("a", 20.0) == pytest.approx(WITHIN_S - 20)
    assert limit.wait_s("b", 20.0) == 0
    assert limit.wait_s("a", WITHIN_S + 1) == 0
