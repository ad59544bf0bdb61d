"""The characters that plates are made of, as indices, and which of them are easily taken for which.

A lattice (`edge_agent.plates.lattice`) has a column for each of `SYMBOLS`, after the column of the blank.
"""

import unicodedata
from typing import Final

DIGITS: Final = "0123456789"
LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PROVINCES: Final = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
"""The 31 provinces of mainland China that issue plates, by their one-character names (GA 36-2018)."""
MARKS: Final = "使领学警港澳挂应急"
"""What a plate is for: embassy, consulate, learner, police, Hong Kong, Macao, trailer, emergency services."""
UMLAUTS: Final = "ÄÖÜ"
SYMBOLS: Final = DIGITS + LETTERS + PROVINCES + MARKS + UMLAUTS
INDEX: Final = {symbol: index for index, symbol in enumerate(SYMBOLS)}

# Separators are printed between groups (a raised dot, a hyphen, a screw) and are no part of the number.
_SEPARATORS: Final = frozenset("·•.-−—–‧∙・。,，、'`’‘:：_|~*° ")

SAME: Final = (("O", "0"), ("I", "1"))
"""Letters that plates draw like digits. Not the other way round: a round letter is more often a D or a Q."""
ALIKE: Final = (
    "0ODQ",
    "1IL",
    "2Z",
    "5S",
    "6G",
    "8B",
    "4A",
    "7T",
    "UV",
    "VY",
    "MN",
    "HN",
    "CG",
    "EF",
    "PR",
    "WM",
)
"""Groups of characters that people and recognisers mistake for each other."""


def symbol_of(character: str) -> int | None:
    """The index in `SYMBOLS` of what a recogniser calls `character`; -1 a separator, None anything else.

    Full-width and small letters are the same symbol as the plain capital.
    """
    if character in _SEPARATORS:
        return -1
    return INDEX.get(unicodedata.normalize("NFKC", character).upper())
