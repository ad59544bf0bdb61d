"""European plates: the formats of cars' ordinary plates by country, without spaces, hyphens and badges.

After the English Wikipedia's "European vehicle registration plate" and its articles on each country; not
checked against the countries' regulations. Personalised plates, motorcycles, diplomats and the military are
left out, and so are formats of which hardly a car is left. Where countries share a format the text alone
cannot tell them apart: name the countries that are to be expected (`formats_of_countries`).
"""

from collections.abc import Iterable, Sequence
from typing import Final

from contracts.errors import ConfigurationError
from edge_agent.plates.china import CHINA
from edge_agent.plates.grammar import Format

_FR = "{no-iou}"
_IT = "{it}"
_GR = "{greek}"
_BG = "{cyrillic}"
_NL = "{no-vowel-q}"
_ES = "{consonant}"


def _germany() -> str:
    """District of one to three letters, one or two letters, up to four digits; eight characters at most."""
    patterns: list[str] = []
    for district in ("{umlaut}", "{umlaut}{umlaut}", "{umlaut}{umlaut}{umlaut}"):
        letters = district.count("{")
        for serial in ("@", "@@"):
            for digits in range(1, 5):
                plain = letters + len(serial) + digits
                endings = ("", "E", "H") if plain < 8 else ("",)  # electric, historic
                patterns += [district + serial + "#" * digits + ending for ending in endings if plain <= 8]
    return " ".join(patterns)


def _ireland() -> str:
    """Year and half of the year, county, up to six digits."""
    return " ".join(
        f"{year}{county}{'#' * digits}"
        for year in ("##", "###")
        for county in ("@", "@@")
        for digits in range(1, 7)
        if len(year + county) + digits <= 9
    )


EUROPE: Final = {
    "AD": "@####",
    "AL": "@@###@@",
    "AT": "@####@ @#####@ @###@@ @####@@ @@###@ @@####@ @@##@@ @@###@@ @@#@@@",
    "BA": "@##@###",
    "BE": "#@@@### @@@###",
    "BG": f"{_BG}####{_BG}{_BG} {_BG}{_BG}####{_BG}{_BG}",
    "CH": "@@# @@## @@### @@#### @@##### @@######",
    "CY": "@@@###",
    "CZ": "#@##### #@@####",
    "DE": _germany(),
    "DK": "@@#####",
    "EE": "###@@@",
    "ES": f"####{_ES}{_ES}{_ES}",
    "FI": "@@@# @@@## @@@###",
    "FR": f"{_FR}{_FR}###{_FR}{_FR}",
    "GB": "@@##@@@ @###@@@ @##@@@ @#@@@ @@@###@ @@@##@ @@@#@",
    "GR": f"{_GR}{_GR}{_GR}####",
    "HR": "@@###@ @@###@@ @@####@ @@####@@",
    "HU": "@@@### @@@@###",
    "IE": _ireland(),
    "IS": "@@### @@@##",
    "IT": f"{_IT}{_IT}###{_IT}{_IT}",
    "LI": "FL# FL## FL### FL#### FL#####",
    "LT": "@@@###",
    "LU": "@@####",
    "LV": "@@# @@## @@### @@####",
    "MD": "@@@###",
    "ME": "@@@@###",
    "MK": "@@####@@",
    "MT": "@@@###",
    "NL": f"{_NL}{_NL}##{_NL}{_NL} {_NL}{_NL}{_NL}{_NL}## ##{_NL}{_NL}{_NL}{_NL} ##{_NL}{_NL}{_NL}# "
    f"#{_NL}{_NL}{_NL}## {_NL}{_NL}###{_NL} {_NL}###{_NL}{_NL} {_NL}{_NL}{_NL}##{_NL} "
    f"#{_NL}{_NL}### ###{_NL}{_NL}#",
    "NO": "@@#####",
    "PL": "@@##### @@####@ @@###@@ @@#@### @@#@@## "
    "@@@@### @@@##@@ @@@#@## @@@##@# @@@#@@# @@@@@## @@@##### @@@####@",
    "PT": "@@##@@ ##@@## ####@@ @@####",
    "RO": "@@##@@@ @@###@@@ B##@@@ B###@@@",
    "RS": "@@###@@ @@####@@",
    "SE": "@@@### @@@##@",
    "SI": "@@@@### @@##@@@ @@###@@ @@@##@#",
    "SK": "@@###@@",
    "TR": "##@#### ##@##### ##@@### ##@@#### ##@@@## ##@@@###",
    "UA": f"{_BG}{_BG}####{_BG}{_BG}",
}
"""By ISO 3166-1 alpha-2, patterns as in `edge_agent.plates.grammar`."""

COUNTRIES: Final = ("CN", *EUROPE)


def formats_of_countries(countries: Iterable[str]) -> Sequence[Format]:
    """The formats of all `countries`; where two share one, the one that is named first is taken for it.

    Raises:
        ConfigurationError: a country is not known.

    """
    formats: list[Format] = []
    for rank, country in enumerate(countries):
        if country == "CN":
            formats += CHINA
        elif country in EUROPE:
            weight = 0.9**rank
            formats += [Format(country, "car", pattern, weight) for pattern in EUROPE[country].split()]
        else:
            raise ConfigurationError(
                f"plates of the country {country!r} are not known",
                f"Expected some of {' '.join(COUNTRIES)} (ISO 3166-1).",
            )
    return formats
