"""What an agent sees of its mall's gateway: whether it is there, and which batches it has stored."""

import logging
from collections import deque
from collections.abc import Callable, Sequence

from contracts.errors import MessageError
from contracts.messages import AgentState, GatewayStatus, StoredBatches, decode
from contracts.topics import Topics

_log = logging.getLogger(__name__)


class GatewayView:
    """Written by the network thread, read by the publisher's.

    A gateway that confirms says so in its status, which is retained. One that does not (an older one, or
    another program that takes the batches) says nothing: a batch is then safe when the broker has taken it.
    """

    def __init__(self) -> None:
        self.confirms: bool | None = None
        """None until its status is known, or it is clear that there is none."""
        self.online = True
        self.stored: deque[StoredBatches] = deque()
        """What it has confirmed, for the publisher to take out."""
        self._complained = False

    @property
    def away(self) -> bool:
        """Whether it would confirm, but is not there: there is no use in sending."""
        return bool(self.confirms) and not self.online

    def subscriptions(self, topics: Topics, nodes: Sequence[str]) -> dict[str, Callable[[bytes], None]]:
        """Give the topics to subscribe to for these nodes, and who takes their messages."""
        takers: dict[str, Callable[[bytes], None]] = {topics.stored(node): self._confirmed for node in nodes}
        takers[topics.gateway_status()] = self._status
        return takers

    def _status(self, payload: bytes) -> None:
        try:
            status = decode(payload, GatewayStatus)
        except MessageError as error:
            self._complain(error)
            return
        self.confirms = status.confirms
        self.online = status.state is AgentState.ONLINE

    def _confirmed(self, payload: bytes) -> None:
        try:
            self.stored.append(decode(payload, StoredBatches))
        except MessageError as error:
            self._complain(error)

    def _complain(self, error: MessageError) -> None:
        if not self._complained:
            _log.warning("a message of the gateway is passed over: %s. Are both of one version?", error)
        self._complained = True
