"""The AsyncAPI 3.0 description of the MQTT interface, made from the message types themselves.

`python -m contracts.asyncapi > docs/asyncapi.json` writes it; a test fails when the two differ.
"""

import sys
from typing import Any

import msgspec
from msgspec import Struct

from contracts.control import (
    ConfigurationApplied,
    EnrolledDevices,
    EnrolledPlates,
    NodeConfiguration,
    OptOutList,
    TimeAnswer,
    TimeRequest,
)
from contracts.crm import FeedEvent
from contracts.events import CarEvent, CarParkEvent, EventKind, PathEvent, VisitEvent
from contracts.messages import (
    AgentStatus,
    GatewayStatus,
    NodeHealth,
    ObservationBatch,
    PositionSnapshot,
    StoredBatches,
)
from contracts.topics import Topics

Document = dict[str, Any]

PARAMETERS = {
    "mall": "The mall's id, from its site file",
    "node": "A node's id, from the site file",
    "agent": "An edge agent's id; on a Pi the same as its node's",
    "floor": "A floor's id, from the site file",
    "zone": "Id of a zone or of an area of the car park; `mall` for paths, `car-park` for all of it",
    "kind": ", ".join(EventKind),
}

EVENTS: list[type[Struct]] = [VisitEvent, PathEvent, CarEvent, CarParkEvent]
CLOUD_EVENTS = [*EVENTS, FeedEvent]

_TOPICS = Topics("{mall}")

CHANNELS: dict[str, tuple[str, str, list[type[Struct]]]] = {
    "observations": (_TOPICS.observations("{node}"), "send", [ObservationBatch]),
    "health": (_TOPICS.health("{node}"), "send", [NodeHealth]),
    "agentStatus": (_TOPICS.agent_status("{agent}"), "send", [AgentStatus]),
    "stored": (_TOPICS.stored("{node}"), "receive", [StoredBatches]),
    "configuration": (_TOPICS.configuration("{node}"), "receive", [NodeConfiguration]),
    "configurationApplied": (_TOPICS.configuration_applied("{node}"), "send", [ConfigurationApplied]),
    "timeRequest": (_TOPICS.time_request("{node}"), "send", [TimeRequest]),
    "timeAnswer": (_TOPICS.time_answer("{node}"), "receive", [TimeAnswer]),
    "optOut": (_TOPICS.opt_out(), "receive", [OptOutList]),
    "enrolledPlates": (_TOPICS.enrolled_plates(), "receive", [EnrolledPlates]),
    "enrolledDevices": (_TOPICS.enrolled_devices(), "receive", [EnrolledDevices]),
    "positions": (_TOPICS.positions("{floor}"), "receive", [PositionSnapshot]),
    "events": (_TOPICS.event("{kind}", "{zone}"), "receive", EVENTS),
    "crmEvents": (_TOPICS.crm_event("{kind}", "{zone}"), "receive", [FeedEvent]),
    "gatewayStatus": (_TOPICS.gateway_status(), "receive", [GatewayStatus]),
}
"""Per channel: its topic, what a node (send) or a subscriber (receive) does there, its messages."""

QOS_RETAIN = {
    "observations": (1, False),
    "health": (1, True),
    "agentStatus": (1, True),
    "stored": (1, False),
    "configuration": (1, True),
    "configurationApplied": (1, True),
    "timeRequest": (0, False),
    "timeAnswer": (0, False),
    "optOut": (1, True),
    "enrolledPlates": (1, True),
    "enrolledDevices": (1, True),
    "positions": (0, False),
    "events": (1, False),
    "crmEvents": (1, False),
    "gatewayStatus": (1, True),
}


def document() -> Document:
    """The whole AsyncAPI document, JSON-able; its schemas are JSON Schema 2020-12."""
    messages = [kind for _, _, kinds in CHANNELS.values() for kind in kinds]
    _, schemas = msgspec.json.schema_components(messages, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "mallsense over MQTT",
            "version": "1.0.0",
            "description": "What nodes send to a mall's gateway, and what the gateway publishes. "
            "Payloads are JSON; every message carries its version.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(address, kinds) for name, (address, _, kinds) in CHANNELS.items()},
        "operations": {name: _operation(name, action) for name, (_, action, _) in CHANNELS.items()},
        "components": {
            "schemas": schemas,
            "messages": {kind.__name__: _message(kind) for kind in messages},
        },
    }


def _channel(address: str, kinds: list[type[Struct]]) -> Document:
    return {
        "address": address,
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds},
        "parameters": {
            name: {"description": text} for name, text in PARAMETERS.items() if f"{{{name}}}" in address
        },
    }


def _operation(name: str, action: str) -> Document:
    qos, retain = QOS_RETAIN[name]
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{name}"},
        "bindings": {"mqtt": {"qos": qos, "retain": retain, "bindingVersion": "0.2.0"}},
    }


def _message(kind: type[Struct]) -> Document:
    return {
        "name": kind.__name__,
        "summary": (kind.__doc__ or "").strip().splitlines()[0],
        "contentType": "application/cloudevents+json" if kind in CLOUD_EVENTS else "application/json",
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
    }


def text() -> str:
    """The document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
