"""What a member may be called: a name of the CRM that says nothing to others.

Whoever takes a reference in, the gateway or the tool that holds the mall's key, refuses what others know
somebody by.
"""

import re

from contracts.errors import MallsenseError

_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,63}")
_PHONE = re.compile(r"(\+|00)?(86)?1[3-9]\d{9}|0[1-9]\d{8,10}|\+\d{7,15}")
_ADDRESS = re.compile(r"(?=.*[a-f])[0-9a-f]{12}", re.IGNORECASE)
_PAIRS = re.compile(r"[0-9a-f]{2}([-:.][0-9a-f]{2}){5}", re.IGNORECASE)
_PLATE = re.compile(r"[^\W\d_a-zA-Z][A-Z][-. ·]?[A-Z0-9]{5,6}")

ADVICE = "Give the name that your CRM has for the member and that says nothing to others, as in m-004711."


class ReferenceRefusedError(MallsenseError):
    """What was given as a reference is none; the message does not repeat it."""


def check_reference(text: str) -> str:
    """Return a reference as it is.

    Raises `ReferenceRefusedError` where it has another shape, or looks like something that others know a
    person by; the message says which, and never what it was.
    """
    looks = _looks_like(text)
    if looks is not None:
        raise ReferenceRefusedError(f"the reference looks like {looks}", ADVICE)
    if not _REFERENCE.fullmatch(text):
        raise ReferenceRefusedError(
            "a reference is 1 to 64 letters, digits and . _ ~ -, and starts with a letter or digit", ADVICE
        )
    return text


def is_address_or_plate(text: str) -> bool:
    """Whether a text is written as the address of a device is, in pairs, or as a Chinese plate."""
    return (_PAIRS.fullmatch(text) or _PLATE.fullmatch(text)) is not None


def _looks_like(text: str) -> str | None:
    if "@" in text:
        return "an e-mail address"
    if _PHONE.fullmatch(re.sub(r"[ ()._~-]", "", text)):
        return "a telephone number"
    if _PAIRS.fullmatch(text) or _ADDRESS.fullmatch(text):
        return "the address of a device"
    return "a plate" if _PLATE.fullmatch(text) else None
