"""What a panel asks for, in words that both data sources understand: see `influxql` and `infinity`."""

from dataclasses import dataclass, field
from enum import StrEnum

from grafana_foundation_sdk.cog.variants import Dataquery


class How(StrEnum):
    """How the values of a field become one number, of the whole range or of every step."""

    EACH = ""
    """Not at all: each point is a row."""
    LAST = "last"
    FIRST = "first"
    MEAN = "mean"
    MAX = "max"
    SUM = "sum"


@dataclass(frozen=True, slots=True)
class Value:
    """One field."""

    name: str
    how: How = How.LAST


@dataclass(frozen=True, slots=True)
class Is:
    """Only points whose tag has this value."""

    tag: str
    value: str


@dataclass(frozen=True, slots=True)
class In:
    """Only points whose tag is among the values chosen in a variable of the dashboard."""

    tag: str
    variable: str


@dataclass(frozen=True, slots=True)
class Query:
    """Fields of one measurement of the figures that people may see (docs/influxdb.md).

    Without `every` it gives a table: a row for each group of `by`, or for each point where all values are
    `EACH`. With `every`, a duration or a variable that holds one, it gives series in time, one for each group
    and value.
    """

    policy: str
    """`live` (days, each minute) or `long` (years)."""
    measurement: str
    values: tuple[Value, ...]
    by: tuple[str, ...] = ()
    where: tuple[Is | In, ...] = ()
    every: str = ""
    unless: str = ""
    """A field that must not be true."""
    all_malls: bool = False
    """Of all malls chosen in the variable `mall`; else of one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The fields' names, as both data sources call them in their answers."""
        return tuple(value.name for value in self.values)

    @property
    def rows(self) -> bool:
        """Whether each point is a row."""
        return all(value.how is How.EACH for value in self.values)


def last(*names: str) -> tuple[Value, ...]:
    """The last value of each field."""
    return tuple(Value(name) for name in names)


def mean(*names: str) -> tuple[Value, ...]:
    """The mean of each field."""
    return tuple(Value(name, How.MEAN) for name in names)


def total(*names: str) -> tuple[Value, ...]:
    """The sum of each field."""
    return tuple(Value(name, How.SUM) for name in names)


def each(*names: str) -> tuple[Value, ...]:
    """Each value of each field."""
    return tuple(Value(name, How.EACH) for name in names)


@dataclass(frozen=True)
class Target(Dataquery):
    """A query in the words of one data source; goes into a panel, an annotation or a rule."""

    json: dict[str, object] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """What Grafana stores."""
        return self.json
