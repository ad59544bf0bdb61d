"""The kinds of values that several messages hold, with what they admit."""

from typing import Annotated

from msgspec import Meta

EpochMs = Annotated[
    int, Meta(ge=0, le=4_102_444_800_000, description="Event time: milliseconds since 1970, UTC")
]
"""Ends in the year 2100, so that nanoseconds sent by mistake are refused."""

Pseudonym = Annotated[
    str, Meta(pattern="^[0-9a-f]{16}$", description="Keyed hash of an address, 8 bytes in hex")
]

FormerPseudonym = Annotated[
    str,
    Meta(
        pattern="^([0-9a-f]{16})?$",
        description="The pseudonym before the salt changed, of who was in the mall then; empty = none",
    ),
]

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{32}$", description="Keyed hash of an identifier, 16 bytes")]
"""Of the same identifier the same on every day: made of those alone whose owners agreed, or asked for it."""

NodeId = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$")]

Count = Annotated[int, Meta(ge=0)]
