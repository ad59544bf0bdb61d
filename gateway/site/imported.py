"""What an import gives."""

from dataclasses import dataclass, field

from contracts.site import Site


@dataclass
class Imported:
    """A site, and what a person should know of how it was made."""

    site: Site
    notes: list[str] = field(default_factory=list)
