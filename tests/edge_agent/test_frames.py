"""The parser takes the frames phones send, refuses the others with the cause, and never raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages import FrameKind
from edge_agent.frames import Frame, Refusal, parse_frame
from edge_agent.radiotap import FLAG_BAD_FCS, FLAG_FCS_INCLUDED, FLAG_PADDED
from tests.edge_agent.helpers import (
    AP,
    EVERYBODY,
    PHONE,
    RATES,
    element,
    header,
    probe,
    radiotap,
    with_fcs,
)

PROBE, NULL, DATA, QOS_DATA, QOS_NULL, ACTION, PS_POLL = 0x40, 0x48, 0x08, 0x88, 0xC8, 0xD0, 0xA4
TO_AP, FROM_AP, BETWEEN_APS = 1, 2, 3
MORE_FRAGMENTS, RETRY, POWER_SAVE, MORE_DATA, ENCRYPTED, ORDER = 0x04, 0x08, 0x10, 0x20, 0x40, 0x80
ACKNOWLEDGEMENT = b"\xd4\x00\x00\x00" + PHONE


def test_probe_request_gives_every_field() -> None:
    """A probe request gives its sender, strength, channel, number and elements."""
    frame = parse_frame(probe(ssid=b"home", sequence=4095, signal_dbm=-91))
    assert frame == Frame(PHONE, -91, 6, FrameKind.PROBE, 4095, b"\x00" + RATES, None)


@pytest.mark.parametrize("control", [0x08, NULL, QOS_DATA, 0xC8])
def test_data_to_the_access_point_is_heard(control: int) -> None:
    """Data and null frames, with and without QoS, count when the station sends them."""
    frame = parse_frame(radiotap() + header(control, direction=TO_AP, to=AP) + bytes(30))
    assert isinstance(frame, Frame)
    assert (frame.address, frame.kind, frame.elements) == (PHONE, FrameKind.DATA, b"")


@pytest.mark.parametrize("control", [DATA, NULL, QOS_DATA, QOS_NULL])
@pytest.mark.parametrize("habit", [0, POWER_SAVE, MORE_DATA, ENCRYPTED, RETRY, POWER_SAVE | RETRY])
def test_every_frame_of_an_associated_phone_counts(control: int, habit: int) -> None:
    """A phone that dozes, encrypts or says something again is heard; the number stays that of the first."""
    packet = radiotap() + header(control, direction=TO_AP | habit, to=AP, third=AP, sequence=77) + bytes(8)
    assert parse_frame(packet) == Frame(PHONE, -60, 6, FrameKind.DATA, 77, b"", None)


def test_data_between_two_phones_counts() -> None:
    """In an ad-hoc network, and where two phones talk directly, no access point is on the way."""
    packet = radiotap() + header(DATA, to=AP, by=PHONE, third=b"\x02\x11\x22\x33\x44\x55") + bytes(8)
    frame = parse_frame(packet)
    assert isinstance(frame, Frame)
    assert (frame.address, frame.kind) == (PHONE, FrameKind.DATA)


def test_destination_is_no_access_point() -> None:
    """On the way up the third address is the destination: it tells nothing of who sent the frame."""
    packet = radiotap() + header(DATA, direction=TO_AP, to=AP, third=PHONE) + bytes(8)
    assert isinstance(parse_frame(packet), Frame)
    of_ap = radiotap() + header(DATA, direction=TO_AP, to=AP, by=AP, third=PHONE) + bytes(8)
    assert parse_frame(of_ap) is Refusal.FROM_AP


def test_mesh_points_are_no_phones() -> None:
    """A mesh point's management frames carry its own address as the third."""
    assert (
        parse_frame(radiotap() + header(ACTION, to=EVERYBODY, by=AP, third=AP) + bytes(3)) is Refusal.FROM_AP
    )


@pytest.mark.parametrize("direction", [FROM_AP, BETWEEN_APS])
def test_data_of_the_access_point_is_refused(direction: int) -> None:
    """What an access point sends says nothing of where a phone is."""
    assert parse_frame(radiotap() + header(QOS_DATA, direction=direction)) is Refusal.FROM_AP


@pytest.mark.parametrize("control", [0x00, 0x20, 0xA0, 0xB0, 0xC0, 0xD0, 0xE0])
def test_management_counts_from_the_station_alone(control: int) -> None:
    """Association, authentication and action frames go both ways; the BSSID tells who sent them."""
    of_phone = parse_frame(radiotap() + header(control, to=AP, by=PHONE, third=AP))
    of_ap = parse_frame(radiotap() + header(control, to=PHONE, by=AP, third=AP))
    assert isinstance(of_phone, Frame)
    assert of_phone.kind is FrameKind.OTHER
    assert of_ap is Refusal.FROM_AP


