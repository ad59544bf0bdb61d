"""Whether pictures are kept for diagnosis, as the command line says."""

import re
from dataclasses import dataclass
from pathlib import Path

from contracts.errors import ConfigurationError

LONGEST_MIN = 24 * 60
_UNITS_MIN = {"m": 1, "h": 60}


@dataclass(frozen=True)
class Keeping:
    """Whether pictures are kept; `folder` is None where they are not."""

    folder: Path | None
    minutes: int
    note: Path
    """A file beside the spool that remembers the folder."""

    @classmethod
    def of(cls, folder: Path | None, time_text: str, spool: Path) -> "Keeping":
        """Read the options. Raises `ConfigurationError`."""
        return cls(folder, parse_minutes(time_text), spool.with_name(f"{spool.name}.images"))


def parse_minutes(text: str) -> int:
    """Read how long pictures are kept: `30m`, `2h`.

    Raises:
        ConfigurationError: it is no such time, or longer than a day.

    """
    found = re.fullmatch(r"(\d{1,4})([mh])", text.strip())
    minutes = int(found[1]) * _UNITS_MIN[found[2]] if found else 0
    if not 0 < minutes <= LONGEST_MIN:
        raise ConfigurationError(
            f"--for: expected minutes or hours up to a day, found {text!r}", "Write it like 30m or 2h."
        )
    return minutes
