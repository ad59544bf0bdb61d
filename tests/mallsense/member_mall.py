"""A small mall with a car park and a CRM, in which a hundred members walk about."""

from typing import Any

from contracts.site import Site

NODES = ((5, 5), (22, 5), (40, 5), (57, 5), (10, 22), (25, 22), (40, 22), (55, 22))


def _area(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": [[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]]}


def member_mall() -> Site:
    """Return the site: an entrance, a hall along four shops, eight nodes, one camera in and one out."""
    trades = ("grocery", "fashion", "cafe", "electronics")
    shops = [
        {
            "id": trade, "name": trade, "kind": "shop", "category": trade,
            "area": _area(15 * n, 10, 15 * n + 15, 28),
        }
        for n, trade in enumerate(trades)
    ]  # fmt: skip
    zones = [
        {"id": "gate", "name": "Gate", "kind": "entrance", "area": _area(0, 0, 6, 10)},
        {"id": "hall", "name": "Hall", "kind": "corridor", "area": _area(6, 0, 60, 10)},
        *shops,
    ]
    nodes: list[dict[str, Any]] = [
        {"id": f"n{number}", "floor": "F1", "x_m": x, "y_m": y} for number, (x, y) in enumerate(NODES)
    ]
    nodes[0]["cameras"] = [
        {"id": way, "lanes": [{"id": "lane", "direction": way, "heading": heading}]}
        for way, heading in (("in", "down"), ("out", "up"))
    ]
    floor = {"id": "F1", "name": "Floor", "level": 1, "outline": _area(0, 0, 60, 28), "zones": zones}
    return Site.model_validate(
        {
            "version": 1,
            "mall": {"id": "small", "name": "Small", "timezone": "Asia/Shanghai", "province": "浙"},
            "georeference": {"lat": 30, "lon": 120},
            "floors": [floor],
            "nodes": nodes,
            "tracking": {"tick_s": 8, "lateness_s": 20, "belief": "normal"},
            "car_park": {
                "areas": [{"id": "P1", "name": "Level", "level": "B1", "capacity": 100}],
                "gates": [{"camera": "in", "area": "P1"}, {"camera": "out", "area": "P1"}],
            },
            "crm": {},
        }
    )
