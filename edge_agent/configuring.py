"""The desired configuration of a node: taken from a retained message, checked, applied, acknowledged.

A configuration is taken as a whole or not at all. It is not kept on the node: the broker has it, and hands it
over at every connection; until then the node works as it was installed, so one that makes trouble is got rid
of by taking it off the broker and starting the node again.
"""

import logging
import re
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec
from pydantic import ValidationError

from contracts.control import ConfigurationApplied, NodeConfiguration, RadioSettings
from contracts.errors import MessageError
from contracts.messages import FrameKind, decode, encode
from contracts.site.model import Radio
from edge_agent.sources.protocol import Heard

_log = logging.getLogger(__name__)

_FIELD = re.compile(r"`\$\.(\w+)|(?:unknown|required) field `(\w+)`")
"""Where msgspec names the field that it does not like."""


@runtime_checkable
class Tunable(Protocol):
    """A source with radios whose channels can be changed while it runs."""

    def retune(self, radios: Sequence[Radio] | None) -> str:
        """Listen as these say from now on, None = as at the start; give why not, and change nothing then."""
        ...


class Configurator:
    """Takes a node's desired configuration in; `active` is what it works by.

    `take` is called by the network thread; the others may read at any time.
    """

    def __init__(self, node: str, source: object) -> None:
        self._node = node
        self._source = source
        self._retuned = False
        self._answer: bytes | None = None
        self.active = NodeConfiguration(node=node, revision=0)

    def answer(self) -> bytes | None:
        """Return the acknowledgement that has not been published yet, once."""
        answer, self._answer = self._answer, None
        return answer

    def take(self, payload: bytes) -> None:
        """Apply a configuration or refuse it; an empty payload takes it back. Never raises."""
        if not payload:
            self._decide(NodeConfiguration(node=self._node, revision=0))
            return
        try:
            wanted = decode(payload, NodeConfiguration)
        except MessageError as error:
            found = _FIELD.search(error.message)
            field = (found[1] or found[2]) if found else "message"
            self._say(_revision(payload), {field: error.message.removeprefix("not a NodeConfiguration: ")})
            return
        if wanted.node != self._node:
            self._say(wanted.revision, {"node": f"is for {wanted.node}, this is {self._node}"})
        elif wanted.revision < max(self.active.revision, 1):
            self._say(
                wanted.revision, {"revision": f"is not newer than {self.active.revision}, which is active"}
            )
        else:
            self._decide(wanted)

    def _decide(self, wanted: NodeConfiguration) -> None:
        refused = self._tune(wanted.radios)
        if refused:
            self._say(wanted.revision, {"radios": refused})
            return
        if wanted != self.active:
            _log.info("configuration %d is active", wanted.revision)
        self.active = wanted
        self._say(wanted.revision, {})

    def _tune(self, settings: Sequence[RadioSettings] | None) -> str:
        """Change the radios; give why not."""
        if settings is None and not self._retuned:
            return ""
        if not isinstance(self._source, Tunable):
            return "this node has no radios: it plays a recording"
        try:
            radios = [Radio.model_validate(msgspec.structs.asdict(one)) for one in settings or ()]
        except ValidationError as error:
            return "; ".join(str(detail["msg"]) for detail in error.errors(include_url=False))
        refused = self._source.retune(radios or None)
        self._retuned = self._retuned if refused else bool(radios)
        return refused

    def _say(self, revision: int | None, refused: dict[str, str]) -> None:
        if refused:
            _log.warning(
                "configuration %s is refused, %d stays active: %s",
                "without revision" if revision is None else revision,
                self.active.revision,
                "; ".join(f"{field}: {why[:200]}" for field, why in refused.items()),
            )
        self._answer = encode(
            ConfigurationApplied(
                node=self._node,
                revision=revision,
                state="refused" if refused else "accepted",
                refused=refused,
                active=self.active.revision,
            )
        )


def select(heard: Heard, wanted: NodeConfiguration) -> Heard:
    """Leave out of a block what the configuration does not want reported; counted in `skipped`."""
    if wanted.least_rssi_dbm is None and wanted.frame_kinds is None:
        return heard
    least_dbm = -128 if wanted.least_rssi_dbm is None else wanted.least_rssi_dbm
    kinds = frozenset(wanted.frame_kinds or FrameKind)
    heard = heard.only([i for i, kind in enumerate(heard.frame_kind) if kind in kinds], "unwanted_kind")
    return heard.only([i for i, rssi_dbm in enumerate(heard.rssi_dbm) if rssi_dbm >= least_dbm], "weak")


class _Revision(msgspec.Struct):
    revision: int | None = None


def _revision(payload: bytes) -> int | None:
    """The revision of a configuration that cannot be read otherwise."""
    try:
        revision = msgspec.json.decode(payload, type=_Revision).revision
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return revision if revision is not None and 0 <= revision <= 2**53 else None
