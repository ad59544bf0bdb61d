"""The site file on disk: nodes and the commands that install them make the same mistakes with it."""

from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.site.model import Site
from contracts.site.parse import parse_site


def read_site(path: Path) -> Site:
    """Read a site file.

    Raises:
        ConfigurationError: it cannot be read, or is no site.

    """
    try:
        return parse_site(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot read the site file: {error.strerror}", "Check the path."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: cannot read the site file: not UTF-8, so no YAML") from error
