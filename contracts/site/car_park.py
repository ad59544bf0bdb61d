"""The car park in a site file: its areas, the cameras between them, and what drivers may claim."""

from collections import defaultdict
from typing import Annotated, Self

from pydantic import Field, model_validator

from contracts.site.parts import Id, Name, Part, unique


class CarParkArea(Part):
    """A part of the car park whose free spaces are counted: a level, or a part of one."""

    id: Id
    name: Name
    level: str = ""
    """What the level is called on signs, such as B1; areas of one level are also added up."""
    capacity: Annotated[int, Field(gt=0)]
    """How many spaces there are."""


class Gate(Part):
    """A camera where cars pass into an area or out of it; `in` and `out` are as its lanes say."""

    camera: Id
    area: Id
    """Where cars that drive `in` get to."""
    from_: Annotated[Id | None, Field(alias="from")] = None
    """Where they come from: another area; the street where it is left out."""

    @model_validator(mode="after")
    def _leads_somewhere(self) -> Self:
        if self.from_ == self.area:
            raise ValueError(
                f"the gate of camera {self.camera} leads from {self.area} to {self.area}; expected two areas,"
                " or no `from` where it leads to the street"
            )
        return self


class Voucher(Part):
    """Free parking that drivers may claim, once a stay."""

    id: Id
    name: Name
    free_min: Annotated[int, Field(gt=0)]
    """Minutes that need not be paid."""
    min_stay_min: Annotated[int, Field(ge=0)] = 0
    """Only for cars that have been there for at least so long."""
    members: bool = False
    """Only for members, and for each once a day: the claim has to say whose it is."""


class CarPark(Part):
    """The mall's car park."""

    areas: Annotated[list[CarParkArea], Field(min_length=1)]
    gates: Annotated[list[Gate], Field(min_length=1)]
    empty_at_h: Annotated[int, Field(ge=0, le=23)] | None = None
    """Hour of the mall's day at which the car park is known to be empty, since it is closed and walked
    through; None where cars may stay overnight."""
    vouchers: list[Voucher] = []

    @model_validator(mode="after")
    def _references_hold(self) -> Self:
        areas = unique("area", (area.id for area in self.areas))
        unique("voucher", (voucher.id for voucher in self.vouchers))
        cameras: set[str] = set()
        for gate in self.gates:
            if gate.camera in cameras:
                raise ValueError(
                    f"two gates have the camera {gate.camera}; a camera stands at one gate: the directions of"
                    " its lanes say which way cars pass"
                )
            cameras.add(gate.camera)
            for area in (gate.area, gate.from_):
                if area is not None and area not in areas:
                    raise ValueError(
                        f"the gate of camera {gate.camera} names the area {area!r}; expected one of"
                        f" {sorted(areas)}"
                    )
        if cut_off := areas - self._reached():
            raise ValueError(
                f"no gate leads from the street to {sorted(cut_off)}, directly or through other areas; add"
                " the gate's camera, or leave the area out: cars in it cannot be counted"
            )
        return self

    def _reached(self) -> set[str]:
        """Return the areas that cars can get to from the street."""
        beside: defaultdict[str | None, set[str]] = defaultdict(set)
        for gate in self.gates:
            beside[gate.from_].add(gate.area)
            if gate.from_ is not None:
                beside[gate.area].add(gate.from_)
        reached: set[str] = set()
        waiting = [*beside[None]]
        while waiting:
            area = waiting.pop()
            if area not in reached:
                reached.add(area)
                waiting += beside[area]
        return reached

    @property
    def capacity(self) -> int:
        """How many spaces there are in all areas."""
        return sum(area.capacity for area in self.areas)
