"""What may be wrong with a camera, and what to do about it, in words for people."""

from typing import NamedTuple

from contracts.plates import CameraTrouble


class Trouble(NamedTuple):
    """What is wrong, and what to do. Never holds a password."""

    kind: CameraTrouble
    advice: str


class CameraError(Exception):
    """A camera gives no picture; `trouble` says why."""

    def __init__(self, kind: CameraTrouble, advice: str) -> None:
        super().__init__(advice)
        self.trouble = Trouble(kind, advice)


def gone(where: str, why: str) -> CameraError:
    """It cannot be reached."""
    return CameraError(
        CameraTrouble.GONE, f"{where} does not answer ({why}): check its cable, its power and its address"
    )


def refused(where: str, status: str) -> CameraError:
    """It does not let the node in."""
    return CameraError(
        CameraTrouble.REFUSED, f"{where} does not let this node in ({status}): check user and password"
    )


def no_such_stream(where: str, status: str) -> CameraError:
    """There is a camera, and it has no such stream."""
    return CameraError(
        CameraTrouble.GONE, f"{where} has no such stream ({status}): check the path in its address"
    )


def wrong_codec(where: str, codec: str) -> CameraError:
    """What comes cannot be decoded."""
    return CameraError(
        CameraTrouble.WRONG_CODEC,
        f"{where} sends {codec or 'something'} that no picture comes out of: set the camera to H.264",
    )


def stopped(where: str) -> CameraError:
    """It sent pictures, and does no more."""
    return CameraError(
        CameraTrouble.GONE, f"{where} has stopped sending: check its cable, its power and its address"
    )


def garbage(where: str, what: str) -> Trouble:
    """Its pictures are none."""
    return Trouble(
        CameraTrouble.GARBAGE,
        f"{where} sends broken pictures ({what}): look at its network and its bit rate, then restart it",
    )


def frozen(where: str, seconds: float) -> Trouble:
    """It shows the same picture for ever."""
    return Trouble(
        CameraTrouble.FROZEN, f"{where} has shown the same picture for {seconds:.0f} s: restart the camera"
    )


def clock_jump(where: str, seconds: float) -> Trouble:
    """Time has jumped."""
    return Trouble(
        CameraTrouble.CLOCK,
        f"the time of {where} has jumped by {seconds:+.0f} s: see that its clock follows a time server",
    )
