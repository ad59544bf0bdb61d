"""The information elements that phones send: by model, build of its firmware, and the form of the moment.

Builds make as many fingerprints as captures in the wild show: 5 to 7 bits of entropy (Vanhoef et al. 2016,
information elements alone), of which few belong to one phone only (Robyns et al. 2017: 15 to 33 % of 1,000 to
10,000 phones), since how common builds are falls off as in Zipf's law.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from simulators.phone_models import PhoneModel

Floats = npt.NDArray[np.float64]

SHORT, DIRECTED, NARROW = 1, 2, 4
"""Bits of a form: the short one, one without vendor elements, one without 40 MHz; 0 is the full form."""
FORMS = 8
ZIPF = 1.2
"""The n-th build of a model is n ** -ZIPF times as common as the first."""

_RATES = bytes.fromhex("010402040b16") + bytes.fromhex("32080c1218243048606c")
_HT, _VHT, _EXTENDED, _VENDOR = 45, 191, 127, 221
_WIDE = 0x42
"""In the first byte of the HT capabilities: 40 MHz, and its short guard interval."""


def element_table(models: Sequence[PhoneModel], builds: int) -> tuple[bytes, ...]:
    """Return the elements of every model, build and form, at `(model * builds + build) * FORMS + form`.

    They are canonical (`edge_agent.elements`), as nodes make them of real frames.
    """
    return tuple(
        _elements(model, build, form) for model in models for build in range(builds) for form in range(FORMS)
    )


def build_shares(builds: int) -> Floats:
    """Return how common each build of a model is: (builds,), most common first, sums to 1."""
    share: Floats = np.arange(1, builds + 1, dtype=np.float64) ** np.float64(-ZIPF)
    shares: Floats = share / share.sum()
    return shares


def _elements(model: PhoneModel, build: int, form: int) -> bytes:
    """Return rates and HT capabilities, and in the full form VHT, extended and vendor elements, in order."""
    short = bool(form & SHORT and model.short_ht)
    ht = bytearray.fromhex(model.short_ht if short else model.ht)
    if form & NARROW:
        ht[0] &= ~_WIDE
    body = _RATES + _element(_HT, bytes(ht).ljust(26, b"\0"))
    if short:  # of the driver, not of the build: models of a maker share it
        return body
    if model.vht:
        body += _element(_VHT, bytes.fromhex(model.vht).ljust(12, b"\0"))
    body += _element(_EXTENDED, bytes([4, 0, build, 0, 0, 0, 0, model.extended]))
    if not form & DIRECTED:
        body += b"".join(_element(_VENDOR, bytes.fromhex(one)) for one in model.vendor.split())
    return body


def _element(tag: int, payload: bytes) -> bytes:
    return bytes([tag, len(payload)]) + payload
