"""The MQTT topics, in one place: how they are written and how they are read back."""

from dataclasses import dataclass
from typing import NamedTuple

ROOT = "mallsense/v1"
"""Changes with any message that an old reader could not read."""


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one mall. Ids come from a site file, so they hold no `/`, `+` or `#`."""

    mall: str

    def observations(self, node: str) -> str:
        """Observation batches of a node; QoS 1, not retained."""
        return f"{ROOT}/{self.mall}/node/{node}/observations"

    def health(self, node: str) -> str:
        """Health of a node; QoS 1, retained."""
        return f"{ROOT}/{self.mall}/node/{node}/health"

    def agent_status(self, agent: str) -> str:
        """Birth and last will of an edge agent; QoS 1, retained. On a Pi the agent's id is its node's."""
        return f"{ROOT}/{self.mall}/agent/{agent}/status"

    def positions(self, floor: str) -> str:
        """Position snapshots of a floor; QoS 0, not retained."""
        return f"{ROOT}/{self.mall}/floor/{floor}/positions"

    def event(self, kind: str, zone: str) -> str:
        """Zone events; QoS 1, not retained. `kind` is an `EventKind`; paths have zone `mall`."""
        return f"{ROOT}/{self.mall}/events/{kind}/{zone}"

    def gateway_status(self) -> str:
        """Birth and last will of the gateway; QoS 1, retained."""
        return f"{ROOT}/{self.mall}/gateway/status"

    @property
    def all_observations(self) -> str:
        """Filter for the observations of every node."""
        return self.observations("+")

    @property
    def all_health(self) -> str:
        """Filter for the health of every node."""
        return self.health("+")

    @property
    def all_agents(self) -> str:
        """Filter for the status of every agent."""
        return self.agent_status("+")

    @property
    def all_events(self) -> str:
        """Filter for every zone event."""
        return f"{ROOT}/{self.mall}/events/#"


class EdgeTopic(NamedTuple):
    """What a topic that an edge agent publishes to says of its message."""

    mall: str
    sender: str
    """Id of the node, or of the agent where `what` is `status`."""
    what: str
    """`observations`, `health` or `status`."""


def read_edge_topic(topic: str) -> EdgeTopic | None:
    """The parts of a topic an edge agent publishes to; None for any other topic."""
    match topic.removeprefix(f"{ROOT}/").split("/"):
        case [mall, "node", sender, ("observations" | "health") as what]:
            return EdgeTopic(mall, sender, what)
        case [mall, "agent", sender, "status"]:
            return EdgeTopic(mall, sender, "status")
        case _:
            return None
