"""The one way to an InfluxDB: what its answers mean, against real servers and what none does on purpose."""

import gzip
import time

import pytest

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.errors import RefusedError, TooLargeError
from tests.gateway.answering import Answer, answering, http
from tests.influx import Influxd
from tests.support import free_port
from tests.victoria import Victoria


def client(port: int, database: str = "mall", *, major: int | None = None, **beside: str) -> InfluxClient:
    """Make a client that is impatient."""
    address = InfluxAddress.parse(f"influx://127.0.0.1:{port}/{database}", **beside)  # type: ignore[arg-type]
    return InfluxClient(address, major=major, answer_timeout_s=1.0)


def body(text: str) -> bytes:
    """Make the body of a write."""
    return gzip.compress(text.encode())


def test_writes_and_asks(influxd: Influxd) -> None:
    """What is written to a real InfluxDB is found by a question, with its time to the millisecond."""
    influxd.make_database("client", "raw")
    influx = client(influxd.port, "client")
    assert (influx.ping().startswith("1.6"), influx.major) == (True, 1)
    influx.write(
        "client", "raw", body("m,mall=a x=1.5,n=2i 1760000400001000007\nm,mall=b x=2 1760000400002000000\n")
    )
    (series,) = influx.query("SELECT x, n FROM raw.m WHERE mall = 'a'", database="client")
    assert (series.name, series.columns, series.values) == (
        "m",
        ["time", "x", "n"],
        [[1760000400001, 1.5, 2]],
    )
    assert influx.query("SELECT x FROM raw.none", database="client") == []
    influx.close()


@pytest.mark.parametrize(
    ("policy", "text", "kind", "dropped"),
    [
        ("none", "m x=1", ConfigurationError, None),
        ("raw", 'm x="text"', RefusedError, 1),
        ("raw", "no line protocol", RefusedError, None),
        ("short", "m x=1 1000", RefusedError, 1),
    ],
)
def test_real_refusals(
    influxd: Influxd, policy: str, text: str, kind: type[MallsenseError], dropped: int | None
) -> None:
    """A missing policy waits for a person; a wrong type, no protocol, a point too old are refused."""
    influxd.make_database("refusals", "raw")
    influxd.do('CREATE RETENTION POLICY "short" ON "refusals" DURATION 1h REPLICATION 1')
    influx = client(influxd.port, "refusals")
    influx.write("refusals", "raw", body("m x=1"))
    with pytest.raises(kind) as found:
        influx.write("refusals", policy, body(text))
    assert found.value.hint
    if isinstance(found.value, RefusedError):
        assert found.value.dropped == dropped
    with pytest.raises(ConfigurationError, match="store init"):
        influx.write("missing", "raw", body("m x=1"))
    with pytest.raises(ConfigurationError, match="error parsing"):
        influx.query("SELECT", database="refusals")
    influx.close()


@pytest.mark.parametrize("major", [1, 2])
def test_writes_as_each_version_wants_it(victoria: Victoria, major: int) -> None:
    """A real VictoriaMetrics takes points at /write and at /api/v2/write, gzipped, with their times."""
    influx = client(victoria.port, major=major)
    start_ms = 1_760_000_400_000 + major
    influx.write("mall", "raw", body(f"written,by=v{major} x=1.5,n=2i {start_ms}000007\n"))
    found = {
        one["metric"]["__name__"]: (one["values"], one["timestamps"])
        for one in victoria.series(f'{{by="v{major}"}}')
    }
    assert found == {"written_x": ([1.5], [start_ms]), "written_n": ([2], [start_ms])}
    influx.close()


@pytest.mark.parametrize(
    ("version", "start"),
    [
        (
            http("204 No Content", b"", "X-Influxdb-Version: 1.6.7~rc0"),
            b"POST /write?db=mall&rp=raw&precision=ns ",
        ),
        (
            http("204 No Content", b"", "X-Influxdb-Version: v2.7.10"),
            b"POST /api/v2/write?org=group&bucket=mall%2Fraw&precision=ns ",
        ),
        (http("200 OK", b'{"version":"3.2.0","revision":"x"}'), b"POST /write?db=mall&rp=raw&precision=ns "),
    ],
)
def test_request_is_that_of_the_version(version: bytes, start: bytes) -> None:
    """By its /ping a server is known, and written to as its version wants: by documentation, for 2 and 3."""
    with answering(version, http("204 No Content")) as (port, requests):
        address = InfluxAddress.parse(f"influx://127.0.0.1:{port}/mall?org=group", token="s3cret")
        influx = InfluxClient(address)
        influx.write("mall", "raw", body("m x=1\n"))
        influx.close()
    assert requests[0].startswith(b"GET /ping ")
    assert requests[1].startswith(start)
    head, _, sent = requests[1].partition(b"\r\n\r\n")
    assert gzip.decompress(sent) == b"m x=1\n"
    assert b"Content-Encoding: gzip" in head
    assert b"Authorization: Token s3cret" in head


