"""Where frames come from: files, the air, simulations and recordings, behind one small protocol."""

from edge_agent.sources.protocol import Heard, Source

__all__ = ["Heard", "Source"]
