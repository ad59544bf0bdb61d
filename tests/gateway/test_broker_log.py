"""What mosquitto says of those whom it refuses is understood; what it says of others is left alone."""

import pytest

from contracts.topics import Topics
from gateway.broker_log import PREFIX, TOPICS, cause_of
from gateway.intake import Intake
from gateway.link import Delivery
from gateway.refusals import ADVICE, Refusals
from tests.gateway.crowd import small_site

REFUSED = [
    (
        "OpenSSL Error[0]: error:0A0000C7:SSL routines::peer did not return a certificate",
        "broker_certificate",
    ),
    ("OpenSSL Error[0]: error:0A000086:SSL routines::certificate verify failed", "broker_certificate"),
    (
        "Client connection from 10.0.0.9 failed: error:0A000086:SSL routines::certificate verify failed.",
        "broker_certificate",
    ),
    (
        "Client connection from 10.0.0.9 failed: error:0A00010B:SSL routines::wrong version number.",
        "broker_no_tls",
    ),
    ("OpenSSL Error[0]: error:0A000418:SSL routines::tlsv1 alert unknown ca", "broker_not_trusted"),
    ("OpenSSL Error[0]: error:0A000412:SSL routines::sslv3 alert bad certificate", "broker_not_trusted"),
    ("OpenSSL Error[0]: error:0A000415:SSL routines::sslv3 alert certificate expired", "broker_not_trusted"),
    ("Client n01 disconnected due to oversize packet.", "broker_oversized"),
    ("Client n01 disconnected due to malformed packet.", "broker_malformed"),
    ("Client <unknown> disconnected due to protocol error.", "broker_malformed"),
    ("Client n01 disconnected, not authorised.", "broker_not_authorised"),
    ("Client n01 already connected, closing old connection.", "broker_taken_over"),
]
OTHERS = [
    "New connection from 127.0.0.1:53667 on port 8883.",
    "New client connected from 127.0.0.1:53667 as n01 (p5, c1, k60, u'n01').",
    "Client n01 disconnected.",
    "Client n01 closed its connection.",
    "Client <unknown> disconnected: Protocol error.",  # follows what OpenSSL says of the same client
    "Client n01 has exceeded timeout, disconnecting.",
    "Warning: Mosquitto should not be run as root/administrator.",
    "",
]


@pytest.mark.parametrize(("line", "cause"), REFUSED)
def test_refusals_have_a_cause(line: str, cause: str) -> None:
    """Each line by which mosquitto 2 tells of a refusal has its cause, and the cause has advice."""
    assert cause_of(f"1795326257: {line}") == cause
    assert cause in ADVICE


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_have_none(line: str) -> None:
    """Lines about clients that come and go are no refusals."""
    assert cause_of(line) is None


def test_they_are_counted() -> None:
    """A line of the broker's log that comes over MQTT counts as a refusal at the broker, and as no other."""
    refusals = Refusals()
    intake = Intake(small_site(), refusals)
    for line, _ in REFUSED:
        assert intake.read(Delivery(TOPICS[0], line.encode(), 0, 0, 1)) is None
    for line in (*OTHERS, "\udcff"):
        payload = line.encode("utf-8", "surrogateescape")
        assert intake.read(Delivery(f"{PREFIX}N", payload, 0, 0, 1)) is None
    assert sum(refusals.counters.values()) == len(REFUSED)
    assert all(cause.startswith("broker_") for cause in refusals.counters)
    assert not Topics("small").observations("n10").startswith(PREFIX)