WRITES: list[tuple[Answer, type[MallsenseError]]] = [
    (
        http("401 Unauthorized", b'{"code":"unauthorized","message":"unauthorized access"}'),
        ConfigurationError,
    ),
    (http("403 Forbidden", b'{"error":"not authorized"}'), ConfigurationError),
    (http("404 Not Found", b'{"code":"not found","message":"bucket \\"x\\" not found"}'), ConfigurationError),
    (http("404 Not Found", b"<html>nothing here"), UnavailableError),
    (http("413 Request Entity Too Large", b"<html>nginx"), TooLargeError),
    (
        http(
            "422 Unprocessable Entity", b'{"code":"x","message":"failure writing: partial write dropped=3"}'
        ),
        RefusedError,
    ),
    (http("400 Bad Request", b'{"error":"partial write: x dropped=2"}'), RefusedError),
    (http("400 Bad Request", b"<html>a proxy"), UnavailableError),
    (http("429 Too Many Requests"), UnavailableError),
    (http("500 Internal Server Error", b'{"error":"timeout"}'), UnavailableError),
    (http("503 Service Unavailable"), UnavailableError),
    (http("302 Found", b"", "Location: http://elsewhere/"), UnavailableError),
    (http("200 OK", b"<html>log in to the Wi-Fi"), UnavailableError),
    (b"HTTP/1.1 2", UnavailableError),
    (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 99\r\n\r\n{", UnavailableError),
    (b"220 mail.example ESMTP\r\n", UnavailableError),
    (b"\x16\x03\x01\xff\xff\x00", UnavailableError),
    (b"", UnavailableError),
    (None, UnavailableError),
]


@pytest.mark.parametrize(("answer", "kind"), WRITES)
def test_answer_to_a_write(answer: Answer, kind: type[MallsenseError]) -> None:
    """Only 204 says that points have arrived, and only InfluxDB's own words that they never will."""
    with answering(answer) as (port, _):
        influx = client(port, major=1)
        with pytest.raises(kind) as found:
            influx.write("mall", "raw", body("m x=1"))
        assert type(found.value) is kind
        assert "Traceback" not in str(found.value)
        assert "0x" not in str(found.value)
        influx.close()


@pytest.mark.parametrize(
    "answer",
    [
        http("200 OK", b"<html>"),
        http("200 OK", b"\xff\xfe"),
        http("200 OK", b"{}"),
        http("200 OK", b'{"results":[{"series":[{"columns":7}]}]}'),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        None,
    ],
)
def test_answer_to_a_question_that_is_none(answer: Answer) -> None:
    """A broken answer is no empty history: the caller is told to come again."""
    with answering(answer) as (port, _):
        influx = client(port, major=1)
        with pytest.raises(UnavailableError):
            influx.query("SELECT 1", database="mall")
        influx.close()


def test_nobody_there_or_somebody_else() -> None:
    """A server that is away, and one that is no InfluxDB, are told apart; neither message has a secret."""
    away = client(free_port(), token="anna:s3cret")
    with pytest.raises(UnavailableError, match="Connection refused") as found:
        away.ping()
    assert "s3cret" not in str(found.value)
    with (
        answering(http("200 OK", b"hello")) as (port, _),
        pytest.raises(UnavailableError, match="no InfluxDB"),
    ):
        client(port).ping()


def test_silent_server_is_given_up() -> None:
    """A server that takes a connection and says nothing holds nobody up for longer than it may."""
    with answering(None) as (port, _):
        start_s = time.monotonic()
        with pytest.raises(UnavailableError, match="timed out"):
            client(port).ping()
        assert time.monotonic() - start_s < 10
