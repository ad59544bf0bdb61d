"""What a node is told from the mall: its desired configuration, and the time."""

import time
from collections.abc import Callable

from msgspec.structs import replace

from contracts.control import NodeConfiguration
from contracts.messages import NodeHealth
from contracts.topics import Topics
from edge_agent.clock_offset import ClockOffset
from edge_agent.configuring import Configurator
from edge_agent.connection import Connection, Taker


class Guidance:
    """For the agent of one node."""

    def __init__(
        self,
        node: str,
        source: object,
        *,
        wall: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`source` may be `Tunable`; `wall` is the node's clock, seconds since 1970."""
        self._node = node
        self._configurator = Configurator(node, source)
        self._clock = ClockOffset(node, wall=wall, monotonic=monotonic)

    @property
    def active(self) -> NodeConfiguration:
        """What the node works by now."""
        return self._configurator.active

    def subscriptions(self, topics: Topics) -> dict[str, Taker]:
        """Give the topics to subscribe to, and who takes their messages."""
        return {
            topics.configuration(self._node): self._configurator.take,
            topics.time_answer(self._node): self._clock.take,
        }

    def tend(self, connection: Connection, topics: Topics) -> None:
        """Publish what is due: an acknowledgement, a request for the time. Call it every second or so."""
        if not connection.connected.is_set():
            return
        if (answer := self._configurator.answer()) is not None:
            connection.publish(topics.configuration_applied(self._node), answer, retain=True)
        if (request := self._clock.request()) is not None:
            connection.publish(topics.time_request(self._node), request, qos=0)

    def complete(self, health: NodeHealth) -> NodeHealth:
        """Add to a node's health what it knows from the mall."""
        return replace(health, clock_offset_ms=self._clock.offset_ms, configuration=self.active.revision)
