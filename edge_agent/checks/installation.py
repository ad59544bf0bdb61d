"""Whether the node is installed as it should be: site file, id, key, spool."""

import os
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.site.read import read_site
from edge_agent.checks.finding import Finding, Place, ok, problem, unknown
from edge_agent.key import read_key_file
from edge_agent.site_file import node_of


def check_rights(_place: Place) -> Iterator[Finding]:
    """See whether everything can be looked at."""
    if os.geteuid() != 0:
        yield unknown(
            "rights",
            "Not run as root: keys and certificates cannot be looked at.",
            "Run it with: sudo mallsense doctor",
        )


def check_site(place: Place) -> Iterator[Finding]:
    """Read the site file, and find the node in it."""
    about = "site file"
    if not place.site_file.exists():
        yield problem(
            about,
            f"{place.site_file} is not there: this machine is not installed as a node.",
            "Install it (docs/installing-a-node.md), or name its files: --site, --node, --broker, --key.",
        )
        return
    try:
        site = place.site or read_site(place.site_file)
        node = place.node or node_of(site, place.node_id, place.site_file)
    except ConfigurationError as error:
        yield _of_error(about, error, "Render the node again, and install it.")
        return
    radios = ", ".join(
        f"{radio.interface} (channel {', '.join(map(str, radio.channels)) or 'as it is'})"
        for radio in node.radios
    )
    yield ok(
        about,
        f"{place.site_file}: node {node.id} of {site.mall.id}, floor {node.floor};"
        f" listens with {radios or 'whatever is in monitor mode'}"
        + (f"; access point {node.stations}" if node.stations else ""),
    )


def check_key(place: Place) -> Iterator[Finding]:
    """Read the mall's key, and see who else may."""
    about = "mall's key"
    if place.key is None:
        yield problem(
            about,
            "No key is named: what this node hears could not be put together with other nodes.",
            "Set MALLSENSE_KEY in /etc/mallsense/node.env, or pass --key.",
        )
        return
    try:
        read_key_file(place.key)
    except ConfigurationError as error:
        yield _of_error(about, error, "Run the doctor as root: sudo mallsense doctor")
    else:
        yield ok(about, f"{place.key}: can be read by {_owner(place.key)} alone.")


def check_spool(place: Place) -> Iterator[Finding]:
    """See whether observations have a place to wait in."""
    about = "spool"
    if place.spool is None:
        yield problem(
            about,
            "No spool is named: what waits for the broker is lost when the agent stops.",
            "Start the agent with --spool /var/lib/mallsense/spool.sqlite.",
        )
        return
    folder = place.spool.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        yield problem(
            about,
            f"{folder} is not there, or may not be written to: the agent cannot start.",
            f"Mend it with: sudo install -d -o mallsense -g mallsense -m 700 {folder}",
        )
        return
    damaged = sorted(folder.glob(f"{place.spool.name}.damaged-*"))
    if damaged:
        yield problem(
            about,
            f"{len(damaged)} damaged spools were set aside in {folder}: the card may be failing.",
            "Replace the card; delete the damaged files once nobody wants to look at them.",
        )
        return
    size_bytes = place.spool.stat().st_size if place.spool.exists() else 0
    yield ok(about, f"{place.spool}: {size_bytes / 1e6:.1f} MB.")


def _of_error(about: str, error: ConfigurationError, otherwise: str) -> Finding:
    return problem(about, error.message, error.hint or otherwise)


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return "its owner"
