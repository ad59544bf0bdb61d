"""Every query of every panel, variable, annotation and rule, asked of a real InfluxDB that holds figures."""

import copy
import math
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboards.grafana.catalogue import alert_rules, dashboards
from tests.dashboards.grafana import figures, grafana_server, influx_data
from tests.dashboards.grafana.grafana_server import Frame, Range
from tests.influx import Influxd

MALLS = influx_data.MALLS
WANTED = influx_data.WANTED
COMPUTED = {"share", "source\\target"}
"""Fields that transformations add."""


def check_panel(influx: Influxd, board: dict[str, Any], panel: dict[str, Any]) -> None:
    """Check that the answers have the form that the panel shows."""
    over = grafana_server.range_of(board, panel, figures.NOW)
    for target in panel["targets"]:
        found = influx_data.asked(influx, target, board, over)
        where = f"{board['title']}: {panel['title']}: {target['query']}"
        assert found, f"no rows: {where}"
        _CHECKS[panel["type"]](panel, found, where)
        _check_overrides(panel, target, found, where)


def _numbers(frame: Frame) -> dict[str, list[float]]:
    """Give the fields that hold numbers, without the time."""
    numbers = {}
    for name, values in frame.fields.items():
        known = [value for value in values if value is not None]
        if name != "Time" and known and all(type(value) in (int, float) for value in known):
            numbers[name] = known
    return numbers


def _check_series(panel: dict[str, Any], found: list[Frame], where: str) -> None:
    for frame in found:
        assert frame.fields["Time"] == sorted(frame.fields["Time"]), where
        assert _numbers(frame), f"{frame.name} has no number: {where}"


def _check_number(panel: dict[str, Any], found: list[Frame], where: str) -> None:
    assert len(found) == 1, where
    assert _numbers(found[0]), where
    rows = panel["options"]["reduceOptions"]["values"]
    assert not rows or any(type(value) is str for values in found[0].fields.values() for value in values), (
        where
    )


def _check_bars(panel: dict[str, Any], found: list[Frame], where: str) -> None:
    texts = [name for name, values in found[0].fields.items() if all(type(value) is str for value in values)]
    assert len(texts) == 1, f"bars have one name each: {where}"
    assert len(_numbers(found[0])) == 1, where


def _check_table(panel: dict[str, Any], found: list[Frame], where: str) -> None:
    for name, values in found[0].fields.items():
        assert any(value is not None for value in values), f"{name} is empty: {where}"


def _check_map(panel: dict[str, Any], found: list[Frame], where: str) -> None:
    fields = found[0].fields
    heat = next(layer for layer in panel["options"]["layers"] if layer["type"] == "heatmap")
    at = [fields[heat["location"][axis]] for axis in ("latitude", "longitude")]
    view = panel["options"]["view"]
    for lat, lon in zip(*at, strict=True):
        assert abs(lat - view["lat"]) < 0.001, where
        assert abs(lon - view["lon"]) < 0.001, where
    assert all(value >= 0 for value in fields[heat["config"]["weight"]["field"]]), where


_CHECKS = {
    "timeseries": _check_series,
    "state-timeline": _check_series,
    "stat": _check_number,
    "barchart": _check_bars,
    "table": _check_table,
    "geomap": _check_map,
}


def _check_overrides(panel: dict[str, Any], target: dict[str, Any], found: list[Frame], where: str) -> None:
    """Check that names in the panel's settings are those of the answer."""
    named = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
    if target["resultFormat"] == "time_series":
        got = {frame.name for frame in found}
    else:
        got = {name for frame in found for name in frame.fields if name != "Time"}
    if any(change["id"] == "groupingToMatrix" for change in panel.get("transformations", [])):
        got |= set(found[0].fields["target"])
    by_tag = target.get("alias", "").startswith("$tag_")
    nodes = by_tag and "node" in target["alias"]  # have no other name
    assert got <= named or nodes or panel["type"] == "geomap", f"{got - named} have no name: {where}"
    assert by_tag or named - COMPUTED <= got | set(_zones(panel)), f"{named - got} are not there: {where}"


