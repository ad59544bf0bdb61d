"""The CRM of one mall: its parts, put together, started and stopped with the gateway."""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from contracts.errors import UnavailableError
from contracts.site import Site
from gateway.api.schemas import CrmHealth
from gateway.crm.alerts.alerts import Alerts
from gateway.crm.consent.afterwards import Elsewhere
from gateway.crm.consent.consents import Consents
from gateway.crm.delivery import status
from gateway.crm.delivery.keeping import forget_feed
from gateway.crm.delivery.opening import open_delivery
from gateway.crm.figures.figures import ShopFigures
from gateway.crm.file import open_file, reading
from gateway.crm.identity.identities import Identities
from gateway.crm.identity.lists import Lists
from gateway.crm.matching import inbox
from gateway.crm.matching.feed import Feed
from gateway.crm.matching.retention import Retention
from gateway.crm.matching.worker import Worker
from gateway.crm.members.kept import labels_of
from gateway.crm.members.understanding import Understanding
from gateway.link import Delivery, Link
from gateway.people import MallPeople
from gateway.store.base import History


def wall_ms() -> int:
    """What time the wall says."""
    return time.time_ns() // 1_000_000


class Crm:
    """Everything about members, for as long as the gateway runs. Any thread asks it.

    Each part is an attribute, built in `__init__`, with a thread of its own where it needs one: `start` and
    `stop` go through the parts in order, and back.
    """

    def __init__(
        self,
        site: Site,
        path: Path,
        secret: bytes,
        *,
        history: History,
        people: MallPeople | None = None,
        link: Link | None = None,
        now_ms: Callable[[], int] = wall_ms,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        """Open the parts of a site that has a section `crm`.

        Args:
            site: the mall; raises `ValueError` where it has no such section.
            path: the file that the gateway's store has made.
            secret: 32 bytes that belong to the store and stay the same.
            history: what the gateway's store knows of the past.
            people: how many people stand behind devices; None = as assumed.
            link: the connection to the broker; None = nothing is published.
            now_ms: the mall's time, event time of the newest tick.
            elsewhere: the server that the history is in; None = that is in the file, too.

        """
        if site.crm is None:
            raise ValueError("the site has no section crm")
        self.site, self.settings = site, site.crm
        self.path, self.secret, self.link, self.now_ms = path, secret, link, now_ms
        self.counters: Counter[str] = Counter()
        """What could not be used, and what was done, by cause; the parts count here."""
        self.file = open_file(path)
        self.feed = Feed(self.file)
        self.matching = Worker(
            path, site.mall.id, self.counters, retention=Retention(self.settings, now_ms, forget_feed),
            told=self.feed.told,
        )  # fmt: skip
        self.consents = Consents(
            open_file(path), site.mall.id, secret, now_ms=now_ms, wall_ms=wall_ms, elsewhere=elsewhere
        )
        self.consents.labels_of = labels_of
        self.understanding = Understanding(site, path, now_ms=now_ms)
        self.identities = Identities(open_file(path), secret, now_ms=now_ms, wall_ms=wall_ms)
        self.lists = None if link is None else Lists(site.mall.id, open_file(path), link)
        self.delivery = open_delivery(
            site, path, self.feed, link=link, labels=lambda: self.consents.labels_of, now_ms=wall_ms
        )
        self.alerts = Alerts(
            site, open_file(path), history, now_ms=now_ms, told=self.feed.told, people=people
        )
        self.figures = ShopFigures(site, self.settings, history, path, people)

    def start(self) -> Self:
        """Start the threads of the parts."""
        self.matching.start()
        self.delivery.start()
        self.consents.afterwards.start()
        self.alerts.start()
        self.understanding.start()
        if self.lists is not None:
            self.lists.start()
        return self

    def stop(self) -> None:
        """Stop the threads, and let go of the file."""
        if self.lists is not None:
            self.lists.stop()
        self.matching.stop()
        self.delivery.stop()
        self.alerts.close()
        self.understanding.close()
        self.consents.afterwards.stop()
        self.consents.close()
        self.identities.close()
        self.file.close()

    def health(self) -> CrmHealth:
        """How matching and delivery are."""
        problem, waiting, behind, dead = self.matching.problem, None, None, None
        try:
            with self.reading() as db:
                waiting = inbox.waiting(db)
                behind, dead = status.behind(db), status.dead(db)
        except UnavailableError as error:
            problem = problem or error.message
        return CrmHealth(
            problem=problem,
            waiting=waiting,
            events=self.counters["events"],
            left_out=self.counters["left_out"],
            behind=behind,
            dead_letters=dead,
        )

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give a connection with everything as it is at one moment. Raises `UnavailableError`."""
        return reading(self.file)

    def take(self, delivery: Delivery) -> bool:
        """Take a message of the broker that is for the CRM; False where it is for somebody else."""
        return self.lists is not None and self.lists.take(delivery)

    def committed(self) -> None:
        """Say that the pipeline has put something into the inbox; returns at once."""
        self.matching.wake()
