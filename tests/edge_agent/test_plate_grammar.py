"""What a plate may look like: the automaton against the patterns, China's rules, Europe's countries."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from edge_agent.plates.alphabet import INDEX, SYMBOLS, symbol_of
from edge_agent.plates.china import CHINA
from edge_agent.plates.colour import Colour
from edge_agent.plates.europe import COUNTRIES, EUROPE, formats_of_countries
from edge_agent.plates.grammar import Format, Grammar

EVERYWHERE = formats_of_countries(COUNTRIES)
CHINESE = Grammar(CHINA)
WORLD = Grammar(EVERYWHERE)


def expression(format_: Format) -> re.Pattern[str]:
    """The same format as a regular expression: the oracle."""
    return re.compile("".join(f"[{''.join(allowed)}]" for allowed in format_.positions))


@st.composite
def plates(draw: st.DrawFn) -> tuple[Format, str]:
    """A plate of any format, every character of every position possible."""
    format_ = draw(st.sampled_from(EVERYWHERE))
    return format_, "".join(draw(st.sampled_from(sorted(allowed))) for allowed in format_.positions)


@given(plates())
def test_every_plate_of_a_format_is_found(plate: tuple[Format, str]) -> None:
    """What a format's positions allow is a plate of that format, and of no other length."""
    format_, text = plate
    assert format_ in WORLD.formats_of(text)
    assert all(len(found.positions) == len(text) for found in WORLD.formats_of(text))
    assert len(WORLD.walk(text) or ()) == len(text) + 1


@given(st.text(alphabet=SYMBOLS, max_size=10) | plates().map(lambda plate: plate[1]))
def test_the_automaton_accepts_what_the_patterns_do(text: str) -> None:
    """For any text, the formats found are those whose pattern matches it as a regular expression."""
    expected = [format_ for format_ in EVERYWHERE if expression(format_).fullmatch(text)]
    assert WORLD.formats_of(text) == expected


@given(plates(), st.integers(0, 9), st.sampled_from("IO"))
def test_chinese_serial_numbers_have_no_i_and_no_o(
    plate: tuple[Format, str], place: int, letter: str
) -> None:
    """I and O, which look like digits, are in no Chinese plate after its second character."""
    _, text = plate
    if len(text) > 2 and text[0] != "使" and CHINESE.formats_of(text):
        place = 2 + place % (len(text) - 2)
        assert not CHINESE.formats_of(text[:place] + letter + text[place + 1 :])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("粤A12345", "car"),
        ("粤O1234Z", "car"),
        ("粤AD12345", "new-energy small"),
        ("粤AFA2345", "new-energy small"),
        ("粤A12345D", "new-energy large"),
        ("粤A1234学", "learner"),
        ("粤A1234警", "police"),
        ("粤A1234挂", "trailer"),
        ("粤Z1234港", "Hong Kong"),
        ("粤Z1234澳", "Macao"),
        ("粤A1234领", "consulate"),
        ("123456使", "embassy"),
        ("使123456", "embassy"),
        ("粤X1234应急", "emergency"),
        ("VA12345", "army"),
    ],
)
def test_kinds_of_chinese_plates(text: str, kind: str) -> None:
    """Each kind of plate is known by its marks and its letters."""
    assert CHINESE.best_format(text)[0].kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "粤I12345",
        "粤A1234",
        "粤A1234O",
        "粤B1234港",
        "粤AD1234A",
        "A粤12345",
        "粤AX12345",
        "粤ADX234A",
        "",
        "SALE50",
    ],
)
def test_what_is_no_chinese_plate(text: str) -> None:
    """Wrong letters, wrong places, wrong lengths: no plate."""
    assert not CHINESE.formats_of(text)


def test_colour_and_letters_decide_between_doubtful_plates() -> None:
    """An unusual colour or a third letter makes a plate less likely, never impossible."""
    _, usual = CHINESE.best_format("粤A12345", Colour.BLUE)
    assert CHINESE.best_format("粤A12345", Colour.GREEN)[1] < usual
    assert CHINESE.best_format("粤ABCD45", Colour.BLUE)[1] < usual
    assert CHINESE.best_format("粤A12345", Colour.UNKNOWN)[1] == usual


@pytest.mark.parametrize(
    ("country", "text"),
    [
        ("AT", "W12345A"),
        ("BE", "1ABC234"),
        ("CH", "ZH123456"),
        ("CZ", "1A23456"),
        ("DE", "BXY1234"),
        ("DE", "MÜAB123"),
        ("DE", "SAB123E"),
        ("DK", "AB12345"),
        ("ES", "1234BCD"),
        ("FR", "AB123CD"),
        ("GB", "AB12CDE"),
        ("IE", "151D12345"),
        ("IT", "AB123CD"),
        ("NL", "GB123K"),
        ("PL", "WA12345"),
        ("PT", "AB12CD"),
        ("RO", "B123ABC"),
        ("SE", "ABC12D"),
        ("TR", "34ABC123"),
    ],
)
def test_european_plates(country: str, text: str) -> None:
    """Each country's ordinary plates are of its formats."""
    assert {found.country for found in Grammar(formats_of_countries([country])).formats_of(text)} == {country}


def test_the_country_named_first_is_taken() -> None:
    """Where two countries write plates alike, the one expected more often is said."""
    for countries in (["FR", "IT"], ["IT", "FR"]):
        assert Grammar(formats_of_countries(countries)).best_format("AB123CD")[0].country == countries[0]


def test_an_unknown_country_is_refused() -> None:
    """The message names the country and those that are known."""
    with pytest.raises(ConfigurationError, match="'XX'") as caught:
        formats_of_countries(["CN", "XX"])
    assert all(country in caught.value.hint for country in EUROPE)


@pytest.mark.parametrize(
    ("character", "symbol"), [("粤", INDEX["粤"]), ("ａ", INDEX["A"]), ("·", -1), ("-", -1), ("囧", None)]
)
def test_characters_of_recognisers(character: str, symbol: int | None) -> None:
    """Full-width and small letters are letters, separators are none, and what is on no plate is nothing."""
    assert symbol_of(character) == symbol


def test_no_text_is_a_plate_of_a_grammar_without_formats() -> None:
    """An empty grammar refuses all."""
    assert Grammar([]).formats_of("粤A12345") == []
    with pytest.raises(ValueError, match="empty"):
        Grammar([]).best_format("粤A12345")
