"""Two small malls with everything that dashboards may show: two floors, capacities, a car park."""

from pathlib import Path
from typing import Any

import yaml

from contracts.site import Site

_EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "small-mall.yaml"


def _written(mall: str, en: str, zh: str) -> dict[str, Any]:
    site: dict[str, Any] = yaml.safe_load(_EXAMPLE.read_text(encoding="utf-8"))
    site["mall"] = {"id": mall, "name": {"en": en, "zh": zh}, "timezone": "Asia/Shanghai"}
    ground = site["floors"][0]
    ground["zones"][0]["capacity"] = 20
    outline = [[0, 0], [60, 0], [60, 40], [0, 40], [0, 0]]
    area = [[0, 0], [30, 0], [30, 40], [0, 40], [0, 0]]
    cinema = {
        "id": "cinema",
        "name": {"en": "Cinema, big", "zh": "影城"},
        "kind": "shop",
        "capacity": 300,
        "area": {"type": "Polygon", "coordinates": [area]},
    }
    site["floors"].append(
        {
            "id": "F2",
            "name": {"en": "Upper floor", "zh": "二层"},
            "level": 2,
            "outline": {"type": "Polygon", "coordinates": [outline]},
            "zones": [cinema],
        }
    )
    camera = {"id": "gate", "lanes": [{"id": "in", "direction": "in"}]}
    site["nodes"][0]["cameras"] = [camera]
    site["car_park"] = {
        "areas": [
            {"id": "B1", "name": {"en": "Level B1", "zh": "地下一层"}, "capacity": 120},
            {"id": "B2", "name": {"en": "Level B2", "zh": "地下二层"}, "capacity": 80},
        ],
        "gates": [{"camera": "gate", "area": "B1"}, {"camera": "ramp", "area": "B2", "from": "B1"}],
    }
    site["nodes"][1]["cameras"] = [{"id": "ramp", "lanes": [{"id": "in", "direction": "in"}]}]
    return site


def riverside() -> Site:
    """A mall with two floors and a car park."""
    return Site.model_validate(_written("riverside", "Riverside", "河畔广场"))


def hillside() -> Site:
    """Another of the same group."""
    return Site.model_validate(_written("hillside", "Hillside", "山坡广场"))
