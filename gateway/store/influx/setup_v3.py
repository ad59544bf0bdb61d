"""InfluxDB 3: databases called DATABASE/POLICY with their periods, and tokens as far as the edition has them.

Core knows administrators' tokens alone, which read everything; Enterprise has tokens with rights. Sources:
"Create a database", "Manage tokens" and the OpenAPI documents of Core and Enterprise 3.9
(docs.influxdata.com), and for `system.databases` influxdb3_system_tables/src/databases.rs.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec

from contracts.errors import ConfigurationError, MallsenseError
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.setup import (
    FOREVER_S,
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
from gateway.store.influx.setup_logins import Logins, doubtful

_DATABASE = "/api/v3/configure/database"
_TOKEN = "/api/v3/configure/token"  # noqa: S105  # a path
_RESOURCE_TOKEN = "/api/v3/enterprise/configure/token"  # noqa: S105
_JSON = {"Content-Type": "application/json"}
_NS = 1_000_000_000


class SetupV3:
    """What a mall needs of a 3.x; `logins` None = tokens are left as they are."""

    def __init__(self, client: InfluxClient, wish: Wish, logins: Logins | None) -> None:
        self._client = client
        self._wish = wish
        self._logins = logins
        build = client.call("GET", "/ping").headers.get("X-Influxdb-Build", "")
        self._enterprise = "enterprise" in build.lower()

    @property
    def _plan(self) -> Plan:
        return self._wish.plan

    def steps(self) -> Iterator[Step]:
        """What is needed, in order."""
        for bucket in self._plan.buckets:
            yield retention_step(
                bucket,
                self._kept_s().get(bucket.name),
                partial(self._make, bucket),
                partial(self._keep, bucket),
                self._wish,
            )
        if self._logins is not None:
            for role in Role:
                if self._enterprise or role is Role.GATEWAY:
                    yield from self._token_steps(role, self._logins)
                else:
                    yield Step(
                        f"token {self._plan.account(role)}", f"reads {self._plan.figures} alone",
                        "no such tokens in InfluxDB 3 Core",
                        hint="Every token of Core reads everything, positions of people too. Give Grafana"
                        " none: let it read the gateway (Infinity), or use 3 Enterprise, 2.x or 1.x.",
                    )  # fmt: skip

    def _ask(self, statement: str) -> list[dict[str, Any]]:
        answer = self._client.call(
            "GET", "/api/v3/query_sql", {"db": "_internal", "q": statement, "format": "json"}
        )
        rows: list[dict[str, Any]] = msgspec.json.decode(answer.data)
        return rows

    def _send(self, method: str, path: str, body: dict[str, Any]) -> Any:
        answer = self._client.call(method, path, body=body, headers=_JSON)
        return msgspec.json.decode(answer.data) if answer.data else None

    def _kept_s(self) -> dict[str, int]:
        """By name; a period that is absent is none, and one of 0 keeps nothing (unlike in 1.x and 2.x)."""
        rows = self._ask("SELECT database_name, retention_period_ns, deleted FROM system.databases")
        periods_ns = {
            row["database_name"]: row.get("retention_period_ns") for row in rows if not row["deleted"]
        }
        return {
            name: FOREVER_S if period is None else max(int(period) // _NS, 1)
            for name, period in periods_ns.items()
        }

    def _make(self, bucket: Bucket) -> None:
        try:
            self._send("POST", _DATABASE, {"db": bucket.name, "retention_period": f"{bucket.days}d"})
        except ConfigurationError as error:
            raise ConfigurationError(
                f"{error.message} (database {bucket.name})",
                "InfluxQL needs databases called DATABASE/POLICY: one that refuses the slash is too old."
                " Core takes five databases altogether, which is what one DATABASE needs.",
            ) from error

    def _keep(self, bucket: Bucket) -> None:
        try:
            self._send("PUT", _DATABASE, {"db": bucket.name, "retention_period": f"{bucket.days}d"})
        except MallsenseError as error:
            if self._enterprise:
                raise
            raise ConfigurationError(
                f"{error.message} (database {bucket.name})",
                "Some releases of InfluxDB 3 Core cannot change how long a database keeps points: use another"
                " DATABASE, and copy with 'mallsense store migrate'.",
            ) from error

    # Tokens: the server tells their names, and `reading_steps` what they may

    def _token_steps(self, role: Role, logins: Logins) -> Iterator[Step]:
        name, token = self._plan.account(role), logins.read(role)
        there = any(row["name"] == name for row in self._ask("SELECT name FROM system.tokens"))
        doubt = doubtful(f"token {name}", logins.path(role), there=there, kept=token is not None)
        if doubt and not self._wish.renew:
            yield doubt
            return
        found = (RENEW if self._wish.renew else "there") if there else ""
        yield Step(f"token {name}", "there", found, partial(self._issue, role, logins, there=there))
        if (token := logins.read(role)) is not None:
            yield from reading_steps(self._plan, role, logged_in(self._client.address, token))

    def _issue(self, role: Role, logins: Logins, *, there: bool) -> None:
        name = self._plan.account(role)
        logins.check()
        if there:  # names are unique, so the old one goes first
            self._client.call("DELETE", _TOKEN, {"token_name": name})
        if self._enterprise:
            readable = self._plan.may_read(role)
            names = [bucket.name for bucket in self._plan.buckets if bucket.database in readable]
            actions = ["read", "write"] if role is Role.GATEWAY else ["read"]
            permission = {"resource_type": "db", "resource_names": names, "actions": actions}
            made = self._send("POST", _RESOURCE_TOKEN, {"token_name": name, "permissions": [permission]})
        else:
            made = self._send("POST", f"{_TOKEN}/named_admin", {"token_name": name})
        logins.write(role, made["token"])


def first_admin(client: InfluxClient) -> str:
    """Have a new server make its operator token, which it does once; gives the token.

    Raises `ConfigurationError` or `UnavailableError` where it has one already.
    """
    answer = client.call("POST", f"{_TOKEN}/admin", headers=_JSON)
    token: str = msgspec.json.decode(answer.data)["token"]
    return token
