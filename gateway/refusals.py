"""What the gateway could not use: counted by cause, logged once per cause with what to do about it."""

import logging
from collections import Counter

_log = logging.getLogger(__name__)

ADVICE = {
    "oversized": "Messages larger than 4 MB are refused; let the node send smaller batches.",
    "topic": "Nothing but nodes' agents should publish below mallsense/v1/MALL/node and /agent.",
    "version": "Node and gateway speak different versions; update the older one.",
    "garbage": "Something else publishes to a node's topic, or the node is broken; see docs/asyncapi.json.",
    "sender": "The topic names another node than the payload; check the node's configuration.",
    "unknown_node": "Add the node to the site file, or stop it.",
    "broker_certificate": "Somebody connects without a good certificate; the broker's log has the address.",
    "broker_not_trusted": "Somebody does not trust the broker: a ca.crt of another mall, or a wrong clock.",
    "broker_no_tls": "Somebody connects without TLS; nodes use mqtts://. The broker's log has the address.",
    "broker_oversized": "Somebody sends more at once than the broker takes, which no node of ours does.",
    "broker_malformed": "Somebody sends what is no MQTT; see the broker's log.",
    "broker_not_authorised": "Somebody logs in who may not.",
    "broker_taken_over": "It was back before the broker saw it go. If it goes on, two use one certificate.",
}


class Refusals:
    """Counts of refused messages by cause. One thread counts, any thread reads."""

    def __init__(self) -> None:
        self.counters: Counter[str] = Counter()

    def count(self, cause: str, where: str, detail: str = "") -> None:
        """Count one, and log the first of its cause."""
        self.counters[cause] += 1
        if self.counters[cause] == 1:
            shown = f": {detail[:300]}" if detail else ""
            _log.warning(
                "a message on %s is skipped (%s)%s. %s Further ones are only counted.",
                where[:200], cause, shown, ADVICE[cause],
            )  # fmt: skip

    def count_at_broker(self, cause: str, line: str) -> None:
        """Count somebody whom the broker has refused, by a line of its log; log the first of its cause."""
        self.counters[cause] += 1
        if self.counters[cause] == 1:
            _log.warning(
                "the broker refuses somebody (%s): %s. %s Further ones are only counted.",
                cause, line[:300], ADVICE[cause],
            )  # fmt: skip