@pytest.mark.parametrize("control", [0x10, 0x30, 0x50, 0x80])
def test_answers_and_beacons_are_the_access_points(control: int) -> None:
    """Responses and beacons are sent by access points alone."""
    assert parse_frame(radiotap() + header(control, by=AP, third=AP) + bytes(12)) is Refusal.FROM_AP


def test_power_save_poll_counts_without_a_number() -> None:
    """A PS-Poll is short and unnumbered, but its sender is a phone."""
    frame = parse_frame(radiotap() + b"\xa4\x00\x01\xc0" + AP + PHONE)
    assert isinstance(frame, Frame)
    assert (frame.address, frame.kind, frame.sequence) == (PHONE, FrameKind.OTHER, -1)


@pytest.mark.parametrize("control", [0xB4, 0xC4, 0xD4])
def test_other_control_frames_are_refused(control: int) -> None:
    """Requests to send and acknowledgements are not used."""
    assert parse_frame(radiotap() + header(control)) is Refusal.CONTROL


def test_acknowledgement_is_whole() -> None:
    """The shortest frame there is, and the most frequent, is refused for what it is, not for its length."""
    assert parse_frame(radiotap() + ACKNOWLEDGEMENT) is Refusal.CONTROL
    assert parse_frame(radiotap() + ACKNOWLEDGEMENT[:-1]) is Refusal.TRUNCATED


@pytest.mark.parametrize(
    ("control", "direction", "more"),
    [(QOS_NULL, TO_AP, 2), (QOS_DATA, TO_AP | ORDER, 6), (DATA, TO_AP | ORDER, 0), (ACTION, ORDER, 4)],
)
def test_header_has_to_be_whole(control: int, direction: int, more: int) -> None:
    """QoS and HT control belong to the header: a frame that ends before they do is refused."""
    packet = radiotap() + header(control, direction=direction, to=AP) + bytes(more)
    assert isinstance(parse_frame(packet), Frame)
    assert parse_frame(packet[:-1]) is Refusal.TRUNCATED


def test_elements_behind_ht_control() -> None:
    """A probe request with HT control has its elements four bytes later."""
    packet = radiotap() + header(PROBE, direction=ORDER) + b"\x00\x02\x00\x00" + element(0, b"") + RATES
    frame = parse_frame(packet)
    assert isinstance(frame, Frame)
    assert frame.elements == b"\x00" + RATES


def test_probe_request_in_pieces_is_refused() -> None:
    """Where the elements are spread over several frames, none of them has all."""
    whole = bytearray(probe())
    at = len(radiotap())
    first, second = bytearray(whole), bytearray(whole)
    first[at + 1] |= MORE_FRAGMENTS
    second[at + 22] |= 1
    assert parse_frame(bytes(first)) is parse_frame(bytes(second)) is Refusal.TRUNCATED


def test_encrypted_probe_request_is_refused() -> None:
    """A probe request goes to everybody: one that claims to be encrypted is damaged."""
    assert parse_frame(radiotap() + header(PROBE, direction=ENCRYPTED) + RATES) is Refusal.CORRUPT


@pytest.mark.parametrize("address", [EVERYBODY, b"\x01\x00\x5e\x00\x00\x01", bytes(6)])
def test_group_address_cannot_send(address: bytes) -> None:
    """A sender with the group bit, or none, is no phone."""
    assert parse_frame(probe(by=address)) is Refusal.GROUP_ADDRESS


@pytest.mark.parametrize("flags", [0, FLAG_FCS_INCLUDED, FLAG_PADDED, FLAG_PADDED | FLAG_FCS_INCLUDED])
def test_fcs_is_found_whatever_the_flag_says(flags: int) -> None:
    """An FCS at the end is no element, also where the driver does not say that it is there."""
    body = with_fcs(header(PROBE) + element(0, b"") + RATES)
    frame = parse_frame(radiotap(flags=flags) + body)
    assert isinstance(frame, Frame)
    assert frame.elements == b"\x00" + RATES


