"""What identifiers are called here: digests, and nothing that anybody knows a person by outside.

Addresses of phones and plates are hashed with the mall's key by a tool that has it (`mallsense members
digest`); the gateway has not, and takes none of them in clear. Numbers of members, identities in apps and
telephone numbers may come in clear, and are hashed with the secret of the store before they are written.
"""

import re
from hashlib import blake2b

from contracts.crm import IdentifierKind
from contracts.references import is_address_or_plate

DIGEST_BYTES = 16
KEYED = frozenset({IdentifierKind.WIFI, IdentifierKind.PLATE})
"""Hashed with the mall's key, elsewhere."""
LONGEST = 128
"""Characters of an identifier in clear."""
MADE_BY = "made with the mall's key by `mallsense members digest`"

_DIGEST = re.compile(r"[0-9a-f]{32}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BETWEEN = re.compile(r"[\s().\-/]")
_PHONE = re.compile(r"\+?[0-9]{5,20}")
_CHINA = re.compile(r"(?:\+?86|0086)(1[0-9]{10})")


def is_digest(text: str) -> bool:
    """Whether this is a digest as it travels: 32 hex digits in lower case."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(secret: bytes, kind: IdentifierKind, value: str) -> str:
    """Hash an identifier that may come in clear; the same however it is written.

    Raises `ValueError` where it is none; the message does not repeat it.
    """
    if kind in KEYED:
        raise ValueError(f"expected a digest, {MADE_BY}")
    plain = _plain_phone(value) if kind is IdentifierKind.PHONE else value.strip()
    if not plain or len(plain) > LONGEST or _CONTROL.search(plain):
        raise ValueError(f"expected 1 to {LONGEST} characters")
    if is_address_or_plate(plain):
        raise ValueError(f"an address or a plate: give it as wifi or plate, as a digest {MADE_BY}")
    return blake2b(
        plain.encode("utf-8", "surrogatepass"), key=secret, digest_size=DIGEST_BYTES, person=kind.encode()
    ).hexdigest()


def _plain_phone(text: str) -> str:
    """Write a telephone number as its digits; a Chinese mobile number is the same with +86 and without."""
    digits = _BETWEEN.sub("", text)
    if not _PHONE.fullmatch(digits):
        raise ValueError("expected a telephone number: digits, and + before them")
    mobile = _CHINA.fullmatch(digits)
    return mobile.group(1) if mobile else digits.replace("+", "00", 1)
