"""Simulated days with members through pipeline and CRM, scored against their truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from contracts.site import Site
from edge_agent.pseudonym import KEY_BYTES, Pseudonyms
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import Source
from gateway.engine import Tick
from mallsense.crm_in_process import CrmInProcess
from mallsense.crm_told import told, trespasses
from simulators.car_park.reads import CarParkReads
from simulators.joined import Joined
from simulators.members.cars import Cars, CarStay
from simulators.members.casting import Casting, Visit
from simulators.members.population import Population
from simulators.members.records import Records
from simulators.members.scoring import (
    Facts,
    MatchingScore,
    ZoneVisit,
    score_stays,
    score_visits,
)
from simulators.members.tills import Tills
from simulators.members.truth import Whose
from simulators.shoppers import BATCH_S
from simulators.source import SimulatedSource
from simulators.truth import Truth

KEY = bytes(KEY_BYTES)
"""Nobody's secret: simulated people need no privacy, and the same seed then gives the same run."""
STEP_MS = 60_000
"""Event time between two looks at what has been heard and said."""
OPENS_H, CLOSES_H = 9.5, 22.5
"""People are simulated between these hours of the mall's day."""
BUSY_H = (11.0, 21.0)
"""Where only some hours are heard, they are of these."""


@dataclass(frozen=True)
class Days:
    """What is simulated."""

    site: Site
    population: Population
    first: datetime
    """Midnight, the mall's time, of the first day."""
    shoppers: float
    """In the mall at its fullest."""
    seed: int = 1
    opens_h: float = OPENS_H
    closes_h: float = CLOSES_H
    heard_h: float | None = None
    """Nodes and cameras hear only so many hours a day, on every day others; None: all of it."""

    def hours(self, day: int) -> tuple[int, int]:
        """Return when a day opens and closes, epoch milliseconds."""
        midnight = self.first + timedelta(days=day)
        opens, closes = (midnight + timedelta(hours=hour) for hour in (self.opens_h, self.closes_h))
        return round(opens.timestamp()) * 1000, round(closes.timestamp()) * 1000

    def heard(self, day: int) -> tuple[int, int]:
        """Return from when to when nodes and cameras hear on a day, epoch milliseconds.

        On the first day of a week from eleven o'clock on, on the seventh up to nine in the evening.
        """
        opens_ms, closes_ms = self.hours(day)
        if self.heard_h is None:
            return opens_ms, closes_ms
        first_h, last_h = BUSY_H
        start_h = first_h + (last_h - first_h - self.heard_h) * (day % 7) / 6
        start_ms = opens_ms + round((start_h - self.opens_h) * 60) * STEP_MS
        return start_ms, start_ms + round(self.heard_h * 60) * STEP_MS


