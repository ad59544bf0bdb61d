"""What people look at: the live console."""

from dashboards.mount import mount

__all__ = ["mount"]
