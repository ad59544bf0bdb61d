"""What the information elements of a probe request say of the model that sent it, in canonical bytes.

Kept: the order of the elements, and the content of those that depend on radio and driver. Left out: what
changes from frame to frame or between two phones of a model (the network asked for, the channel, identities).
"""

SSID, VENDOR, EXTENSION = 0, 221, 255
_STABLE = frozenset(
    {
        1,  # supported rates
        45,  # HT capabilities
        50,  # extended supported rates
        59,  # supported operating classes
        70,  # RM enabled capabilities
        127,  # extended capabilities
        191,  # VHT capabilities
    }
)
_DEPENDS = frozenset({VENDOR, EXTENSION})
"""What they are stands in their content."""
_STABLE_EXTENSIONS = frozenset(
    {
        35,  # HE capabilities
        108,  # EHT capabilities
    }
)
_PRESENCE_ALONE = frozenset(
    {
        b"\x00\x50\xf2\x04",  # WPS: holds a UUID, serial number and name of the device
        b"\x50\x6f\x9a\x09",  # Wi-Fi Direct: holds an address and the name of the device
        b"\x00\x50\xf2\x08",  # of Microsoft: some drivers send memory they never filled
    }
)
"""Vendor elements (OUI and type) whose content names one device or changes from frame to frame."""
_REMEMBERED = 4096
"""Phones repeat themselves: 97 % of 223,913 recorded probe requests came with a body known already."""
_known: dict[bytes, bytes] = {}


def model_elements(body: bytes) -> bytes | None:
    """Give the canonical bytes of the elements that fill `body`; None where they do not fill it exactly."""
    made = _known.get(body)
    if made is None:
        made = _canonical(body)
        if made is not None:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[body] = made
    return made


def element_family(elements: bytes) -> bytes:
    """Give what phones of one family share: which elements there are, in their order, without the contents.

    `elements` is what `model_elements` gave. Contents differ between builds of a model, and often between the
    states of one phone.
    """
    parts, at = [], 0
    while at < len(elements):
        tag = elements[at]
        length, name = _KEEPS.get(tag, _tag_alone)(elements, at)
        parts.append(name)
        at += length
    return b"".join(parts)


def _tag_alone(elements: bytes, at: int) -> tuple[int, bytes]:
    return 1, elements[at : at + 1]


def _whole(elements: bytes, at: int) -> tuple[int, bytes]:
    return 2 + elements[at + 1], elements[at : at + 1]


def _extension(elements: bytes, at: int) -> tuple[int, bytes]:
    kept = elements[at + 2 : at + 2 + min(1, elements[at + 1])]
    whole = bool(kept) and kept[0] in _STABLE_EXTENSIONS
    return 2 + elements[at + 1] if whole else min(3, 2 + elements[at + 1]), bytes((EXTENSION,)) + kept


def _vendor(elements: bytes, at: int) -> tuple[int, bytes]:
    length = 2 + elements[at + 1]
    who = elements[at + 2 : at + min(6, length)]
    return min(6, length) if who in _PRESENCE_ALONE else length, bytes((VENDOR,)) + who


_KEEPS = {**dict.fromkeys(_STABLE, _whole), EXTENSION: _extension, VENDOR: _vendor}
"""How many bytes of an element `model_elements` keeps, and what names it; of others, the tag alone."""


def _canonical(body: bytes) -> bytes | None:
    parts = []
    at, last = 0, len(body) - 1
    while at < last:
        tag = body[at]
        following = at + 2 + body[at + 1]
        if tag in _STABLE:
            parts.append(body[at:following])
        elif tag in _DEPENDS:
            parts.append(body[at : at + _kept(tag, body[at:following])])
        else:
            parts.append(body[at : at + 1])
        at = following
    return b"".join(parts) if at == len(body) else None


def _kept(tag: int, element: bytes) -> int:
    """Give how many bytes of a vendor's element or an extension say something of the model."""
    if tag == EXTENSION:
        return len(element) if element[2:3] and element[2] in _STABLE_EXTENSIONS else min(3, len(element))
    return min(6, len(element)) if element[2:6] in _PRESENCE_ALONE else len(element)
