"""Who is one phone: addresses that change put together into devices, live, each link with a confidence."""

from positioning.identity.appearances import NO_SEQUENCE, Appearances
from positioning.identity.distances import Apart
from positioning.identity.evidence import Nearness
from positioning.identity.habits import Habits
from positioning.identity.linker import Linker, Links

__all__ = ["NO_SEQUENCE", "Apart", "Appearances", "Habits", "Linker", "Links", "Nearness"]
