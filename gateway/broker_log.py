"""Who the broker has refused, by its log, which mosquitto publishes to `$SYS/broker/log` (`log_dest topic`).

A client without a valid certificate never gets as far as the gateway; without this, nobody would see that it
tried. mosquitto says what it refused in words only; these are those of mosquitto 2.
"""

import re

TOPICS = ("$SYS/broker/log/E", "$SYS/broker/log/N")
"""Errors and notices."""
PREFIX = "$SYS/broker/log/"

_CAUSES = (
    ("broker_certificate", r"peer did not return a certificate|certificate verify failed"),
    ("broker_not_trusted", r"alert (unknown ca|bad certificate|certificate \w+)"),
    ("broker_no_tls", r"wrong version number|http request|unsupported protocol|no shared cipher"),
    ("broker_oversized", r"disconnected due to oversize"),
    (
        "broker_malformed",
        r"disconnected due to (malformed|protocol)|Invalid (subscription|QoS|unsubscription)",
    ),
    ("broker_not_authorised", r"disconnected, not authorised"),
    ("broker_taken_over", r"already connected, closing old connection"),
)
_PATTERNS = [(cause, re.compile(pattern, re.IGNORECASE)) for cause, pattern in _CAUSES]


def cause_of(line: str) -> str | None:
    """The cause (a key of `gateway.refusals.ADVICE`) of a refusal that a line tells of, or None."""
    return next((cause for cause, pattern in _PATTERNS if pattern.search(line)), None)
