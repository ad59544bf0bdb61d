"""The feed over MQTT: every row to the mall's broker, QoS 1, on the topics of those who may read members."""

import asyncio
from contextlib import suppress

from contracts.topics import Topics
from gateway.crm.delivery.subscribers import Subscriber
from gateway.crm.delivery.transport import TAKEN, Answer, Letter, Verdict
from gateway.link import Link

TIMEOUT_S = 15.0


class BrokerTransport:
    """Publishes letters; one has arrived when the broker has acknowledged it."""

    def __init__(self, link: Link, topics: Topics, *, timeout_s: float = TIMEOUT_S) -> None:
        self._link = link
        self._topics = topics
        self._timeout_s = timeout_s

    async def send(self, to: Subscriber, letter: Letter) -> Answer:  # noqa: ARG002  # there is one broker
        """Publish, and wait for the broker's acknowledgement."""
        if not self._link.connected:
            return Answer(Verdict.AWAY, "the broker is not connected")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[str | None] = loop.create_future()

        def answered(problem: str | None) -> None:
            with suppress(RuntimeError):  # delivery has ended since; the row is published again
                loop.call_soon_threadsafe(_settle, done, problem)

        topic = self._topics.crm_event(letter.kind, letter.zone)
        self._link.publish_followed(topic, letter.payload, answered)
        try:
            problem = await asyncio.wait_for(done, self._timeout_s)
        except TimeoutError:
            return Answer(Verdict.AWAY, f"no acknowledgement within {self._timeout_s:g} s")
        return TAKEN if problem is None else Answer(Verdict.AWAY, f"the broker refuses: {problem}")

    async def close(self) -> None:
        """Leave the connection to the gateway, whose it is."""


def _settle(done: asyncio.Future[str | None], problem: str | None) -> None:
    if not done.done():
        done.set_result(problem)
