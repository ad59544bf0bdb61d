"""The elements' canonical bytes are the same for phones of a model, whatever they look for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import elements
from edge_agent.elements import element_family, model_elements
from tests.edge_agent.helpers import RATES, element

WPS = b"\x00\x50\xf2\x04"
UNFILLED = b"\x00\x50\xf2\x08"


@pytest.mark.parametrize("tag", [0, 3, 10, 84])
def test_what_changes_from_frame_to_frame_is_left_out(tag: int) -> None:
    """The network asked for and the channel do not change the canonical bytes."""
    assert model_elements(element(tag, b"one") + RATES) == model_elements(element(tag, b"other") + RATES)


@pytest.mark.parametrize("vendor", [WPS, UNFILLED, b"\x50\x6f\x9a\x09"])
def test_vendor_elements_that_name_a_device_count_by_presence(vendor: bytes) -> None:
    """Serial numbers, addresses and memory never filled are left out; that the element is there counts."""
    one, other = (element(221, vendor + content) for content in (b"serial 1", b"serial 2"))
    assert model_elements(RATES + one) == model_elements(RATES + other) != model_elements(RATES)


@pytest.mark.parametrize("tag", [1, 45, 50, 59, 70, 127, 191, 221])
def test_what_the_radio_can_do_counts(tag: int) -> None:
    """Rates, capabilities and other vendor elements tell models apart."""
    assert model_elements(element(tag, b"abcd1")) != model_elements(element(tag, b"abcd2"))


def test_extensions_count_where_they_are_capabilities() -> None:
    """HE and EHT capabilities count; of other extensions only which they are."""
    he, other = bytes((35,)), bytes((2,))
    assert model_elements(element(255, he + b"1")) != model_elements(element(255, he + b"2"))
    assert model_elements(element(255, other + b"1")) == model_elements(element(255, other + b"2"))
    assert model_elements(element(255, other)) != model_elements(element(255, he))


def test_order_counts() -> None:
    """Drivers put elements into different orders; that tells them apart."""
    caps = element(127, bytes(8))
    assert model_elements(RATES + caps) != model_elements(caps + RATES)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=12)), max_size=8))
def test_every_well_formed_body_is_read(parts: list[tuple[int, bytes]]) -> None:
    """A body of whole elements has canonical bytes, no longer than itself; one byte less is refused."""
    body = b"".join(element(tag, content) for tag, content in parts)
    canonical = model_elements(body)
    assert canonical is not None
    assert len(canonical) <= len(body)
    if body and parts[-1][1]:
        assert model_elements(body[:-1]) is None


def test_memory_of_bodies_is_bounded() -> None:
    """Whoever sends ever new bodies fills a bounded memory, and gets the same answers."""
    for number in range(2 * elements._REMEMBERED + 1):
        body = element(127, number.to_bytes(4, "big"))
        assert model_elements(body) == body
    assert len(elements._known) <= elements._REMEMBERED


def family(body: bytes) -> bytes:
    """Give the family of a frame's elements."""
    canonical = model_elements(body)
    assert canonical is not None
    return element_family(canonical)


@pytest.mark.parametrize("tag", [1, 45, 50, 59, 70, 127, 191])
def test_family_knows_no_contents(tag: int) -> None:
    """Builds and states of one model differ in contents, also in their length, and are one family."""
    one, other = (RATES + element(tag, content) + element(3, b"\x06") for content in (b"1234", b"56"))
    assert family(one) == family(other)
    assert model_elements(one) != model_elements(other)


def test_family_knows_elements_and_their_order() -> None:
    """Which elements there are, in which order, tells families apart; so does whose vendor elements are."""
    caps, vendor = element(127, bytes(8)), element(221, b"\x00\x17\xf2\x0a\x00")
    bodies = [RATES, RATES + caps, caps + RATES, RATES + caps + vendor, RATES + caps + element(221, WPS)]
    bodies += [RATES + element(255, bytes((kind,)) + b"x") for kind in (2, 35)]
    assert len({family(body) for body in bodies}) == len(bodies)
    assert family(RATES + element(221, WPS + b"serial")) == family(RATES + element(221, WPS))


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=12)), max_size=8))
def test_family_is_read_of_every_body(sent: list[tuple[int, bytes]]) -> None:
    """Canonical bytes of whatever a body holds are taken apart where its elements begin."""
    body = b"".join(element(tag, content) for tag, content in sent)
    parts = [family(element(tag, content)) for tag, content in sent]
    assert family(body) == b"".join(parts)
    assert [part[0] for part in parts] == [tag for tag, _ in sent]
