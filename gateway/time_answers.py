"""Tells nodes what time it is: their clocks are measured against the gateway's (edge_agent.clock_offset)."""

from collections.abc import Callable

from contracts.control import TimeAnswer, TimeRequest
from contracts.errors import MessageError
from contracts.messages import decode, encode
from contracts.site import Site
from contracts.topics import Topics, read_edge_topic
from gateway.link import Delivery


class TimeAnswers:
    """Answers requests for the time, at once: what waits in a queue would be measured as a slow network.

    The answer goes to the topic of the node whose topic the request came on, never to one that a request
    names: a node must not be able to make the gateway publish where itself may not.
    """

    def __init__(
        self, site: Site, *, publish: Callable[[str, bytes], None], now_us: Callable[[], int]
    ) -> None:
        """`publish` sends a payload to a topic; `now_us` gives microseconds since 1970."""
        self._topics = Topics(site.mall.id)
        self._nodes = {node.id for node in site.nodes}
        self._publish = publish
        self._now_us = now_us

    def take(self, delivery: Delivery) -> bool:
        """Answer a request for the time; tells whether the delivery was one that could be answered."""
        received_us = self._now_us()
        topic = read_edge_topic(delivery.topic)
        if topic is None or topic.what != "time/request" or topic.mall != self._topics.mall:
            return False
        try:
            request = decode(delivery.payload, TimeRequest)
        except MessageError:
            return False
        if topic.sender not in self._nodes or request.node != topic.sender:
            return False
        answer = TimeAnswer(id=request.id, received_us=received_us, sent_us=self._now_us())
        self._publish(self._topics.time_answer(topic.sender), encode(answer))
        return True
