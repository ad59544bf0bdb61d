"""Amounts of money as whole numbers of a currency's smallest unit: nothing is ever rounded."""

import re

_NONE = frozenset(
    (
        *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG"),
        *("RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"),
    )
)
_THREE = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))
_FOUR = frozenset(("CLF", "UYW"))
"""The currencies that do not have two decimals (ISO 4217, table A.1)."""

_AMOUNT = re.compile(r"([+-]?)(\d{1,12})(?:\.(\d*))?", re.ASCII)


def exponent(currency: str) -> int:
    """How many decimals an amount of a currency has: CNY 2, JPY 0, KWD 3."""
    return 0 if currency in _NONE else 3 if currency in _THREE else 4 if currency in _FOUR else 2


def smallest_units(text: str, currency: str) -> int:
    """Return an amount such as `-12.50` in the currency's smallest unit.

    Raises `ValueError`, which says what is wrong, where it is no plain number with a decimal point, or has
    more decimals than the currency.
    """
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"expected an amount like 12.50, found {text[:20]!r}{_why(text)}")
    sign, whole, part = found[1], found[2], (found[3] or "").rstrip("0")
    decimals = exponent(currency)
    if len(part) > decimals:
        raise ValueError(f"{currency} has {decimals} decimals, found {text[:20]!r}")
    value = int(whole + part.ljust(decimals, "0"))
    return -value if sign == "-" else value


def _why(text: str) -> str:
    if "," in text:
        return "; write a decimal point, and no commas"
    return "; write the number alone, without a currency" if any(c.isdigit() for c in text) else ""
