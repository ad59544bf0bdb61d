"""What cameras say: passages of cars, by keyed hashes of their plates, and how the cameras are.

A passage is one car that drives through a camera's picture once. It is said when it is sure that a car drives
there (`new`), again when more is known of it (`update`), and a last time when it has left (`end`); what is
said last holds.
"""

from enum import StrEnum
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.fields import Count, Digest, EpochMs, NodeId

MAX_PLATES = 1_000
"""Most plate reads in a batch: about 700 kB of JSON."""
MAX_CHARACTERS = 12
"""Of a plate: mainland-Chinese ones have 7 or 8, European ones at most 9 or 10."""

PlateHash = Annotated[
    str,
    Meta(
        pattern="^[0-9a-f]{16}$",
        description="Keyed hash of a plate under the salt of the day, 8 bytes in hex",
    ),
]
FormerPlateHash = Annotated[
    str,
    Meta(
        pattern="^([0-9a-f]{16})?$",
        description="Keyed hash of the same plate under the salt of the day before, so that cars may park"
        " overnight; empty = none",
    ),
]
NearHashes = Annotated[
    list[
        Annotated[
            str,
            Meta(
                pattern="^[0-9a-f]{16}$",
                description="Keyed hash of the plate without its i-th character, and of i; i is the place in"
                " the list",
            ),
        ]
    ],
    Meta(max_length=MAX_CHARACTERS),
]
"""Two readings of equal length that differ in one character share exactly one of these."""
Probability = Annotated[float, Meta(ge=0, le=1)]
TrackId = Annotated[str, Meta(pattern="^[0-9a-f]{16}$", description="One passage of one car; random")]
ClearPlate = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="The plate in clear text: only of plates enrolled with consent",
    ),
]


class PlateChange(StrEnum):
    """What a plate read is to its track."""

    NEW = "new"
    """The first that is said of this passage."""
    UPDATE = "update"
    """More is known: another plate is likelier, or the direction is known."""
    END = "end"
    """The car has left the picture. This is the last read of the track; it repeats all that is known."""


class Direction(StrEnum):
    """Which way a car drove through its lane."""

    IN = "in"
    OUT = "out"
    UNKNOWN = "unknown"
    """It has not moved far enough to tell."""


class PlateRegion(StrEnum):
    """Where a plate is from, as coarse as can be."""

    LOCAL = "local"
    """The mall's own province."""
    OTHER = "other"
    UNKNOWN = "unknown"
    """No province can be read, or the site file does not name the mall's."""


class PlateEnergy(StrEnum):
    """What a car runs on, as the kind of its plate says."""

    COMBUSTION = "combustion"
    NEW_ENERGY = "new_energy"
    """Battery, plug-in hybrid or fuel cell: the green plates of GA 36-2018."""
    UNKNOWN = "unknown"


class PlateAlternative(Struct, frozen=True, forbid_unknown_fields=True):
    """Another plate that it may have been."""

    plate: PlateHash
    probability: Probability


class PlateRead(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a camera has read of one passage so far."""

    track: TrackId
    change: PlateChange
    t_ms: EpochMs
    """When this was known; `end` is said a few seconds after the car was last in the picture."""
    camera: NodeId
    direction: Direction
    plate: PlateHash
    """Of the likeliest string."""
    near: NearHashes = []
    formerly: FormerPlateHash = ""
    """`plate` under the salt of the day before."""
    formerly_near: NearHashes = []
    """`near` under the salt of the day before."""
    alternatives: Annotated[list[PlateAlternative], Meta(max_length=3)] = []
    """The next likeliest, likeliest first."""
    confidence: Probability
    """That `plate` is right; calibrated: of reads said to be 95 % sure, 95 % are right."""
    region: PlateRegion = PlateRegion.UNKNOWN
    energy: PlateEnergy = PlateEnergy.UNKNOWN
    enrolled: ClearPlate | UnsetType = UNSET
    enrolled_digest: Digest | UnsetType = UNSET
    """What the plate is called on the list of enrolled ones; left out of all others."""


class CameraTrouble(StrEnum):
    """Why a camera shows nothing, or not what it should."""

    GONE = "gone"
    """It does not answer: unplugged, switched off, another address, no such file."""
    REFUSED = "refused"
    """It answers, and does not let the node in."""
    WRONG_CODEC = "wrong_codec"
    """It sends something that no picture comes out of."""
    GARBAGE = "garbage"
    """Its pictures are torn or of no size that pictures have."""
    FROZEN = "frozen"
    """The same picture again and again, to the bit."""
    CLOCK = "clock"
    """Its times jump: the node's clock was set, or those of the recording are not in order."""


class CameraHealth(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How one camera of a node is; counters run since the agent started."""

    camera: NodeId
    frames: Count = 0
    """Pictures that came."""
    replaced: Count = 0
    """Pictures nobody looked at, since a newer one was there: what keeps the delay short."""
    still: Count = 0
    """Pictures in which nothing moved in any lane; they cost next to nothing."""
    passages: Count = 0
    """Cars that were told of."""
    reconnects: Count = 0
    trouble: CameraTrouble | None = None
    advice: str = ""
    """What is wrong and what to do about it, in words for people; empty where all is well."""
    keeps_images_until_ms: EpochMs | None = None
    """Until when pictures are kept for diagnosis, by the node's clock; None = they are not."""
