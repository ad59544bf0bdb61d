"""The people model of a mall as the gateway uses it: from devices found to people, calibrated or assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contracts.errors import ConfigurationError
from contracts.site import Name
from gateway.people_file import AGAIN, MALL, read_model
from positioning.people.ratio import PHONES, PHONES_SD, PhonesPerPerson

PRESENT, ENTERED = "present", "entered"
"""What can be counted: people in the mall at a time, and people who came in."""

_ASSUMED = Name(
    en=f"Uncalibrated: {PHONES:g} ± {PHONES_SD:g} phones a person are assumed. Counting people settles it.",
    zh=f"未校准：假设每人 {PHONES:g} ± {PHONES_SD:g} 部手机。用人工或门口计数校准后更准确。",
)


@dataclass(frozen=True)
class MallPeople:
    """How devices answer to people present, and how devices that are new answer to people who come in.

    Attributes:
        present: of people present.
        entered: of people who come in.
        calibrated: which of the two somebody has counted; the others are assumed.
    """

    present: PhonesPerPerson
    entered: PhonesPerPerson
    calibrated: frozenset[str] = frozenset()

    @classmethod
    def assumed(cls) -> MallPeople:
        """Return what holds where nobody has counted."""
        return cls(PhonesPerPerson.prior(), PhonesPerPerson.prior())

    @classmethod
    def of(cls, fitted: Mapping[str, PhonesPerPerson]) -> MallPeople:
        """Return a model of what was counted, of `PRESENT`, `ENTERED` or both; the other one is assumed."""
        prior = PhonesPerPerson.prior()
        return cls(fitted.get(PRESENT, prior), fitted.get(ENTERED, prior), frozenset(fitted))

    @property
    def note(self) -> Name:
        """What to know about the numbers, in a sentence."""
        if PRESENT not in self.calibrated:
            return _ASSUMED
        phones = f"{self.present.phones:.2f}"
        return Name(
            en=f"Calibrated against counts: {phones} phones found a person.",
            zh=f"已按人数校准：每人可发现 {phones} 部手机。",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what was counted as plain, JSON-able values."""
        return {what: getattr(self, what).to_dict() for what in sorted(self.calibrated)}


def read_people(path: Path) -> MallPeople:
    """Read the people model of a mall.

    Raises:
        ConfigurationError: it cannot be read, or is no model of a mall.
    """
    data = read_model(path, MALL)
    found = {what: data[what] for what in (PRESENT, ENTERED) if what in data}
    if not found:
        raise ConfigurationError(f"{path}: holds neither {PRESENT} nor {ENTERED}", AGAIN)
    try:
        return MallPeople.of({what: PhonesPerPerson.from_dict(values) for what, values in found.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be used: {error!r}", AGAIN) from error
