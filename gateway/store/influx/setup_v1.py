"""InfluxDB 1.x: databases, retention policies, users and their grants, by InfluxQL.

Source: "Manage your database" and "Authentication and authorization" of InfluxDB 1.8 (docs.influxdata.com),
and the answers of a real 1.6.7.
"""

import re
from collections.abc import Iterator
from functools import partial

from contracts.errors import ConfigurationError
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.influxql import identifier, string
from gateway.store.influx.setup import (
    RENEW,
    Bucket,
    Plan,
    Role,
    Step,
    Wish,
    logged_in,
    reading_steps,
    retention_step,
)
from gateway.store.influx.setup_logins import Logins, doubtful, new_password

ADMIN = "admin"
_NONE = "no privileges"
_UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0}


class SetupV1:
    """What a mall needs of a 1.x; `logins` None = users are left as they are."""

    def __init__(self, client: InfluxClient, wish: Wish, logins: Logins | None) -> None:
        self._client = client
        self._wish = wish
        self._logins = logins

    @property
    def _plan(self) -> Plan:
        return self._wish.plan

    def steps(self) -> Iterator[Step]:
        """What is needed, in order."""
        for bucket in self._plan.buckets:
            yield retention_step(
                bucket,
                self._kept_s(bucket),
                partial(self._make, bucket),
                partial(self._do, f"ALTER RETENTION POLICY {_of(bucket)} {_durations(bucket)}"),
                self._wish,
            )
        if self._logins is not None:
            for role in Role:
                yield from self._user_steps(role, self._logins)

    # Databases and retention policies

    def _databases(self) -> set[str]:
        return {str(row[0]) for series in self._client.query("SHOW DATABASES") for row in series.values}

    def _kept_s(self, bucket: Bucket) -> int | None:
        if bucket.database not in self._databases():
            return None
        for series in self._client.query(f"SHOW RETENTION POLICIES ON {identifier(bucket.database)}"):
            for row in (dict(zip(series.columns, values, strict=True)) for values in series.values):
                if row["name"] == bucket.policy:
                    return seconds_of(str(row["duration"]))
        return None

    def _make(self, bucket: Bucket) -> None:
        durations = _durations(bucket)
        if bucket.database not in self._databases():  # with its first policy, so without `autogen`
            name = f"NAME {identifier(bucket.policy)}"
            self._do(f"CREATE DATABASE {identifier(bucket.database)} WITH {durations} {name}")
        else:
            self._do(f"CREATE RETENTION POLICY {_of(bucket)} {durations}")

    def _do(self, statement: str) -> None:
        self._client.command(statement)

    # Users

    def _user_steps(self, role: Role, logins: Logins) -> Iterator[Step]:
        user, login = self._plan.account(role), logins.read(role)
        there = user in self._users()
        doubt = doubtful(f"user {user}", logins.path(role), there=there, kept=login is not None)
        if doubt and not self._wish.renew:
            yield doubt
            return
        found = (RENEW if self._wish.renew else "there") if there else ""
        yield Step(f"user {user}", "there", found, partial(self._log_in, role, logins, there=there))
        for database in self._plan.databases:
            expected = "ALL PRIVILEGES" if role is Role.GATEWAY else "READ"
            if database not in self._plan.may_read(role):
                expected = _NONE
            yield Step(
                f"{user} on {database}", expected, self._grants(user).get(database, _NONE),
                partial(self._grant, user, database, expected),
            )  # fmt: skip
        if (login := logins.read(role)) is not None:
            yield from reading_steps(self._plan, role, logged_in(self._client.address, login))

    def _users(self) -> set[str]:
        return {str(row[0]) for series in self._client.query("SHOW USERS") for row in series.values}

    def _log_in(self, role: Role, logins: Logins, *, there: bool) -> None:
        user, password = self._plan.account(role), new_password()
        logins.check()
        if there:
            self._do(f"SET PASSWORD FOR {identifier(user)} = {string(password)}")
        else:
            self._do(f"CREATE USER {identifier(user)} WITH PASSWORD {string(password)}")
        logins.write(role, f"{user}:{password}")

    def _grants(self, user: str) -> dict[str, str]:
        if user not in self._users():
            return {}
        series = self._client.query(f"SHOW GRANTS FOR {identifier(user)}")
        granted = {str(row[0]): str(row[1]) for one in series for row in one.values}
        return {database: right for database, right in granted.items() if right != "NO PRIVILEGES"}

    def _grant(self, user: str, database: str, right: str) -> None:
        whom = f"ON {identifier(database)}"
        if right == _NONE:
            self._do(f"REVOKE ALL {whom} FROM {identifier(user)}")
        else:  # takes the place of what was granted before
            self._do(f"GRANT {right.removesuffix(' PRIVILEGES')} {whom} TO {identifier(user)}")


def first_admin(client: InfluxClient, login: str) -> bool:
    """Make the administrator of a server that asks for logins and has no user; tells whether that was so.

    `login` is `user:password`.
    """
    try:
        client.query("SHOW DATABASES")
    except ConfigurationError as error:
        if "create admin user first" not in error.message:
            raise
    else:
        return False
    user, _, password = login.partition(":")
    client.command(f"CREATE USER {identifier(user)} WITH PASSWORD {string(password)} WITH ALL PRIVILEGES")
    return True


def seconds_of(duration: str) -> int:
    """Read a duration as Go writes it: `168h0m0s`; `0s` = forever. Raises `ValueError`."""
    if not re.fullmatch(r"(\d+(\.\d+)?[hms])+", duration):
        raise ValueError(f"{duration!r} is no duration, expected one like 168h0m0s")
    parts = re.findall(r"(\d+(?:\.\d+)?)([hms])", duration)
    return round(sum(float(number) * _UNITS_S[unit] for number, unit in parts))


def _of(bucket: Bucket) -> str:
    return f"{identifier(bucket.policy)} ON {identifier(bucket.database)}"


def _durations(bucket: Bucket) -> str:
    return f"DURATION {bucket.seconds}s REPLICATION 1 SHARD DURATION {bucket.shard_s}s"
