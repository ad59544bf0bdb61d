"""What a check of a site finds."""

from dataclasses import dataclass
from enum import StrEnum

from contracts.site import KeyPath


class Severity(StrEnum):
    """Whether a site can be used as it is."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """Something wrong with a site: where it stands in the file, what it is and what to do."""

    severity: Severity
    path: KeyPath
    what: str
    todo: str
    floor: str | None = None
    at: tuple[float, float] | None = None
    """Place on the floor, where there is one, for the drawing."""
