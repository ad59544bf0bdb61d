"""A node in its site file."""

import difflib
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.site.model import Node, Site


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
