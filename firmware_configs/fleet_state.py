"""How the nodes are, as the mall's gateway sees them: its HTTP API, `GET /api/v1/nodes`."""

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Any

import msgspec

from contracts.errors import ConfigurationError, UnavailableError

TIMEOUT_S = 10


class NodeState(msgspec.Struct, frozen=True):
    """A node in the gateway's words; what the API says beyond that is passed over."""

    id: str
    state: str
    """online, silent, offline or never."""
    last_ms: int | None = None
    lag_ms: int | None = None
    """How far it is behind the mall's time."""
    observations_per_min: int = 0
    spooled: int | None = None
    dropped: int | None = None
    temperature_c: float | None = None
    software: str | None = None
    advice: dict[str, str] | None = None
    """What to do, by language."""


def ask_gateway(url: str, token: str | None) -> dict[str, NodeState]:
    """Ask a gateway for all its nodes, by id.

    Raises:
        ConfigurationError: the address is none, or the gateway wants another token.
        UnavailableError: no gateway answers there.

    """
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"--gateway: expected http:// or https://, found {url}", "Write it like http://127.0.0.1:8000."
        )
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"{url.rstrip('/')}/api/v1/nodes", headers=headers)  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310  # checked above
            rows: Any = json.load(answer)
        return {node.id: node for node in msgspec.convert(rows, list[NodeState])}
    except urllib.error.HTTPError as error:
        error.close()
        hint = "Is this the gateway's own address?"
        if error.code == HTTPStatus.UNAUTHORIZED:
            hint = "Set MALLSENSE_TOKEN to the gateway's token."
        raise ConfigurationError(
            f"the gateway at {url} refuses: {error.code} {error.reason}", hint
        ) from error
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"no gateway answers at {url}: {getattr(error, 'reason', error)}",
            "Start one with `mallsense gateway`, or give its address with --gateway.",
        ) from error
