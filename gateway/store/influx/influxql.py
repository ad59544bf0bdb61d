"""InfluxQL as 1.x, 2.x and 3.x understand it: names and strings that stay what they are, and periods.

Syntax: the InfluxQL specification of 1.x and the InfluxQL references of 2.x and 3.x (docs.influxdata.com).
"""

import re
from collections.abc import Iterable, Mapping

_FROM = re.compile(r'\bFROM "([\w-]+)"\.')
_ESCAPES = {"\\": r"\\", "\n": r"\n"}
_UNSPEAKABLE = ("\0", "\r")
"""InfluxQL's scanner takes the first for the end of the statement and makes a line feed of the second."""


def identifier(name: str) -> str:
    """Quote the name of a policy, measurement, field or tag.

    Raises `ValueError` for one that InfluxQL has no way to say.
    """
    return _quoted(name, '"')


def string(value: str) -> str:
    """Quote a string, such as the value of a tag.

    Raises `ValueError` for one that InfluxQL has no way to say.
    """
    return _quoted(value, "'")


def _quoted(text: str, quote: str) -> str:
    if any(c in text for c in _UNSPEAKABLE):
        raise ValueError(f"InfluxQL cannot say {text!r}")
    escapes = {**_ESCAPES, quote: f"\\{quote}"}
    return f"{quote}{''.join(escapes.get(c, c) for c in text)}{quote}"


def source(policy: str, measurement: str) -> str:
    """What stands after FROM; the policy is named always, because only one of a database is the default."""
    return f"{identifier(policy)}.{identifier(measurement)}"


def policy_of(statement: str) -> str | None:
    """The policy that a question written with `source` names; None where it names none."""
    found = _FROM.search(statement)
    return found[1] if found else None


def condition(tags: Mapping[str, str], from_ns: int, to_ns: int) -> str:
    """What stands after WHERE: these tags, in a half-open period."""
    chosen = [f"{identifier(tag)} = {string(value)}" for tag, value in tags.items()]
    return " AND ".join([*chosen, f"time >= {from_ns}", f"time < {to_ns}"])


def one_of(tag: str, values: Iterable[str]) -> str:
    """Say that a tag has one of these values: at least one."""
    return " OR ".join(f"{identifier(tag)} = {string(value)}" for value in values)
