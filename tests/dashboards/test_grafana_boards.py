"""How dashboards are laid out, and that both languages say the same."""

import itertools
import re
from typing import Any

import pytest

from contracts.site import Site
from dashboards.grafana.catalogue import Wanted, dashboards
from dashboards.grafana.sources import Kind
from tests.dashboards.grafana.malls import hillside, riverside

GATEWAYS = {mall: f"https://{mall}.example" for mall in ("riverside", "hillside")}
HAN = re.compile("[一-鿿]")


def boards(kind: Kind, language: Any, *sites: Site) -> list[dict[str, Any]]:
    """All dashboards of these malls, by default of two, in one language."""
    wanted = Wanted(list(sites) or [riverside(), hillside()], kind, language, GATEWAYS)
    return list(dashboards(wanted, language))


@pytest.mark.parametrize("kind", list(Kind))
def test_panels_lie_beside_each_other(kind: Kind) -> None:
    """No two panels overlap, none sticks out, and rows leave no hole."""
    for board in boards(kind, "en"):
        covered: set[tuple[int, int]] = set()
        for panel in board["panels"]:
            grid = panel["gridPos"]
            cells = set(
                itertools.product(
                    range(grid["x"], grid["x"] + grid["w"]), range(grid["y"], grid["y"] + grid["h"])
                )
            )
            assert not cells & covered, panel["title"]
            assert grid["x"] + grid["w"] <= 24
            covered |= cells
        bottom = max(y for _, y in covered)
        assert len(covered) == 24 * (bottom + 1), f"{board['title']} has a hole"
        assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize("kind", list(Kind))
def test_ids_fit_and_are_unlike(kind: Kind) -> None:
    """Grafana takes ids of at most 40 characters; each dashboard has one of its own in each language."""
    ids = [board["uid"] for language in ("en", "zh") for board in boards(kind, language)]
    assert len(set(ids)) == len(ids)
    assert max(map(len, ids)) <= 40


def test_both_languages_show_the_same() -> None:
    """Nothing but texts differs: the same panels, queries and places."""

    def skeleton(part: Any) -> Any:
        if isinstance(part, dict):
            words = {"title", "description", "text", "noValue", "displayName", "label", "display", "tooltip"}
            return {key: skeleton(value) for key, value in part.items() if key not in words}
        if isinstance(part, list):
            return [skeleton(each) for each in part]
        if isinstance(part, str) and not re.match(r"SELECT|SHOW|/\\w|\\$", part):
            return ""
        return re.sub(r"_(en|zh)\b", "", part) if isinstance(part, str) else part

    for english, chinese in zip(boards(Kind.INFLUXQL, "en"), boards(Kind.INFLUXQL, "zh"), strict=True):
        assert len(english["panels"]) == len(chinese["panels"])
        assert skeleton(english["panels"]) == skeleton(chinese["panels"])


@pytest.mark.parametrize("kind", list(Kind))
def test_every_panel_says_what_it_means(kind: Kind) -> None:
    """A title, a description, a text for no data: Chinese on the Chinese dashboards, none on the English."""
    for language in ("en", "zh"):
        for board in boards(kind, language):
            for panel in board["panels"]:
                texts = [panel["title"], panel["description"], panel["fieldConfig"]["defaults"]["noValue"]]
                for text in texts:
                    assert text
                    chinese = bool(HAN.search(text)) or text == "·"
                    assert chinese == (language == "zh") or text == "·", text


def test_a_mall_without_a_car_park_has_no_dashboard_of_one() -> None:
    """Neither the dashboard nor the tile; the other tiles fill the row."""
    site = riverside().model_copy(update={"car_park": None})
    made = boards(Kind.INFLUXQL, "en", site)
    assert not [board for board in made if "cars" in board["uid"]]
    assert not [panel for panel in made[0]["panels"] if "parking" in panel["title"].lower()]
    assert sum(panel["gridPos"]["w"] for panel in made[0]["panels"] if panel["gridPos"]["y"] == 0) == 24


def test_the_map_shows_the_whole_floor() -> None:
    """The middle of the outline is the middle of the map, and all of it fits in."""
    site = riverside()
    for panel in boards(Kind.INFINITY, "en", site)[0]["panels"]:
        if panel["type"] != "geomap":
            continue
        view = panel["options"]["view"]
        x, y = site.georeference.to_plan(view["lat"], view["lon"])
        assert abs(x - 30) < 1
        assert abs(y - 20) < 1
        sources = [layer["config"]["src"] for layer in panel["options"]["layers"] if "src" in layer["config"]]
        assert sources[0].startswith("https://riverside.example/api/v1/plan/floors/F")
