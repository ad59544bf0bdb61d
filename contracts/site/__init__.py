"""The model of a mall: one YAML file with its floors, zones, nodes, privacy and retention."""

from contracts.site.georeference import Georeference
from contracts.site.model import (
    Floor,
    Mall,
    Name,
    Node,
    Position,
    Privacy,
    Retention,
    Site,
    Tracking,
    VisitRules,
    Zone,
    ZoneKind,
)
from contracts.site.parse import dump_site, parse_site

__all__ = [
    "Floor",
    "Georeference",
    "Mall",
    "Name",
    "Node",
    "Position",
    "Privacy",
    "Retention",
    "Site",
    "Tracking",
    "VisitRules",
    "Zone",
    "ZoneKind",
    "dump_site",
    "parse_site",
]
