"""The one way to an InfluxDB: writes of line protocol, and questions in InfluxQL.

Which of the three APIs a server speaks is found from its `/ping`. Sources: the HTTP API references of
InfluxDB 1.8, OSS 2 and 3 Core (docs.influxdata.com).
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlencode

import msgspec
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from urllib3.exceptions import HTTPError
from urllib3.response import BaseHTTPResponse

from contracts.errors import UnavailableError
from gateway.store.influx import errors
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.influxql import policy_of

CONNECT_TIMEOUT_S = 5.0
CHUNK_ROWS = 10_000
"""1.6.7 makes an answer of pieces of so many rows, and calls one of several pieces partial although it is
whole. Who has to be sure that nothing is cut off asks for no more at once."""

ANSWER_TIMEOUT_S = 30.0
"""How long a server may be silent."""


class Series(msgspec.Struct, frozen=True):
    """Rows of one measurement (and one set of tags, where grouped by tags)."""

    name: str = ""
    tags: dict[str, str] = {}
    columns: list[str] = []
    """`time` first, where there is a time; epoch milliseconds."""
    values: list[list[Any]] = []
    """One list a row, as long as `columns`."""
    partial: bool = False


class _Result(msgspec.Struct, frozen=True):
    series: list[Series] = []
    error: str | None = None
    partial: bool = False


class _Answer(msgspec.Struct, frozen=True):
    results: list[_Result] = []
    error: str | None = None


class _Pong(msgspec.Struct, frozen=True):
    version: str = ""


class InfluxClient:
    """A server. Any thread may call it, and several at once.

    Unless told otherwise, methods raise `UnavailableError` when the server cannot be reached, is overloaded
    or does not answer as an InfluxDB does, and `ConfigurationError` when it does not let us in, or does not
    have what is asked for.
    """

    def __init__(
        self, address: InfluxAddress, *, major: int | None = None, answer_timeout_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        """Connects when first asked.

        `major` is the API to speak (1, 2 or 3), for servers that do not tell by themselves:
        VictoriaMetrics does not, and takes what 1.x and what 2.x takes.
        """
        self.address = address
        self._where = str(address)
        self._major = major
        self._ping = threading.Lock()
        login: dict[str, Any] = {"token": address.token}
        if address.user is not None:
            login = {"token": f"{address.user}:{address.password}", "auth_basic": True}
        self.influx = InfluxDBClient(
            address.url,
            timeout=(int(CONNECT_TIMEOUT_S * 1000), int(answer_timeout_s * 1000)),
            org=address.org or "",
            ssl_ca_cert=None if address.ca is None else str(address.ca),
            **login,
        )
        """influxdb-client's own client, for the administration of a 2.x."""

    def ping(self) -> str:
        """The server's version, as it tells: `1.6.7`, `v2.7.10`, `3.2.0`."""
        response = self.call("GET", "/ping")
        version: str = response.headers.get("X-Influxdb-Version", "")
        if not version:
            try:
                version = msgspec.json.decode(response.data, type=_Pong).version
            except (msgspec.DecodeError, UnicodeDecodeError):
                version = ""
        found = re.search(r"\d+", version)
        if found is None or int(found[0]) not in (1, 2, 3):
            raise UnavailableError(
                f"{self._where}: what answers there is no InfluxDB 1.x, 2.x or 3.x",
                "Check host and port of the store's address.",
            )
        with self._ping:
            self._major = self._major or int(found[0])
        return version

    @property
    def major(self) -> int:
        """Which API is spoken: 1, 2 or 3; asks the server once."""
        if self._major is None:
            self.ping()
        return self._major or 1

    def write(self, database: str, policy: str, body: bytes) -> None:
        """Write line protocol with times in ns, gzipped; returns once the server has all of it.

        Raises `RefusedError` when the server will never take some of the points, `TooLargeError` when there
        are too many at once.
        """
        if self.major == 2:
            org = {"org": self.address.org} if self.address.org else {}
            path, target = "/api/v2/write", {**org, "bucket": f"{database}/{policy}"}
        else:  # 3.x takes a name with a slash here, and not at /api/v2/write (influxdb3_server/src/http.rs)
            path, target = "/write", {"db": database, "rp": policy}
        headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}
        response = self.call("POST", path, {**target, "precision": "ns"}, body=body, headers=headers)
        if response.status != HTTPStatus.NO_CONTENT:
            raise UnavailableError(
                f"{self._where}: a write was answered with status {response.status} instead of 204",
                errors.STRANGER,
            )

    def query(
        self,
        statement: str,
        *,
        database: str | None = None,
        policy: str | None = None,
        epoch: Literal["ms", "ns"] = "ms",
    ) -> list[Series]:
        """Ask one question in InfluxQL; times are epoch milliseconds, or nanoseconds where `epoch` says so.

        Raises `ConfigurationError` also where the server does not understand the statement, and `CutOffError`
        where it gives only a part of the answer (`max-row-limit` of 1.x).
        """
        return self._ask("GET", statement, database, policy, epoch)

    def command(self, statement: str, *, database: str | None = None) -> list[Series]:
        """Have one InfluxQL statement done that changes something (1.x: CREATE DATABASE ...)."""
        return self._ask("POST", statement, database, None)

    def _ask(
        self, method: str, statement: str, database: str | None, policy: str | None, epoch: str = "ms"
    ) -> list[Series]:
        if database and self.major == 3 and (named := policy or policy_of(statement)):
            # A policy is part of a database's name there, and not looked for after FROM
            # (iox_query_influxql_rewrite/src/lib.rs, resolve_dbrp).
            database, policy = f"{database}/{named}", None
        asked = {"q": statement, "db": database, "rp": policy, "epoch": epoch}
        params = {key: value for key, value in asked.items() if value}
        if method == "GET":
            response = self.call(method, "/query", params)
        else:  # in the body: a statement may hold a password, and addresses come into logs
            form = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
            response = self.call(method, "/query", body=urlencode(params), headers=form)
        try:
            answer = msgspec.json.decode(response.data, type=_Answer)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UnavailableError(
                f"{self._where}: the answer to a question is not InfluxDB's JSON: {error}", errors.STRANGER
            ) from error
        if not answer.results and not answer.error:
            raise UnavailableError(f"{self._where}: the answer to a question is empty", errors.STRANGER)
        for problem in (answer.error, *(result.error for result in answer.results)):
            if problem:
                raise errors.explain(self._where, HTTPStatus.BAD_REQUEST, problem, "/query")
        series = answer.results[0].series
        if answer.results[0].partial or any(one.partial and len(one.values) <= CHUNK_ROWS for one in series):
            raise errors.CutOffError(self._where)
        return series

    def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        body: bytes | str | Mapping[str, Any] = "",
        headers: Mapping[str, str] | None = None,
    ) -> BaseHTTPResponse:
        """Send one request; gives the answer, read completely, if its status is 2xx.

        A mapping as body is sent as JSON, where the headers say so.

        Raises `RefusedError` and `TooLargeError` where the server says so.
        """
        with self.explained(path):
            response: BaseHTTPResponse = self.influx.api_client.call_api(  # type: ignore[no-untyped-call]
                path,
                method,
                query_params=list((params or {}).items()),
                header_params={"Accept": "application/json", "Content-Type": "text/plain", **(headers or {})},
                body=body,
                _preload_content=False,  # the answer as it came: influxdb-client would decode it
                _return_http_data_only=True,
            )
            response.read(cache_content=True)
        return response

    @contextmanager
    def explained(self, path: str) -> Iterator[None]:
        """Turn what influxdb-client raises in a request of this path into errors that say what to do."""
        try:
            yield
        except ApiException as error:
            if not error.status:  # influxdb-client's way to say that TLS failed
                raise errors.no_tls(self._where, str(error.reason)) from error
            raise errors.explain(self._where, int(error.status), _words(error), path) from error
        except (HTTPError, OSError) as error:
            raise errors.unreachable(self._where, error) from error

    def close(self) -> None:
        """Let go of the connections."""
        self.influx.close()  # type: ignore[no-untyped-call]


def _words(error: ApiException) -> str | None:
    try:
        return errors.said(error.body or b"")
    except HTTPError:  # the answer broke off
        return None
