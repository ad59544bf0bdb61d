"""The site file, as a node reads it."""

import difflib
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.site.model import Node, Site
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


def node_of(site: Site, node: str, path: Path) -> Node:
    """Find a node in the site of the file `path`.

    Raises:
        ConfigurationError: the site has no such node; the hint names those that are spelt alike.

    """
    found = next((known for known in site.nodes if known.id == node), None)
    if found is not None:
        return found
    ids = [known.id for known in site.nodes]
    close = sorted(difflib.get_close_matches(node, ids, n=3, cutoff=0)) or ["none at all"]
    raise ConfigurationError(f"{path}: the site has no node {node!r}", f"It has {', '.join(close)} ...")
