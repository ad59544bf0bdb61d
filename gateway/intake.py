"""From deliveries to what the engine and the node list take; what cannot be used is refused."""

from typing import TypeVar

import msgspec

from contracts.control import TimeRequest
from contracts.errors import MessageError
from contracts.messages import AgentStatus, Message, NodeHealth, ObservationBatch, decode
from contracts.site import Site
from contracts.topics import EdgeTopic, read_edge_topic
from gateway import broker_log
from gateway.broker import MAX_PAYLOAD_BYTES
from gateway.link import Delivery
from gateway.refusals import Refusals
from gateway.store.records import Input

M = TypeVar("M", bound=Message)


Arrival = tuple[Delivery, Input | NodeHealth | None]
"""A delivery, and what was read from it; None = nothing that can be used."""


class BatchName(msgspec.Struct):
    """What identifies a batch for good."""

    node: str
    boot: str
    seq: int


class _Version(msgspec.Struct):
    v: int = 1


_versions = msgspec.json.Decoder(_Version)
_names = msgspec.json.Decoder(BatchName)


class Intake:
    """Reads deliveries of one mall; `refusals` counts what it does not take."""

    def __init__(self, site: Site, refusals: Refusals) -> None:
        self._mall = site.mall.id
        self._nodes = {node.id for node in site.nodes}
        self._refusals = refusals

    def read(self, delivery: Delivery) -> Input | NodeHealth | None:
        """Give what a delivery says; None where it is refused, and counted."""
        if delivery.topic.startswith(broker_log.PREFIX):
            self._broker_says(delivery.payload.decode("utf-8", "replace"))
            return None
        topic = read_edge_topic(delivery.topic)
        if topic is None or topic.mall != self._mall:
            self._refusals.count("topic", delivery.topic)
        elif len(delivery.payload) > MAX_PAYLOAD_BYTES:
            self._refusals.count("oversized", delivery.topic, f"{len(delivery.payload)} bytes")
        elif topic.what == "status":
            return self._status(topic, delivery)
        elif topic.sender not in self._nodes:
            self._refusals.count("unknown_node", delivery.topic)
        elif topic.what == "health":
            return self._health(topic, delivery)
        elif topic.what == "time/request":  # one that could not be answered
            request = self._decode(delivery, TimeRequest)
            _ = request is not None and self._from(topic.sender, request.node, delivery)
        else:
            return self._batch(topic, delivery)
        return None

    def _broker_says(self, line: str) -> None:
        if (cause := broker_log.cause_of(line)) is not None:
            self._refusals.count_at_broker(cause, line)

    def _health(self, topic: EdgeTopic, delivery: Delivery) -> NodeHealth | None:
        health = self._decode(delivery, NodeHealth)
        return health if health is not None and self._from(topic.sender, health.node, delivery) else None

    def _batch(self, topic: EdgeTopic, delivery: Delivery) -> Input | None:
        batch = self._decode(delivery, ObservationBatch)
        if batch is None or not self._from(topic.sender, batch.node, delivery):  # an empty batch is falsy
            return None
        return Input(batch, delivery.payload)

    def _status(self, topic: EdgeTopic, delivery: Delivery) -> Input | None:
        if not delivery.payload:  # how a retained status is removed
            return None
        status = self._decode(delivery, AgentStatus)
        if status is None or not self._from(topic.sender, status.agent, delivery):
            return None
        if topic.sender in self._nodes and status.nodes != [topic.sender]:
            # The agent on a node has the node's id. It could say of others that they are gone.
            self._refusals.count("sender", delivery.topic, f"it speaks for {', '.join(status.nodes)}")
            return None
        if strangers := set(status.nodes) - self._nodes:
            self._refusals.count("unknown_node", delivery.topic, ", ".join(sorted(strangers)))
            known = [node for node in status.nodes if node in self._nodes]
            status = msgspec.structs.replace(status, nodes=known)
        return Input(status, delivery.payload) if status.nodes else None

    def _decode(self, delivery: Delivery, kind: type[M]) -> M | None:
        try:
            return decode(delivery.payload, kind)
        except MessageError as error:
            cause = "garbage" if _version(delivery.payload) == 1 else "version"
            self._refusals.count(cause, delivery.topic, str(error))
            return None

    def _from(self, sender: str, claimed: str, delivery: Delivery) -> bool:
        if sender != claimed:
            self._refusals.count("sender", delivery.topic, f"the payload says {claimed}")
        return sender == claimed


def name_of(delivery: Delivery) -> BatchName | None:
    """What a batch of observations calls itself that cannot be used otherwise; None where it does not say.

    Whoever sent it is to be told that there is no use in sending it again.
    """
    topic = read_edge_topic(delivery.topic)
    if topic is None or topic.what != "observations" or len(delivery.payload) > MAX_PAYLOAD_BYTES:
        return None
    try:
        name = _names.decode(delivery.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return name if name.node == topic.sender else None


def _version(payload: bytes) -> int:
    try:
        return _versions.decode(payload).v
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return 1
