"""stub for now"""

from pathlib import Path
from gateway.site.import_folder import Imported


def import_imdf(source: Path) -> Imported:
    raise NotImplementedError
