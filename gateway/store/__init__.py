"""Where a mall's history is kept, behind one small interface."""

from gateway.store.base import Journal, Store

__all__ = ["Journal", "Store"]
