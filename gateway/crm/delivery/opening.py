"""Delivery, put together for one mall."""

import sqlite3
from collections.abc import Callable, Collection
from importlib import metadata
from pathlib import Path

from contracts.errors import ConfigurationError
from contracts.site import Site
from contracts.topics import Topics
from gateway.crm.consent.members import LabelsOf
from gateway.crm.delivery.delivery import Delivery
from gateway.crm.delivery.filters import Segments
from gateway.crm.delivery.mqtt import BrokerTransport
from gateway.crm.file import open_file
from gateway.crm.matching.feed import Feed
from gateway.link import Link

_DAY_MS = 24 * 3_600_000


def open_delivery(
    site: Site,
    path: Path,
    feed: Feed,
    *,
    link: Link | None,
    labels: Callable[[], LabelsOf | None],
    now_ms: Callable[[], int],
) -> Delivery:
    """Return the delivery of a mall's feed, which is not started yet.

    Args:
        site: the mall.
        path: the store's file.
        feed: what is told.
        link: the connection to the broker; None = nothing is published.
        labels: gives what knows the segments of members, where something does.
        now_ms: the wall's time.

    Raises:
        ConfigurationError: what it needs is not installed.

    """
    if site.crm is None:
        raise ValueError("the site has no section crm")
    try:
        from gateway.crm.delivery.sender import Webhooks  # noqa: PLC0415  # a mall without CRM lacks it
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the CRM of this mall (site file: `crm:`) needs a package that is not installed: {error.name}",
            "Install it with: pip install 'mallsense[crm]'",
        ) from error
    return Delivery(
        open_file(path),
        feed,
        Webhooks(_version()),
        None if link is None else BrokerTransport(link, Topics(site.mall.id)),
        mall=site.mall.id,
        segments=_segments(labels),
        kept_ms=site.crm.feed_d * _DAY_MS,
        now_ms=now_ms,
    )


def _segments(labels: Callable[[], LabelsOf | None]) -> Segments:
    """Have tier, segments and tags of a person count as segments."""

    def segments(db: sqlite3.Connection, person: str) -> Collection[str]:
        labels_of = labels()
        found = None if labels_of is None else labels_of(db, [person]).get(person)
        if found is None:
            return ()
        return {*found.segments, *found.tags, *(() if found.tier is None else (found.tier,))}

    return segments


def _version() -> str:
    try:
        return metadata.version("mallsense")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "0"
