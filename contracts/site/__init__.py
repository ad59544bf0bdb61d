"""The model of a mall: one YAML file with its floors, zones, nodes, privacy and retention."""

from contracts.site.car_park import CarPark, CarParkArea, Gate, Voucher
from contracts.site.crm import Crm
from contracts.site.georeference import Georeference
from contracts.site.model import (
    Area,
    Belief,
    Broker,
    Floor,
    GuestNetwork,
    Mall,
    MultiPolygon,
    Node,
    Polygon,
    Position,
    Privacy,
    Retention,
    Site,
    Tracking,
    VisitRules,
    Wifi,
    Zone,
    ZoneKind,
)
from contracts.site.parse import dump_site, parse_site, site_of
from contracts.site.parts import Name
from contracts.site.source_map import KeyPath, SourceMap

__all__ = [
    "Area",
    "Belief",
    "Broker",
    "CarPark",
    "CarParkArea",
    "Crm",
    "Floor",
    "Gate",
    "Georeference",
    "GuestNetwork",
    "KeyPath",
    "Mall",
    "MultiPolygon",
    "Name",
    "Node",
    "Polygon",
    "Position",
    "Privacy",
    "Retention",
    "Site",
    "SourceMap",
    "Tracking",
    "VisitRules",
    "Voucher",
    "Wifi",
    "Zone",
    "ZoneKind",
    "dump_site",
    "parse_site",
    "site_of",
]
