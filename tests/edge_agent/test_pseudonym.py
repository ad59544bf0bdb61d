"""Pseudonyms: the same on all nodes of a mall within a period, of no use in another."""

from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.site.model import Privacy
from edge_agent import pseudonym
from edge_agent.pseudonym import Pseudonyms
from edge_agent.rotation import HOUR_MS, SaltRotation
from simulators.mall import site as demo_site
from tests.edge_agent.helpers import AP, KEY, PHONE, RATES, ROTATION, T0_MS

DAY_MS = 24 * HOUR_MS


def one(
    t_ms: int = T0_MS, *, key: bytes = KEY, address: bytes = PHONE, elements: bytes = RATES
) -> tuple[str, str]:
    """Hash one observation on a node of its own."""
    ((device,), (model,), _) = Pseudonyms(key, ROTATION).columns([t_ms], [address], [elements])
    return device, model


def test_is_keyed_blake2b_with_the_periods_salt() -> None:
    """The algorithm is what the documentation says, step by step."""
    start = ROTATION.period(T0_MS).start_ms.to_bytes(8, "big")
    salted = blake2b(start, key=KEY, digest_size=32, person=b"salt period").digest()
    assert one() == (
        blake2b(PHONE, key=salted, digest_size=8, person=b"address").hexdigest(),
        blake2b(b"\x01", key=salted, digest_size=4, person=b"family").hexdigest()
        + blake2b(RATES, key=salted, digest_size=4, person=b"elements").hexdigest(),
    )


def test_nodes_agree_within_a_period_alone() -> None:
    """Two nodes give a phone one pseudonym on one day, another on the next, another with another key."""
    device, model = one(T0_MS)
    assert one(T0_MS + HOUR_MS) == (device, model)
    for other in (one(T0_MS + DAY_MS), one(key=bytes(32))):
        assert other[0] != device
        assert other[1] != model
    assert one(address=RATES[:6], elements=PHONE)[0] != one(address=PHONE, elements=RATES[:6])[1]


def test_no_elements_stay_empty() -> None:
    """A frame without elements has no hash of them."""
    assert one(elements=b"")[1] == ""


def test_hash_of_elements_tells_family_and_contents() -> None:
    """Phones that differ in contents alone share the first half; the second is of all; both change by day."""
    wide, narrow = (bytes((45, 2)) + content for content in (b"\x6f\x00", b"\x2d\x00"))
    hashes = [one(elements=elements)[1] for elements in (wide, narrow, RATES + wide)]
    assert len({digest[:8] for digest in hashes}) == 2
    assert hashes[0][:8] == hashes[1][:8]
    assert len({digest[8:] for digest in hashes}) == 3
    tomorrow = one(T0_MS + DAY_MS, elements=wide)[1]
    assert tomorrow[:8] != hashes[0][:8]
    assert tomorrow[8:] != hashes[0][8:]


@given(st.lists(st.tuples(st.integers(0, 3 * DAY_MS), st.binary(min_size=6, max_size=6)), max_size=30))
def test_columns_are_hashed_entry_by_entry(rows: list[tuple[int, bytes]]) -> None:
    """A block across several periods, in any order, gives what one observation at a time gives."""
    times = [T0_MS + t for t, _ in rows]
    addresses = [address for _, address in rows]
    devices, models, _ = Pseudonyms(KEY, ROTATION).columns(times, addresses, [RATES] * len(rows))
    alone = [one(t, address=address) for t, address in zip(times, addresses, strict=True)]
    assert list(zip(devices, models, strict=True)) == alone


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """More addresses than are remembered still get their pseudonyms."""
    monkeypatch.setattr(pseudonym, "CACHED", 3)
    pseudonyms = Pseudonyms(KEY, ROTATION)
    addresses = [bytes((2, 0, 0, 0, 0, i)) for i in range(10)]
    first, _, _ = pseudonyms.columns([T0_MS] * 10, addresses, [b""] * 10)
    again, _, _ = pseudonyms.columns([T0_MS] * 10, addresses, [b""] * 10)
    assert first == again
    assert len(set(first)) == 10


def test_neither_key_nor_address_is_shown() -> None:
    """What a log line could show of it holds no secret; a key of the wrong length is refused."""
    pseudonyms = Pseudonyms(KEY, ROTATION)
    pseudonyms.columns([T0_MS], [PHONE], [RATES])
    assert repr(pseudonyms) == f"Pseudonyms({ROTATION})"
    with pytest.raises(ValueError, match="32 bytes, found 3") as error:
        Pseudonyms(b"key", ROTATION)
    assert "key'" not in str(error.value)


def test_rotation_is_read_from_the_site() -> None:
    """The site file says when pseudonyms change."""
    site = demo_site().model_copy(update={"privacy": Privacy(salt_rotation_h=6, salt_rotation_at_h=5)})
    assert SaltRotation.of(site) == SaltRotation(site.mall.timezone, 6, 5)


CHANGE_MS = ROTATION.period(T0_MS).end_ms
MINUTE_MS = 60_000


def former(pseudonyms: Pseudonyms, minutes: float, address: bytes = PHONE) -> str:
    """Hear an address so many minutes after the change; give what it is said to have been called before."""
    return pseudonyms.columns([CHANGE_MS + round(minutes * MINUTE_MS)], [address], [b""])[2][0]


def test_who_is_there_at_the_change_is_handed_over() -> None:
    """For half an hour a node says what an address was called that it heard in the half hour before."""
    pseudonyms = Pseudonyms(KEY, ROTATION)
    assert former(pseudonyms, -20) == ""
    yesterday = one(CHANGE_MS - 1)[0]
    for minutes in (0, 5, 29.9):
        assert former(pseudonyms, minutes) == yesterday
    assert former(pseudonyms, 30.1) == ""
    assert former(pseudonyms, 5, AP) == ""


def test_who_has_left_is_not_handed_over() -> None:
    """An address not heard in the half hour before the change, or by another node alone, is a new one."""
    pseudonyms = Pseudonyms(KEY, ROTATION)
    former(pseudonyms, -31)
    assert former(pseudonyms, 1) == ""


def test_nobody_is_handed_over_from_day_to_day() -> None:
    """Who was there at the beginning of the period is not handed over at its end."""
    pseudonyms = Pseudonyms(KEY, ROTATION)
    said = [former(pseudonyms, day * 24 * 60 + minutes) for day in range(3) for minutes in (-10, 10)]
    assert [bool(name) for name in said] == [False, True, False, False, False, False]


def test_nodes_a_little_behind_do_not_disturb() -> None:
    """Blocks of one node before the change and of another after it may alternate."""
    pseudonyms = Pseudonyms(KEY, ROTATION)
    said = [former(pseudonyms, minutes) for minutes in (-1, 0.01, -0.01, 0.02, -0.005, 0.03)]
    assert [bool(name) for name in said] == [False, True, False, True, False, True]
    block = pseudonyms.columns([CHANGE_MS - 1, CHANGE_MS], [PHONE] * 2, [b""] * 2)
    assert block[0][0] == block[2][1] != block[0][1]
    assert block[2][0] == ""
