"""Plates as text: how they are written, what looks alike in them, what their form says of a car."""

import re
from collections.abc import Iterator

from contracts.errors import ConfigurationError
from contracts.plates import MAX_CHARACTERS, PlateEnergy, PlateRegion
from contracts.site.model import PROVINCES

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Mainland plates use no I and no O, which look like 1 and 0 (GA 36-2018)."""
DIGITS = "0123456789"
_LOOK_ALIKE = (
    "0DQ",
    "1LT7",
    "2Z",
    "3B8",
    "4A",
    "5S",
    "6G",
    "8BR",
    "CG",
    "EF",
    "HMNW",
    "KX",
    "PR",
    "UV",
    "VY",
)
_ALIKE = {one: frozenset("".join(group for group in _LOOK_ALIKE if one in group)) for one in LETTERS + DIGITS}
_WRITTEN = re.compile(rf"[^\W_]{{3,{MAX_CHARACTERS}}}")
_MAINLAND = re.compile(rf"[{PROVINCES}][A-Z][A-Z0-9]{{4,5}}[A-Z0-9学警挂领港澳]")
_SERIAL = f"[{LETTERS}{DIGITS}]"
_MAINLAND_STRICTLY = re.compile(
    rf"[{PROVINCES}][A-HJ-Z]({_SERIAL}{{4,5}}[{LETTERS}{DIGITS}学警挂领使港澳]|{_SERIAL}{{4,5}}应急)"
)
_NEW_ENERGY_LENGTH = 8


def plain_plate(text: str) -> str:
    """Give a plate as it is compared: capitals, without separators.

    Raises:
        ConfigurationError: it is none. The message does not repeat it.

    """
    plain = re.sub(r"[\s·•.\-]", "", text).upper()
    if not _WRITTEN.fullmatch(plain):
        raise ConfigurationError(
            f"a plate: expected 3 to {MAX_CHARACTERS} letters and digits",
            "Write it like 浙A12345 or B-MW-123.",
        )
    return plain


def is_misspelt(plain: str) -> bool:
    """Tell whether a plate begins as one of the mainland and goes on as none does (GA 36-2018)."""
    return plain[0] in PROVINCES and not _MAINLAND_STRICTLY.fullmatch(plain)


def looks_alike(one: str, other: str) -> bool:
    """Tell whether two different characters are taken for each other more often than most."""
    return other in _ALIKE.get(one, "")


def neighbours(text: str) -> Iterator[tuple[str, int, str]]:
    """Give every text that differs in one character, with the place and the character that stands there."""
    for place, char in enumerate(text):
        alphabet = PROVINCES if char in PROVINCES else LETTERS + DIGITS
        for other in alphabet:
            if other != char:
                yield text[:place] + other + text[place + 1 :], place, other


def region_of(text: str, province: str | None) -> PlateRegion:
    """Say whether a plate is from the mall's province, which the site file names."""
    if province is None or text[:1] not in PROVINCES:
        return PlateRegion.UNKNOWN
    return PlateRegion.LOCAL if text[0] == province else PlateRegion.OTHER


def energy_of(text: str) -> PlateEnergy:
    """Say what a mainland car runs on: plates of new-energy cars have a character more (GA 36-2018)."""
    if not _MAINLAND.fullmatch(text):
        return PlateEnergy.UNKNOWN
    return PlateEnergy.NEW_ENERGY if len(text) == _NEW_ENERGY_LENGTH else PlateEnergy.COMBUSTION