def test_wrong_fcs_is_refused() -> None:
    """A frame that was damaged on the air is not used, whether its FCS or the driver says so."""
    body = bytearray(with_fcs(header(PROBE) + element(0, b"") + RATES))
    said = parse_frame(radiotap(flags=FLAG_BAD_FCS) + body)
    body[12] ^= 4
    assert parse_frame(radiotap(flags=FLAG_FCS_INCLUDED) + body) is Refusal.BAD_FCS
    assert said is Refusal.BAD_FCS


def test_fcs_of_an_anonymised_capture() -> None:
    """Who replaced addresses left an FCS that no longer fits: unchecked, it is cut off, and is no element."""
    body = bytearray(with_fcs(header(PROBE) + element(0, b"") + RATES))
    body[12] ^= 4
    packet = radiotap(flags=FLAG_FCS_INCLUDED) + bytes(body)
    frame = parse_frame(packet, check_fcs=False)
    assert isinstance(frame, Frame)
    assert frame.elements == b"\x00" + RATES
    assert parse_frame(packet) is Refusal.BAD_FCS
    damaged = radiotap(flags=FLAG_FCS_INCLUDED | FLAG_BAD_FCS) + bytes(body)
    assert parse_frame(damaged, check_fcs=False) is Refusal.BAD_FCS


def test_padding_makes_the_fcs_uncheckable() -> None:
    """Where the driver has put padding into the frame, its FCS is left out unchecked."""
    packet = radiotap(flags=FLAG_PADDED | FLAG_FCS_INCLUDED) + header(PROBE) + element(0, b"") + b"1234"
    assert isinstance(parse_frame(packet), Frame)


def test_frame_cut_by_the_capture() -> None:
    """Of a frame whose end was not captured the header still counts, but elements do not."""
    data = radiotap(flags=FLAG_FCS_INCLUDED) + header(NULL, direction=TO_AP, to=AP) + b"begin"
    assert isinstance(parse_frame(data, cut=True), Frame)
    assert parse_frame(data) is Refusal.BAD_FCS
    assert parse_frame(probe(), cut=True) is Refusal.TRUNCATED


@pytest.mark.parametrize("length", range(len(probe())))
def test_every_truncation_is_refused(length: int) -> None:
    """A probe request cut at any byte is refused, except where it happens to end between two elements."""
    whole = probe()
    between = {len(radiotap()) + 24, len(radiotap()) + 26}
    assert isinstance(parse_frame(whole[:length]), Frame if length in between else Refusal)


def test_unknown_protocol_is_refused() -> None:
    """Another version of 802.11 and extension frames are refused."""
    assert parse_frame(radiotap() + header(0x41)) is Refusal.CORRUPT
    assert parse_frame(radiotap() + header(0x4C)) is Refusal.CORRUPT
    assert parse_frame(radiotap() + header(PROBE, direction=TO_AP)) is Refusal.CORRUPT


def test_no_signal_strength_is_refused() -> None:
    """Without a strength in dBm a sighting says nothing of the place."""
    assert parse_frame(b"\x00\x00\x08\x00\x00\x00\x00\x00" + header(PROBE)) is Refusal.NO_SIGNAL


def test_ht_control_is_no_element() -> None:
    """Where the order bit is set, four more bytes of header come before the elements."""
    packet = radiotap() + header(PROBE, direction=0x80) + b"\xff\xff\xff\xff" + element(0, b"") + RATES
    frame = parse_frame(packet)
    assert isinstance(frame, Frame)
    assert frame.elements == b"\x00" + RATES


@given(st.binary(max_size=200), st.booleans())
def test_noise_never_raises(packet: bytes, cut: bool) -> None:
    """Any bytes give a frame in its ranges or a cause."""
    _in_ranges(parse_frame(packet, cut=cut))


@given(st.data())
def test_damage_never_raises(data: st.DataObject) -> None:
    """A frame with any bytes changed, cut or doubled gives a frame in its ranges or a cause."""
    packet = bytearray(
        probe(more=RATES + element(127, bytes(8)) + element(221, b"\x00\x50\xf2\x08\x00\x01\x00"))
    )
    for at in data.draw(st.lists(st.integers(0, len(packet) - 1), max_size=8)):
        packet[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, 2 * len(packet)))
    _in_ranges(parse_frame(bytes(packet * 2)[:end], cut=data.draw(st.booleans())))


def _in_ranges(result: Frame | Refusal) -> None:
    if isinstance(result, Frame):
        assert len(result.address) == 6
        assert not result.address[0] & 1
        assert -128 <= result.rssi_dbm <= 127
        assert 0 <= result.channel <= 233
        assert -1 <= result.sequence <= 4095
    else:
        assert isinstance(result, Refusal)
