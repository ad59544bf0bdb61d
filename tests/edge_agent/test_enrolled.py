"""Enrolled plates: who is said in clear text, and how sure that has to be."""

import logging
from pathlib import Path

import pytest
from msgspec import UNSET

from contracts.control import EnrolledPlates
from contracts.messages import encode
from edge_agent.enrolled import CERTAIN, EnrolledList, enrolled_digest
from edge_agent.opt_out import key_id
from edge_agent.plate_hashes import PlateHashes
from tests.edge_agent.helpers import KEY, ROTATION
from tests.edge_agent.test_plate_hashes import sighting

MEMBER = "浙A12345"


def the_list(*plates: str, key: bytes = KEY) -> bytes:
    """A list as the broker retains it."""
    return encode(EnrolledPlates(key=key_id(key), digests=[enrolled_digest(key, plate) for plate in plates]))


@pytest.fixture
def enrolled(tmp_path: Path) -> EnrolledList:
    """A list with one member."""
    found = EnrolledList(KEY, tmp_path / "copy")
    found.take(the_list(MEMBER))
    return found


def test_an_enrolled_plate_is_said_in_clear_text_and_no_other(enrolled: EnrolledList) -> None:
    """The read of a member's car names it; that of another car does not."""
    hashes = PlateHashes(KEY, ROTATION, enrolled=enrolled)
    assert hashes.read(sighting((MEMBER, 0.9))).enrolled == MEMBER
    assert hashes.read(sighting(("京C67890", 0.99))).enrolled is UNSET


def test_a_members_plate_is_said_by_its_digest_alone(enrolled: EnrolledList, tmp_path: Path) -> None:
    """What the gateway put on the list is named, and stays unreadable; what an operator enrolled is both."""
    hashes, key, other = PlateHashes(KEY, ROTATION, enrolled=enrolled), key_id(KEY), "京C67890"
    digests = {plate: enrolled_digest(KEY, plate) for plate in (MEMBER, other)}
    assert hashes.read(sighting((MEMBER, 0.9))).enrolled_digest == digests[MEMBER]
    assert hashes.read(sighting((other, 0.99))).enrolled_digest is UNSET
    enrolled.take(encode(EnrolledPlates(key=key, digests=[digests[MEMBER]], members=[digests[other]])))
    for known in (enrolled, EnrolledList(KEY, tmp_path / "copy")):
        found = PlateHashes(KEY, ROTATION, enrolled=known).read(sighting((other, 0.99)))
        assert (found.enrolled, found.enrolled_digest) == (UNSET, digests[other])
    assert hashes.read(sighting((MEMBER, 0.9))).enrolled == MEMBER


def test_a_misread_member_is_recognised_only_where_it_is_certain(enrolled: EnrolledList) -> None:
    """As a likely alternative yes; as a look-alike of a sure reading no: that is somebody else's car."""
    misread = "浙A1234S"
    hashes = PlateHashes(KEY, ROTATION, enrolled=enrolled)
    found = hashes.read(sighting((misread, 0.55), (MEMBER, 0.4)))
    assert found.enrolled == MEMBER
    assert found.confidence >= CERTAIN
    assert found.plate == hashes.read(sighting((MEMBER, 1.0))).plate
    assert hashes.read(sighting((misread, 0.95))).enrolled is UNSET
    assert hashes.read(sighting((misread, 0.5))).enrolled is UNSET
    assert hashes.read(sighting((misread, 0.97), (MEMBER, 0.02))).enrolled is UNSET


def test_look_alikes_weigh_more_than_other_characters(enrolled: EnrolledList) -> None:
    """5 for S is a likelier slip than 5 for X."""
    near = enrolled._nearly([("浙A1234S", 0.5)])[MEMBER]
    assert near > 5 * enrolled._nearly([("浙A1234X", 0.5)])[MEMBER]


def test_of_two_members_that_look_alike_neither_is_named_where_it_may_be_both(tmp_path: Path) -> None:
    """The certainty is shared between them."""
    both = EnrolledList(KEY, tmp_path / "copy")
    both.take(the_list(MEMBER, "浙A1234S"))
    assert both.find([("浙A1234S", 0.5), (MEMBER, 0.45)]) is None
    found = both.find([("浙A1234S", 0.99), (MEMBER, 0.005)])
    assert found is not None
    assert found[0] == "浙A1234S"


def test_the_list_is_kept_and_one_that_cannot_be_read_changes_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An agent without a broker has the last one; damage is said once; an empty payload ends the list."""
    path = tmp_path / "copy"
    first = EnrolledList(KEY, path)
    first.take(the_list(MEMBER))
    first.take(b"{")
    first.take(b"{")
    assert len(caplog.records) == 1
    again = EnrolledList(KEY, path)
    assert again.find([(MEMBER, 0.9)]) is not None
    assert path.stat().st_mode & 0o777 == 0o600
    again.take(b"")
    assert len(again) == 0
    path.write_bytes(b"torn")
    assert len(EnrolledList(KEY, path)) == 0


def test_a_list_of_another_key_names_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is taken, and complained about."""
    other = EnrolledList(KEY, tmp_path / "copy")
    with caplog.at_level(logging.ERROR):
        other.take(the_list(MEMBER, key=bytes(32)))
    assert other.find([(MEMBER, 1.0)]) is None
    assert "another key" in caplog.text
