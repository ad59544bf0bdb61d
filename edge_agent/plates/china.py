"""Plates of mainland China, as in the standard GA 36-2018, "License plates of motor vehicles".

Province, office, serial number; no I and no O in serial numbers, at most two letters in those that offices
give out. New-energy plates have one character more and tell the kind of energy by a letter: D and F at
first, others since those ran out. Left out: temporary plates of paper, tractors, civil aviation.
"""

from edge_agent.plates.colour import Colour
from edge_agent.plates.grammar import Format

_BLUE_OR_YELLOW = frozenset({Colour.BLUE, Colour.YELLOW, Colour.BLACK})
_GREEN = frozenset({Colour.GREEN, Colour.WHITE})  # the small ones fade from white to green
_GREEN_YELLOW = frozenset({Colour.GREEN, Colour.YELLOW})
_YELLOW = frozenset({Colour.YELLOW})
_WHITE = frozenset({Colour.WHITE})
_BLACK = frozenset({Colour.BLACK})
_OFFICE = "{province}{office}"
_SERIAL4 = "{serial}" * 4

CHINA = (
    Format("CN", "car", _OFFICE + _SERIAL4 + "{serial}", 1.0, _BLUE_OR_YELLOW, usual_letters=3),
    Format("CN", "new-energy small", _OFFICE + "{energy}{serial}####", 0.5, _GREEN),
    Format("CN", "new-energy large", _OFFICE + "#####{energy}", 0.05, _GREEN_YELLOW),
    Format("CN", "learner", _OFFICE + _SERIAL4 + "学", 0.1, _YELLOW),
    Format("CN", "police", _OFFICE + _SERIAL4 + "警", 0.1, _WHITE),
    Format("CN", "trailer", _OFFICE + _SERIAL4 + "挂", 0.05, _YELLOW),
    Format("CN", "Hong Kong", "粤Z" + _SERIAL4 + "港", 0.1, _BLACK),
    Format("CN", "Macao", "粤Z" + _SERIAL4 + "澳", 0.1, _BLACK),
    Format("CN", "consulate", _OFFICE + "####领", 0.02, _BLACK),
    Format("CN", "embassy", "######使", 0.01, _BLACK),
    Format("CN", "embassy", "使######", 0.01, _BLACK),  # until 2018
    Format("CN", "emergency", _OFFICE + "####应急", 0.01, _WHITE),
    Format("CN", "army", "{army}@#####", 0.01, _WHITE),
)
