"""What a mall needs of an InfluxDB, as steps: each says what is expected, what is found, how to mend it.

The same for 1.x, 2.x and 3.x; `setup_v1`, `setup_v2` and `setup_v3` know how each of them does it. Steps are
made one after the other, so that a step sees what the step before has made.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from contracts.errors import ConfigurationError
from contracts.site import Retention
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient

DAY_S = 86_400
FOREVER_S = 0
"""The period of a bucket that keeps everything, as 1.x and 2.x say it."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A retention policy of 1.x, a bucket of 2.x, a database of 3.x."""

    database: str
    policy: str
    days: int

    @property
    def name(self) -> str:
        """Its name in 2.x and 3.x."""
        return f"{self.database}/{self.policy}"

    @property
    def seconds(self) -> int:
        """How long it keeps points."""
        return self.days * DAY_S

    @property
    def shard_s(self) -> int:
        """How much time is deleted at once, chosen as InfluxDB 1.x and 2.x do by themselves.

        Said explicitly, because it stays as it is when the period is changed, and must not be the longer one.
        """
        if self.days < 2:
            return 3600
        return DAY_S if self.days < 180 else 7 * DAY_S


class Role(StrEnum):
    """A process that logs in."""

    GATEWAY = "gateway"
    """Writes and reads both databases."""
    GRAFANA = "grafana"
    """Reads what people may see, and nothing else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What malls that share a database need."""

    database: str
    figures: str
    buckets: tuple[Bucket, ...]

    @classmethod
    def of(cls, address: InfluxAddress, retentions: Sequence[Retention]) -> "Plan":
        """Of several malls' periods the longest counts: nobody's points are deleted too early."""
        positions_d = max(retention.positions_d for retention in retentions)
        rollups_d = max(retention.rollups_d for retention in retentions)
        buckets = (
            Bucket(address.database, "raw", positions_d),
            Bucket(address.database, "visits", max(retention.visits_d for retention in retentions)),
            Bucket(address.database, "rollups", rollups_d),
            Bucket(address.figures, "live", positions_d),
            Bucket(address.figures, "long", rollups_d),
        )
        return cls(address.database, address.figures, buckets)

    @property
    def databases(self) -> tuple[str, str]:
        """The private one, and what people may see."""
        return self.database, self.figures

    def of_database(self, database: str) -> tuple[Bucket, ...]:
        """The buckets of a database; the first is its default."""
        return tuple(bucket for bucket in self.buckets if bucket.database == database)

    def may_read(self, role: Role) -> tuple[str, ...]:
        """The databases that a process may read."""
        return self.databases if role is Role.GATEWAY else (self.figures,)

    def account(self, role: Role) -> str:
        """The name of a user (1.x) or token of this database's."""
        return f"{self.database}_{role}"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a mall needs."""

    what: str
    expected: str
    found: str
    """Empty: nothing."""
    mend: Callable[[], None] | None = None
    """Makes it so; None = that is not done from here, `hint` says what to do."""
    hint: str = ""
    works: bool = False
    """Whether the mall works with what is found, so that only a check has to fail."""

    @property
    def good(self) -> bool:
        """Whether it is as expected."""
        return self.found == self.expected


RENEW = "to be renewed"
"""Found where a login is there, and a new one is wanted."""


class Setup(Protocol):
    """How one version of InfluxDB is set up."""

    def steps(self) -> Iterator[Step]:
        """What is needed, in order; nothing is changed but by `Step.mend`."""
        ...


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for."""

    plan: Plan
    shorten: bool = False
    """Also shorten periods, which deletes points."""
    renew: bool = False
    """New passwords or tokens, also where there are some."""


def logged_in(address: InfluxAddress, login: str) -> InfluxAddress:
    """Give the same address with another login: `user:password`, or a token."""
    user, colon, password = login.partition(":")
    if colon:
        return replace(address, user=user, password=password, token=None)
    return replace(address, user=None, password=None, token=login)


def period(seconds: int) -> str:
    """Say how long something is kept."""
    if seconds == FOREVER_S:
        return "kept forever"
    days, rest = divmod(seconds, DAY_S)
    return f"kept {days} d" if not rest else f"kept {seconds / 3600:g} h"


def retention_step(
    bucket: Bucket, found_s: int | None, make: Callable[[], None], change: Callable[[], None], wish: Wish
) -> Step:
    """Compare how long a bucket keeps points with how long it should; `found_s` None = there is none."""
    what, expected = bucket.name, period(bucket.seconds)
    if found_s is None:
        return Step(what, expected, "", make)
    if found_s != FOREVER_S and found_s <= bucket.seconds:
        return Step(what, expected, period(found_s), change)
    return Step(
        what,
        expected,
        period(found_s),
        change if wish.shorten else None,
        "It keeps points longer than these site files say. Name the site files of all malls that share it, "
        "or shorten it with --shorten, which deletes what is older.",
        works=True,
    )


def reading_steps(plan: Plan, role: Role, login: InfluxAddress) -> Iterator[Step]:
    """Log in as a process would, and see that it reads what it may and nothing else; in any version."""
    client = InfluxClient(login)
    try:
        for database in plan.databases:
            yield Step(
                f"{role} reads {database}",
                "yes" if database in plan.may_read(role) else "no",
                "yes" if _reads(client, plan.of_database(database)[0]) else "no",
                hint="Its password or token, or its rights, are others: make new ones with --renew. Where no"
                " login is asked for at all, switch it on (1.x: auth-enabled = true).",
            )
    finally:
        client.close()


def _reads(client: InfluxClient, bucket: Bucket) -> bool:
    try:
        client.query(
            f'SELECT * FROM "{bucket.policy}"."mallsense" LIMIT 1',  # noqa: S608  # our own name
            database=bucket.database,
            policy=bucket.policy,
        )
    except ConfigurationError:
        return False
    return True
