"""Several sources played as one: the phones of a mall and the cars of its car park."""

import heapq
from collections.abc import Iterator

from edge_agent.sources.protocol import Heard, Source


class Joined:
    """What all of some sources hear, in the order of event time. It ends with the first of them."""

    def __init__(self, *sources: Source) -> None:
        """Take sources that hear for different nodes.

        Raises:
            ValueError: two hear for the same node, whose batches would then be in no order.

        """
        self._sources = sources
        self.nodes = tuple(node for source in sources for node in source.nodes)
        """The nodes of all sources."""
        if len(set(self.nodes)) < len(self.nodes):
            raise ValueError("two sources hear for the same node")

    def blocks(self) -> Iterator[Heard]:
        """Give the blocks of all sources, as long as the first one has any; of one moment, its own last."""
        first, *others = self._sources
        ended = False

        def leading() -> Iterator[Heard]:
            nonlocal ended
            yield from first.blocks()
            ended = True

        streams = (*(source.blocks() for source in others), leading())
        for block in heapq.merge(*streams, key=lambda block: block.complete_to_ms):
            if ended:
                return
            yield block
