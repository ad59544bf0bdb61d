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

    def stored(self, node: str) -> str:
        """What the gateway has stored of a node; QoS 1, not retained."""
        return f"{ROOT}/{self.mall}/node/{node}/stored"

    def agent_status(self, agent: str) -> str:
        """Birth and last will of an edge agent; QoS 1, retained. On a Pi the agent's id is its node's."""
        return f"{ROOT}/{self.mall}/agent/{agent}/status"

    def configuration(self, node: str) -> str:
        """What a node shall do; QoS 1, retained."""
        return f"{ROOT}/{self.mall}/node/{node}/config"

    def configuration_applied(self, node: str) -> str:
        """What a node has made of its desired configuration; QoS 1, retained."""
        return f"{ROOT}/{self.mall}/node/{node}/config/applied"

    def time_request(self, node: str) -> str:
        """A node asks what time it is; QoS 0, not retained."""
        return f"{ROOT}/{self.mall}/node/{node}/time/request"

    def time_answer(self, node: str) -> str:
        """The gateway's answer; QoS 0, not retained."""
        return f"{ROOT}/{self.mall}/node/{node}/time/answer"

    def opt_out(self) -> str:
        """The mall's opt-out list: whom no node reports; QoS 1, retained."""
        return f"{ROOT}/{self.mall}/optout"

    def enrolled_plates(self) -> str:
        """Plates enrolled with consent, which nodes know again; QoS 1, retained."""
        return f"{ROOT}/{self.mall}/plates/enrolled"

    def enrolled_devices(self) -> str:
        """Members' phones, which nodes name by their digests; QoS 1, retained."""
        return f"{ROOT}/{self.mall}/devices/enrolled"

    def positions(self, floor: str) -> str:
        """Position snapshots of a floor; QoS 0, not retained."""
        return f"{ROOT}/{self.mall}/floor/{floor}/positions"

    def event(self, kind: str, zone: str) -> str:
        """Events; QoS 1, not retained. `kind` is an `EventKind`; paths have zone `mall`, cars their area."""
        return f"{ROOT}/{self.mall}/events/{kind}/{zone}"

    def crm_event(self, kind: str, zone: str) -> str:
        """Events that may name a member, for those who may read members; QoS 1, not retained."""
        return f"{ROOT}/{self.mall}/crm/events/{kind}/{zone}"

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
    def all_time_requests(self) -> str:
        """Filter for the requests for the time of every node."""
        return self.time_request("+")

    @property
    def all_agents(self) -> str:
        """Filter for the status of every agent."""
        return self.agent_status("+")

    @property
    def all_events(self) -> str:
        """Filter for every zone event."""
        return f"{ROOT}/{self.mall}/events/#"

    @property
    def all_crm_events(self) -> str:
        """Filter for every event of the CRM's feed."""
        return f"{ROOT}/{self.mall}/crm/events/#"


class EdgeTopic(NamedTuple):
    """What a topic that an edge agent publishes to says of its message."""

    mall: str
    sender: str
    """Id of the node, or of the agent where `what` is `status`."""
    what: str
    """`observations`, `health`, `status` or `time/request`."""


def read_edge_topic(topic: str) -> EdgeTopic | None:
    """The parts of a topic an edge agent publishes to; None for any other topic."""
    match topic.removeprefix(f"{ROOT}/").split("/"):
        case [mall, "node", sender, ("observations" | "health") as what]:
            return EdgeTopic(mall, sender, what)
        case [mall, "node", sender, "time", "request"]:
            return EdgeTopic(mall, sender, "time/request")
        case [mall, "agent", sender, "status"]:
            return EdgeTopic(mall, sender, "status")
        case _:
            return None
