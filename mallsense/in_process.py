"""A source straight into an engine, without a broker: the same pseudonyms, batches and ticks as over MQTT."""

import itertools
from collections.abc import Iterator

from contracts.messages import AgentState, AgentStatus
from edge_agent.batcher import Batcher
from edge_agent.pseudonym import Pseudonyms
from edge_agent.sources import Source
from gateway.engine import Engine, Tick

BOOT = "0" * 16
"""Names a spool; batches that never see one need no other."""


def play(source: Source, pseudonyms: Pseudonyms, engine: Engine) -> Iterator[Tick]:
    """Give every tick of a source, from its first block to the end of its last visit."""
    online = AgentStatus(agent="recording", nodes=list(source.nodes), state=AgentState.ONLINE, since_ms=0)
    engine.status(online)
    batcher = Batcher(pseudonyms, boot=BOOT, number=itertools.count().__next__)
    for heard in source.blocks():
        for batch in batcher.add(heard):
            engine.feed(batch)
        yield from engine.advance()
    for batch in batcher.flush():
        engine.feed(batch)
    yield from engine.flush()