class CrmDays:
    """Plays days in order, each with what its systems deliver, and keeps what is true."""

    def __init__(self, days: Days, folder: Path, calibration: Mapping[str, Any] | None = None) -> None:
        """Make a store in `folder`."""
        self._days, self._whose = days, Whose()
        self._casting = Casting(days.population, seed=days.seed)
        self._records = Records(days.population, KEY)
        self._logins = 0
        self.appearances: list[Visit] = []
        """Of everybody of the population, on the days so far."""
        self._zone_visits: list[ZoneVisit] = []
        self._stays: list[CarStay] = []
        nodes = [node.id for node in days.site.nodes]
        self._gateway = CrmInProcess(
            days.site, folder, KEY, nodes, calibration=calibration, show=self._take_tick
        )
        self.sales = 0
        self.until_ms = 0
        """Up to when the systems have delivered."""

    @property
    def population(self) -> Population:
        """Who comes."""
        return self._days.population

    @property
    def gateway(self) -> CrmInProcess:
        """Where it goes through."""
        return self._gateway

    def skip(self, day: int) -> None:
        """Let people come for a day that nobody hears: their visits and logins are known afterwards."""
        source, _ = self._source(day, None)
        self._finish(source, day)
        self._deliver(self._days.hours(day)[1])

    def play(self, day: int) -> None:
        """Play a day."""
        start_ms, end_ms = self._days.heard(day)
        site = self._days.site
        truth, tills = Truth(site, positions_every_s=0), Tills(site, seed=self._seed(day))
        source, cars = self._source(day, truth, tills)
        source.pass_over(start_ms)
        self._gateway.idle(start_ms)
        self._deliver(start_ms)
        due_ms = start_ms + STEP_MS
        for heard in self._joined(source, cars, day).blocks():
            for t_ms, pseudonyms in self._gateway.hear(heard):
                self._whose.hear(t_ms - 1, pseudonyms)
            if heard.complete_to_ms >= due_ms and heard.node == source.nodes[-1]:
                self._gateway.step()
                self._deliver(due_ms)
                sold = tills.take(source.cast)
                self._gateway.sell(sold)
                self.sales += len(sold)
                due_ms += STEP_MS
                if due_ms > end_ms:
                    break
        self._gateway.flush()
        self._finish(source, day)
        if cars is not None:
            seen = range(start_ms, end_ms)
            self._stays += [one for one in cars.stays if one.entered_ms in seen or one.left_ms in seen]
        self._reveal(source, truth, day)

    def score(self) -> MatchingScore:
        """Score everything that was played, once the last day is over."""
        self._whose.settle(float("inf"))
        facts = Facts(
            population=self._days.population,
            logged_in_ms=self._casting.logged_in_ms(),
            person=self._whose.person,
            in_network=self._whose.in_network,
            appearances=self.appearances,
            visits=self._zone_visits,
            stays=self._stays,
            until_ms=self.until_ms,
        )
        with self._gateway.crm.file.connection() as db:
            visits, stays = told(db)
        return score_visits(visits, facts) + score_stays(stays, facts)

    def trespasses(self) -> int:
        """Count the rows, of all that the CRM keeps, that name a member who does not agree; should be none.

        Of every revision of every event, and of visits and stays: who is named agreed when it began, and
        still does.
        """
        with self._gateway.crm.file.connection() as db:
            return trespasses(db, self.population, self.until_ms)

    def close(self) -> None:
        """Let go of the store."""
        self._gateway.close()

    def _source(
        self, day: int, truth: Truth | None, tills: Tills | None = None
    ) -> tuple[SimulatedSource, Cars | None]:
        days = self._days
        start_ms, end_ms = days.hours(day)
        heard_ms, _ = days.heard(day)
        source = SimulatedSource(
            shoppers=days.shoppers,
            start_ms=start_ms,
            duration_s=(end_ms - start_ms) // 1000,
            seed=self._seed(day),
            site=days.site,
            truth=truth,
            tills=tills,
            casting=self._casting,
        )
        if days.site.car_park is None or source.cast is None:
            return source, None
        seed = self._seed(day)
        return source, Cars(source.cast, days.site, start_ms=heard_ms, until_ms=end_ms, seed=seed)

    def _joined(self, source: SimulatedSource, cars: Cars | None, day: int) -> Source:
        if cars is None:
            return source
        start_ms, _ = self._days.heard(day)
        reads = CarParkReads(
            start_ms=start_ms, cars=0, seed=self._seed(day), site=self._days.site, visitors=cars.passages()
        )
        return Joined(source, reads)

    def _seed(self, day: int) -> int:
        """Return what tells the days apart: no two may have a camera's track with the same name."""
        return 1000 * self._days.seed + day

    def _finish(self, source: SimulatedSource, day: int) -> None:
        """Find out who came to the end of a day: the same people whether it was played or not."""
        if source.cast is not None:
            source.cast.advance(self._days.hours(day)[1] / 1000 + 2 * BATCH_S)
            self.appearances += source.cast.visits.values()

    def _deliver(self, t_ms: int) -> None:
        self.until_ms = t_ms
        logins = self._casting.logins[self._logins :]
        self._logins = len(self._casting.logins)
        delivery = self._records.until(t_ms, logins)
        if delivery:
            self._gateway.say(delivery.consents)
            self._gateway.identify(delivery.identifiers)
            self._gateway.match()

    def _take_tick(self, tick: Tick) -> None:
        self._whose.decide(tick.decided.address, tick.decided.device)
        self._whose.settle(tick.t_ms)

    def _reveal(self, source: SimulatedSource, truth: Truth, day: int) -> None:
        """Take down who was behind the pseudonyms of a day, and what visits there really were."""
        cast = source.cast
        if cast is None:
            return
        start_ms, _ = self._days.hours(day)
        pseudonym = partial(_pseudonym, Pseudonyms(KEY, SaltRotation.of(self._days.site)), start_ms)
        owner = {
            name: cast.visits[shopper].person if shopper in cast.visits else -1 - shopper
            for name, shopper in truth.owners(pseudonym).items()
        }
        persons = self._days.population.persons
        present = {visit.person for visit in cast.visits.values()}
        network = {pseudonym(persons[who].phone.address.to_bytes(6, "big")): who for who in present}
        self._whose.reveal(owner, network)
        for one in truth.visits:
            visit = cast.visits.get(one.person)
            if visit is not None and persons[visit.person].reference is not None:
                zone = truth.zone_ids[one.zone]
                self._zone_visits.append(
                    ZoneVisit(visit.person, zone, 1000 * one.enter_s, 1000 * one.leave_s)
                )


def first_day(site: Site, text: str) -> datetime:
    """Return the midnight of a date such as 2026-03-16 in the mall's time."""
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(site.mall.timezone))


def _pseudonym(pseudonyms: Pseudonyms, t_ms: int, address: bytes) -> str:
    return pseudonyms.columns([t_ms], [address], [b""])[0][0]
