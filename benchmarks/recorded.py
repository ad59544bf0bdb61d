"""Where benchmarks find the recorded floors."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("MALLSENSE_DATA", "../shared/data"))


def recorded(pattern: str) -> list[Path]:
    """Return the folders of recorded floors that match a pattern under the root of the data, by name.

    Raises:
        SystemExit: there is none.
    """
    found = sorted(file.parent for file in FOLDER.glob(f"{pattern}/heard.csv.gz"))
    if not found:
        raise SystemExit(f"no recorded floors under {FOLDER}; set MALLSENSE_DATA")
    return found
