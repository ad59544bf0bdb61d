"""Members understood: models fitted once a day, members put to tiers and clusters once an hour.

Both run in a thread of their own, on a connection that only reads: nothing waits for them. What is found is
written in one transaction, and of a member only if what it was made of is agreed to without a break since.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from contracts.crm import Purpose
from contracts.errors import ConfigurationError, UnavailableError
from contracts.site import Site
from gateway.crm.consent.ledger import Ledger
from gateway.crm.file import open_file
from gateway.crm.members import kept, tags
from gateway.crm.members.assign import SEEN_TO_FIT, fit_assigner, scaling
from gateway.crm.members.clusters import find_clusters
from gateway.crm.members.features import Features, features_of
from gateway.crm.members.kept import CLUSTER, TIER, Cluster, ClusterModel, RuleModel, Segment, TierModel
from gateway.crm.members.reading import DAY_MS, Done, Ints, Shops, Since, agreeing, as_of, read
from gateway.crm.members.rules import rules_of
from gateway.crm.members.tiers import cuts_of, tiers_of
from gateway.crm.members.words import Words, describe, marks_of
from gateway.figures.period import HOUR_MS
from gateway.store.files import connect_reader, explained

_log = logging.getLogger(__name__)

FIT_EVERY_MS = DAY_MS
ASSIGN_EVERY_MS = HOUR_MS
LOOK_S = 20.0
"""Wall time between two looks at whether it is due."""


@dataclass(frozen=True)
class _Read:
    done: Done
    since: Since


class Understanding:
    """Tiers, clusters and rules of one mall. Any thread calls it; all raise `UnavailableError`."""

    def __init__(self, site: Site, path: Path, *, now_ms: Callable[[], int]) -> None:
        """Open connections of its own to the store's file.

        Args:
            site: the mall.
            path: the file.
            now_ms: event time of the newest tick; 0 = there was none yet.

        """
        self.file = open_file(path)
        """For what is small: tags, audiences, what is kept."""
        self._path, self._now_ms, self._k = path, now_ms, site.privacy.k
        self._shops, self._timezone = Shops.of(site), ZoneInfo(site.mall.timezone)
        self._turn = threading.Lock()
        self._assigned_ms = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="members", daemon=True)

    def start(self) -> Self:
        """Fit and assign in a thread of its own, whenever it is due."""
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop the thread and let go of the file."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)
        self.file.close()

    def fit(self) -> None:
        """Fit all models to what members have done by now, and put every member to tier and cluster.

        Raises `ConfigurationError`, too, where a package is not installed.
        """
        with self._turn, _installed():
            found = self._read()
            done, now_ms = found.done, found.done.to_ms
            tiers, clusters, rules = TierModel(cuts_of(done)), _fit_clusters(done), rules_of(done, self._k)
            with self.file.transaction() as db:
                for model in (tiers, clusters, RuleModel(rules)):
                    kept.keep_model(db, model, now_ms)
            self._keep(found, tiers, clusters)

    def assign(self) -> None:
        """Put every member to tier and cluster by the models there are."""
        with self._turn:
            with self.file.connection() as db:
                tiers, clusters = kept.model(db, TierModel), kept.model(db, ClusterModel)
            if tiers is not None and clusters is not None:
                self._keep(self._read(), tiers, clusters)

    def run_if_due(self) -> bool:
        """Fit or assign if it is time to; tells whether anything was done."""
        now_ms = self._now_ms()
        if now_ms <= 0:
            return False
        with self.file.connection() as db:
            fitted_ms = kept.fitted_ms(db)
            whole = kept.model(db, ClusterModel) is not None
        if fitted_ms is None or not whole or not 0 <= now_ms - fitted_ms < FIT_EVERY_MS:
            self.fit()
            return True
        if not 0 <= now_ms - self._assigned_ms < ASSIGN_EVERY_MS:
            self.assign()
            return True
        return False

    def _read(self) -> _Read:
        with explained(self._path), closing(connect_reader(self._path)) as db:
            db.isolation_level = None
            db.execute("BEGIN")
            since = agreeing(db)
            now_ms = as_of(db, self._now_ms())
            return _Read(read(db, self._shops, self._timezone, since, now_ms), since)

    def _keep(self, found: _Read, tiers: TierModel, clusters: ClusterModel) -> None:
        segments = list(_segments(found.done, tiers, clusters))
        with self.file.transaction() as db:
            now = agreeing(db)
            kept.keep_segments(db, (one for one in segments if _founded(one, found.since, now)))
            tags.expire(db, Ledger.in_force_all(db, Purpose.MARKETING))
        self._assigned_ms = found.done.to_ms

    def _work(self) -> None:
        told = ""
        while not self._stop.wait(LOOK_S):
            try:
                self.run_if_due()
                told = ""
            except (UnavailableError, ConfigurationError) as error:
                if error.message != told:  # once for each cause, not every time it is tried
                    _log.warning("segments wait: %s", error)
                told = error.message


def _founded(one: Segment, before: Since, now: Since) -> bool:
    """Whether what a segment was made of is agreed to now as it was when that was read, without a break."""
    purposes = [Purpose.MARKETING] if one.part == TIER else list(Purpose)
    return one.person in now[Purpose.MARKETING] and all(
        before[purpose].get(one.person) == now[purpose].get(one.person) for purpose in purposes
    )


def _segments(done: Done, tiers: TierModel, clusters: ClusterModel) -> Iterator[Segment]:
    if tiers.cuts is not None:
        for person, tier in zip(done.persons, tiers_of(done, tiers.cuts), strict=True):
            yield Segment(person, TIER, tier, 1.0)
    if clusters.assigner is not None and done.persons:
        features, _ = features_of(done, clusters.usual)
        cluster, sure = clusters.assigner.assign(features)
        for person, number, probability in zip(done.persons, cluster.tolist(), sure.tolist(), strict=True):
            if number >= 0:
                yield Segment(person, CLUSTER, clusters.clusters[number].id, probability)


def _fit_clusters(done: Done) -> ClusterModel:
    features, usual = features_of(done)
    often = features.visits >= SEEN_TO_FIT
    count = int(often.sum())
    if not count:
        return ClusterModel([], None, None, None, 0)
    mean, scale = scaling(features)
    found = find_clusters(((features.values - mean) / scale)[often])
    if found is None:
        return ClusterModel([], None, None, None, count)
    assigner = fit_assigner(features, mean, scale, found.label)
    members, _ = assigner.assign(features)
    named = _named(features, members, found.jaccard.tolist())
    return ClusterModel(named, assigner, usual, found.stability, count)


def _named(features: Features, members: Ints, jaccard: list[float]) -> list[Cluster]:
    """Put clusters in words, those of one name numbered, the largest first."""
    sizes = [int((members == number).sum()) for number in range(len(jaccard))]
    often = features.visits >= SEEN_TO_FIT
    found: dict[int, Cluster] = {}
    times: dict[str, int] = {}
    for number in sorted(range(len(jaccard)), key=lambda one: -sizes[one]):
        told = describe(marks_of(features, members == number, often & (members >= 0)))
        times[told.key] = nth = times.get(told.key, 0) + 1
        key, name = told.key, told.name
        if nth > 1:
            key, name = f"{key}-{nth}", Words(en=f"{name.en} {nth}", zh=f"{name.zh} {nth}")
        found[number] = Cluster(key, name, told.description, jaccard[number])
    return [found[number] for number in range(len(jaccard))]


@contextmanager
def _installed() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"segments need a package that is not installed: {error.name}",
            "Install it with: pip install 'mallsense[crm]'",
        ) from error
