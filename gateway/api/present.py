"""What is true now: the plan of the mall, its nodes, the gateway's health."""

from fastapi import APIRouter
from shapely.geometry import MultiPolygon, Polygon

from contracts.site import Site, Zone
from contracts.site.model import Area
from gateway.advice import advice
from gateway.api import schemas
from gateway.api.context import Here
from gateway.nodes import NodeReport
from gateway.people import ENTERED, PRESENT, MallPeople

router = APIRouter(tags=["present"])


@router.get("/site")
def site(here: Here) -> schemas.SitePlan:
    """Give the mall as a map shows it."""
    return plan(here.site, here.people)


@router.get("/nodes")
def nodes(here: Here) -> list[schemas.NodeAnswer]:
    """Give every node: how it is, and what to do about it."""
    return [_node(report) for report in here.nodes.reports(here.now_ms())]


@router.get("/health")
def health(here: Here) -> schemas.HealthAnswer:
    """Give the gateway's own health."""
    return here.health()


def plan(site: Site, people: MallPeople) -> schemas.SitePlan:
    """Return the parts of a site file that a map needs."""
    mall = site.mall
    return schemas.SitePlan(
        mall=schemas.MallPlan(id=mall.id, name=mall.name, timezone=mall.timezone),
        k=site.privacy.k,
        people=schemas.PeoplePlan(
            calibrated=PRESENT in people.calibrated,
            arrivals_calibrated=ENTERED in people.calibrated,
            note=people.note,
        ),
        floors=[
            schemas.FloorPlan(
                id=floor.id,
                name=floor.name,
                level=floor.level,
                elevation_m=floor.elevation_m,
                bounds=_shape(floor.outline).bounds,
                outline=floor.outline,
                zones=[_zone(zone) for zone in floor.zones],
            )
            for floor in site.floors
        ],
        nodes=[
            schemas.NodePlace(id=n.id, floor=n.floor, x_m=n.x_m, y_m=n.y_m, z_m=n.z_m) for n in site.nodes
        ],
        car_park=[
            schemas.AreaPlan(id=area.id, name=area.name, level=area.level, capacity=area.capacity)
            for area in site.car_park.areas
        ]
        if site.car_park is not None
        else None,
        crm=schemas.CrmPlan(currency=site.crm.currency) if site.crm is not None else None,
    )


def _zone(zone: Zone) -> schemas.ZonePlan:
    label = _shape(zone.area).representative_point()
    return schemas.ZonePlan(
        id=zone.id,
        name=zone.name,
        kind=zone.kind,
        category=zone.category,
        capacity=zone.capacity,
        area=zone.area,
        label=(round(label.x, 2), round(label.y, 2)),
    )


def _shape(area: Area) -> MultiPolygon:
    return MultiPolygon([Polygon(outer, holes) for outer, *holes in area.polygons])


def _node(report: NodeReport) -> schemas.NodeAnswer:
    own = report.health
    return schemas.NodeAnswer(
        id=report.node,
        floor=report.floor,
        state=report.state.value,
        last_ms=report.last_ms,
        lag_ms=report.lag_ms,
        observations_per_min=report.observations_per_min,
        spooled=own.spooled if own else None,
        dropped=own.dropped if own else None,
        temperature_c=own.temperature_c if own else None,
        clock_offset_ms=own.clock_offset_ms if own else None,
        configuration=own.configuration if own else None,
        software=own.versions.get("mallsense") if own else None,
        advice=advice(report),
    )
