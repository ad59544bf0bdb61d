"""What a check has found, in words for the people who look after nodes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from contracts.site.model import Node, Site


class State(StrEnum):
    """How something is."""

    OK = "ok"
    PROBLEM = "problem"
    UNKNOWN = "unknown"
    """It could not be looked at; that alone is no fault."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report."""

    about: str
    state: State
    what: str
    """What was found, and what it means."""
    todo: str = ""
    """What to do; empty where all is well."""


def ok(about: str, what: str) -> Finding:
    """All is well."""
    return Finding(about, State.OK, what)


def problem(about: str, what: str, todo: str) -> Finding:
    """Something has to be mended."""
    return Finding(about, State.PROBLEM, what, todo)


def unknown(about: str, what: str, todo: str = "") -> Finding:
    """It could not be looked at."""
    return Finding(about, State.UNKNOWN, what, todo)


@dataclass(frozen=True, slots=True)
class Place:
    """The node to look at: what its service is started with."""

    site_file: Path
    node_id: str
    broker: str
    ca: Path | None = None
    cert: Path | None = None
    cert_key: Path | None = None
    key: Path | None = None
    spool: Path | None = None
    metrics_port: int = 0
    site: Site | None = None
    """What the site file says; None where it cannot be read."""
    node: Node | None = None
    """What it says of this node."""


Check = Callable[[Place], Iterator[Finding]]
