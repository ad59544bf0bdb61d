"""What the units of an IMDF archive are to a mall (IMDF 1.0.0, categories of "Unit")."""

from collections import defaultdict
from dataclasses import dataclass

from contracts.site import Name, ZoneKind
from gateway.site.imdf_archive import Archive, Feature
from gateway.site.places import Place

CLOSED = frozenset(
    [
        "brick",
        "column",
        "concretearea",
        "driveway",
        "glass",
        "kitchen",
        "mailroom",
        "nonpublic",
        "opentobelow",
        "road",
        "serverroom",
        "storage",
        "structure",
        "vegetation",
        "wood",
    ]
)
"""Nobody walks here, or the public does not."""

_KINDS = {
    "footbridge": (ZoneKind.CORRIDOR, "Footbridge", "天桥"),
    "lobby": (ZoneKind.CORRIDOR, "Lobby", "大厅"),
    "movingwalkway": (ZoneKind.CORRIDOR, "Moving walkway", "自动步道"),
    "platform": (ZoneKind.CORRIDOR, "Platform", "站台"),
    "ramp": (ZoneKind.CORRIDOR, "Ramp", "坡道"),
    "terrace": (ZoneKind.CORRIDOR, "Terrace", "露台"),
    "unenclosedarea": (ZoneKind.CORRIDOR, "Open area", "开放区域"),
    "walkway": (ZoneKind.CORRIDOR, "Corridor", "走廊"),
    "elevator": (ZoneKind.VERTICAL, "Lift", "电梯"),
    "escalator": (ZoneKind.VERTICAL, "Escalator", "扶梯"),
    "stairs": (ZoneKind.VERTICAL, "Stairs", "楼梯"),
    "steps": (ZoneKind.VERTICAL, "Steps", "台阶"),
    "firstaid": (ZoneKind.FACILITY, "First aid", "急救站"),
    "lounge": (ZoneKind.FACILITY, "Lounge", "休息室"),
    "mothersroom": (ZoneKind.FACILITY, "Nursery", "母婴室"),
    "parking": (ZoneKind.FACILITY, "Parking", "停车场"),
    "phoneroom": (ZoneKind.FACILITY, "Phone room", "电话间"),
    "privatelounge": (ZoneKind.FACILITY, "Lounge", "休息室"),
    "restroom": (ZoneKind.FACILITY, "Toilets", "洗手间"),
    "shower": (ZoneKind.FACILITY, "Showers", "淋浴间"),
    "smokingarea": (ZoneKind.FACILITY, "Smoking area", "吸烟区"),
    "waitingroom": (ZoneKind.FACILITY, "Waiting room", "等候室"),
}
"""Any other unit is what its occupant is: a shop."""


@dataclass(frozen=True)
class Contents:
    """Who and what is in the units of an archive, by the id of the unit."""

    occupants: dict[str, list[Feature]]
    amenities: dict[str, list[Feature]]

    @classmethod
    def of(cls, archive: Archive) -> "Contents":
        """Return the occupants by the unit in which their anchor stands, and the amenities."""
        unit_of = {anchor.id: anchor.text("unit_id") for anchor in archive.features("anchor")}
        occupants: dict[str, list[Feature]] = defaultdict(list)
        for occupant in archive.features("occupant"):
            occupants[unit_of.get(occupant.text("anchor_id"), "")].append(occupant)
        amenities: dict[str, list[Feature]] = defaultdict(list)
        for amenity in archive.features("amenity"):
            for unit in amenity.texts("unit_ids"):
                amenities[unit].append(amenity)
        return cls(occupants, amenities)


def is_closed(unit: Feature) -> bool:
    """Tell whether the public does not enter a unit."""
    return unit.text("category") in CLOSED or unit.text("restriction") in ("employeesonly", "restricted")


def place_of(archive: Archive, unit: Feature, contents: Contents) -> Place:
    """Return what a unit is: by its category, such as restroom.female, else by who is in it."""
    category = unit.text("category")
    family = category.partition(".")[0]
    own = archive.name(unit.properties.get("name"))
    if family in _KINDS:
        kind, en, zh = _KINDS[family]
        return Place(own or Name(en=en, zh=zh), kind, "" if kind == ZoneKind.CORRIDOR else family)
    occupants = contents.occupants.get(unit.id, [])
    tenants = [name for occupant in occupants if (name := archive.name(occupant.properties.get("name")))]
    if name := tenants[0] if len(tenants) == 1 else own or _listed(tenants):
        return Place(name, ZoneKind.SHOP, occupants[0].text("category") if occupants else category)
    for amenity in contents.amenities.get(unit.id, []):
        if name := archive.name(amenity.properties.get("name"), amenity.text("category")):
            return Place(name, ZoneKind.FACILITY, amenity.text("category"))
    return Place(Name(en="Vacant unit", zh="空铺"), ZoneKind.FACILITY, "vacant")


def _listed(names: list[Name]) -> Name | None:
    """Return the names of several tenants as one; None of none."""
    if not names:
        return None
    return Name(en=", ".join(name.en for name in names), zh="、".join(name.zh for name in names))