def _zones(panel: dict[str, Any]) -> Iterator[str]:
    for mapping in panel["fieldConfig"]["defaults"].get("mappings", []):
        yield from mapping["options"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_panel_gets_what_it_shows(influx: Influxd, language: Any) -> None:
    """Each query gives rows, with the fields that the panel's settings name, in the form that it needs."""
    boards = list(dashboards(WANTED, language))
    for board in boards:
        for panel in board["panels"]:
            check_panel(influx, board, panel)
    assert sum(len(board["panels"]) for board in boards) > 50


def test_days_and_weeks_begin_at_the_malls_midnight(influx: Influxd) -> None:
    """Bars of a day begin at midnight in Shanghai, those of a week on Monday."""
    board = next(each for each in dashboards(WANTED, "en") if each["uid"].endswith("footfall-en"))
    (period,) = [each for each in board["templating"]["list"] if each["name"] == "period"]
    assert [option["value"] for option in period["options"]] == ["1h", "1d", "7d,4d"]
    assert period["query"].endswith("Week : 7d\\,4d")
    over = Range(figures.NOW - timedelta(days=25), figures.NOW)
    for chosen, weekdays in (("1d", set(range(7))), ("7d,4d", {0})):
        period["current"]["value"] = chosen
        (frame,) = influx_data.asked(influx, board["panels"][0]["targets"][0], board, over)
        times = [datetime.fromtimestamp(ms / 1_000, ZoneInfo("Asia/Shanghai")) for ms in frame.fields["Time"]]
        assert {(time.hour, time.minute) for time in times} == {(0, 0)}
        assert {time.weekday() for time in times} == weekdays


def test_promotions_and_malls_are_found(influx: Influxd) -> None:
    """Annotations give a time, an end and a text; the variable of malls gives their ids."""
    seen = 0
    for board in dashboards(WANTED, "zh"):
        for annotation in board["annotations"]["list"]:
            target = annotation["target"]
            # It began before these two hours, and was on in them.
            over = Range(figures.NOW - timedelta(hours=2), figures.NOW)
            (frame,) = influx_data.asked(influx, target, board, over)
            assert frame.fields[target["textColumn"]] == ["半价"]
            assert frame.fields[target["timeEndColumn"]][0] > frame.fields["Time"][0]
            assert frame.fields[target["tagsColumn"]] == ["books"]
            seen += 1
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                (series,) = grafana_server.ask(
                    influx_data.url_of(influx), influx_data.FIGURES, variable["query"]
                )
                assert [value for _, value in series["values"]] == MALLS
                seen += 1
    assert seen >= 9


def live_board() -> dict[str, Any]:
    """One dashboard, to break."""
    return copy.deepcopy(list(dashboards(WANTED, "en"))[1])


@pytest.mark.parametrize(
    ("good", "broken"),
    [
        ('last("people")', 'last("peeple")'),
        ('"occupancy"', '"ocupancy"'),
        ("'mall'", "'maal'"),
        ("SELECT", "SELCT"),
        ("$timeFilter", "$timefilter"),
        ("'${mall}'", "'${moll}'"),
    ],
)
def test_a_broken_query_is_found(influx: Influxd, good: str, broken: str) -> None:
    """A wrong field, table, value, word, macro or variable fails the check."""
    board = live_board()
    panel = board["panels"][0]
    check_panel(influx, board, panel)
    query = panel["targets"][0]["query"]
    assert good in query
    panel["targets"][0]["query"] = query.replace(good, broken)
    with pytest.raises((AssertionError, OSError)):
        check_panel(influx, board, panel)


def test_a_name_that_no_field_has_is_found(influx: Influxd) -> None:
    """Settings of a field that the query does not give fail the check."""
    board = live_board()
    board["panels"][0]["fieldConfig"]["overrides"][0]["matcher"]["options"] = "persons"
    with pytest.raises(AssertionError, match="persons"):
        check_panel(influx, board, board["panels"][0])


# Rules


def fired(influx: Influxd, rule: dict[str, Any], now: Any) -> set[str]:
    """Evaluate a rule as Grafana does; give the labels of the series that fire."""
    values: dict[str, dict[str, float]] = {}
    raw: dict[str, dict[str, list[float]]] = {}
    for step in rule["data"]:
        model, ref = step["model"], step["refId"]
        if "query" in model:
            back = step["relativeTimeRange"]
            over = Range(now - timedelta(seconds=back["from"]), now - timedelta(seconds=back["to"]))
            query = grafana_server.influxql(model["query"], {}, over)
            answer = grafana_server.ask(influx_data.url_of(influx), influx_data.FIGURES, query)
            raw[ref] = {
                ",".join(frame.labels.values()): [v for v in frame.fields["Value"] if v is not None]
                for frame in grafana_server.frames(model, answer)
            }
        elif model["type"] == "reduce":
            values[ref] = {
                labels: numbers[-1] if model["reducer"] == "last" else sum(numbers) / len(numbers)
                for labels, numbers in raw[model["expression"]].items()
                if numbers
            }
        else:
            values[ref] = _math(model["expression"], values)
    return {labels for labels, value in values[rule["condition"]].items() if value}


def _math(expression: str, values: dict[str, dict[str, float]]) -> dict[str, float]:
    """Compute an expression for every label that all its terms have."""
    terms = re.findall(r"\$\{(\w+)\}", expression)
    common = set.intersection(*(set(values[term]) for term in terms))
    python = re.sub(r"\$\{(\w+)\}", r"\1", expression).replace("&&", "and")
    given: dict[str, Any] = {"is_number": lambda value: not math.isnan(value), "abs": abs}
    return {
        labels: float(eval(python, dict(given), {term: values[term][labels] for term in terms}))
        for labels in common
    }


def the_rule(name: str) -> dict[str, Any]:
    """One rule of the first mall."""
    return next(rule for rule in alert_rules(WANTED) if rule["uid"] == f"ms-riverside-{name}")


def test_zones_over_their_capacity_fire(influx: Influxd) -> None:
    """More people than a zone holds fire, fewer do not; nor does a zone without a capacity."""
    assert fired(influx, the_rule("capacity"), figures.NOW) == set()
    crowd = [
        figures.Point(
            "long",
            "occupancy",
            {"floor": "F1", "zone": zone, "kind": "zone"},
            "people=75i,capacity=60i" if zone == "books" else "people=75i",
            figures.NOW + timedelta(hours=1, minutes=minute),
        )
        for zone in ("books", "shoes")
        for minute in range(5)
    ]
    influx_data.write(influx, "riverside", crowd)
    assert fired(influx, the_rule("capacity"), figures.NOW + timedelta(hours=1, minutes=5)) == {"books"}


def test_a_silent_node_fires(influx: Influxd) -> None:
    """The node that is silent fires, the others do not."""
    assert fired(influx, the_rule("silent"), figures.NOW) == {figures.SILENT_NODE}


def test_footfall_is_compared_with_the_same_hour_of_earlier_weeks(influx: Influxd) -> None:
    """As in earlier weeks: does not fire, however different from other hours; half or double does."""
    rule = the_rule("unusual")
    assert fired(influx, rule, figures.NOW) == set()
    hour = figures.NOW.replace(minute=0, second=0)
    late = hour + timedelta(hours=1, minutes=20)
    usual = figures.arrivals_at(hour)
    for arrivals, fires in ((usual, set()), (usual // 2, {""}), (usual * 2, {""}), (usual - 10, set())):
        influx_data.write(influx, "riverside", [figures.footfall_point(hour, arrivals)])
        # The same hour, an hour later: four weeks before are there.
        assert fired(influx, rule, late) == fires, arrivals


def test_stale_data_fires(influx: Influxd) -> None:
    """Data that is two minutes late fires, and so does none at all."""
    rule = the_rule("stale")
    assert fired(influx, rule, figures.NOW) == set()
    assert rule["noDataState"] == "Alerting"
    late = figures.NOW + timedelta(hours=2)
    influx_data.write(influx, "riverside", [figures.Point("live", "freshness", {}, "behind_s=300.0", late)])
    assert fired(influx, rule, late + timedelta(seconds=30)) == {""}


def test_rules_lead_to_panels_that_are_there() -> None:
    """Each rule names a dashboard and a panel of it, and says in both languages what to do."""
    boards = {board["uid"]: board for board in dashboards(WANTED, "en")}
    rules = list(alert_rules(WANTED))
    assert len({rule["uid"] for rule in rules}) == len(rules) == 8
    for rule in rules:
        words: Any = rule["annotations"]
        panels: Any = boards[words["__dashboardUid__"]]["panels"]
        assert words["__panelId__"] in {str(panel["id"]) for panel in panels}
        assert re.search("[一-鿿]", words["description"])
        assert re.search("[a-z]{3}", words["description"])
