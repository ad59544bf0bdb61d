"""Plates become keyed hashes: which readings can be matched, which cannot, and for how long."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from contracts.errors import ConfigurationError
from contracts.messages import decode, encode
from contracts.plates import Direction, PlateChange, PlateEnergy, PlateRead, PlateRegion
from edge_agent.plate_hashes import PlateHashes
from edge_agent.plate_text import DIGITS, LETTERS, energy_of, neighbours, plain_plate, region_of
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import PlateSighting
from tests.edge_agent.helpers import KEY, T0_MS

ROTATION = SaltRotation("Asia/Shanghai", every_h=2)
DAY_MS = 24 * 3_600_000
PLATES = st.text(LETTERS + DIGITS, min_size=6, max_size=6).map("浙".__add__)


def sighting(*candidates: tuple[str, float], t_ms: int = T0_MS) -> PlateSighting:
    """A passage of which this is known."""
    return PlateSighting("0" * 16, PlateChange.NEW, t_ms, "ramp", Direction.IN, candidates)


def read(*candidates: tuple[str, float], t_ms: int = T0_MS, key: bytes = KEY) -> PlateRead:
    """The message of it."""
    return PlateHashes(key, ROTATION, province="浙").read(sighting(*candidates, t_ms=t_ms))


def shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many hashes two lists share."""
    return len(set(one) & set(other))


@given(PLATES, st.data())
def test_readings_that_differ_in_one_character_share_one_near_hash(plate: str, data: st.DataObject) -> None:
    """Two that differ in one place share the hash without it; in two places or more they share nothing."""
    other, place, _ = data.draw(st.sampled_from(list(neighbours(plate))))
    one, two = read((plate, 0.9)), read((other, 0.9))
    assert one.plate != two.plate
    assert shared(one.near, two.near) == 1
    assert one.near[place] == two.near[place]
    far = data.draw(PLATES.filter(lambda far: sum(a != b for a, b in zip(far, plate, strict=True)) > 1))
    assert shared(one.near, read((far, 0.9)).near) == 0


def test_a_car_that_parks_overnight_can_be_matched_and_one_that_comes_back_later_cannot() -> None:
    """The next day's read says the hashes of the day before, too; those of two days before are gone."""
    day = [read(("浙A12345", 0.9), t_ms=T0_MS + n * DAY_MS) for n in range(3)]
    assert day[1].formerly == day[0].plate
    assert day[1].formerly_near == day[0].near
    said = [{r.plate, r.formerly, *r.near, *r.formerly_near} for r in day]
    assert not said[0] & said[2]


def test_the_salt_of_plates_holds_for_a_day_though_that_of_phones_changes_sooner() -> None:
    """A car that stays for five hours is the same when it leaves; the change is at the mall's hour."""
    start = ROTATION.period(T0_MS).start_ms
    day = SaltRotation("Asia/Shanghai").period(T0_MS)
    assert ROTATION.period(T0_MS).end_ms - start < DAY_MS
    first, last = (read(("浙A12345", 1.0), t_ms=t) for t in (day.start_ms, day.end_ms - 1))
    assert first.plate == last.plate != read(("浙A12345", 1.0), t_ms=day.end_ms).plate


def test_another_key_gives_other_hashes() -> None:
    """Nothing is shared between malls."""
    one, two = read(("浙A12345", 0.9)), read(("浙A12345", 0.9), key=bytes(32))
    assert not {one.plate, one.formerly, *one.near, *one.formerly_near} & {
        two.plate,
        two.formerly,
        *two.near,
        *two.formerly_near,
    }
    with pytest.raises(ValueError, match="32 bytes"):
        PlateHashes(b"short", ROTATION)


def test_alternatives_are_said_as_hashes_with_what_is_left_of_the_probability() -> None:
    """At most three, none that is next to impossible, and no clear text."""
    found = read(
        ("浙A12345", 0.6), ("浙A1234S", 0.3), ("浙A1Z345", 0.05), ("浙A7Z345", 0.02), ("京A1Z345", 0.009)
    )
    assert [one.probability for one in found.alternatives] == [0.3, 0.05, 0.02]
    assert found.alternatives[0].plate == read(("浙A1234S", 1.0)).plate
    assert found.enrolled is UNSET
    assert decode(encode(found), PlateRead) == found


@pytest.mark.parametrize(
    ("plate", "region", "energy"),
    [
        ("浙A12345", PlateRegion.LOCAL, PlateEnergy.COMBUSTION),
        ("京AD12345", PlateRegion.OTHER, PlateEnergy.NEW_ENERGY),
        ("浙A1234学", PlateRegion.LOCAL, PlateEnergy.COMBUSTION),
        ("WJ12345", PlateRegion.UNKNOWN, PlateEnergy.UNKNOWN),
        ("BMW1234", PlateRegion.UNKNOWN, PlateEnergy.UNKNOWN),
    ],
)
def test_the_coarse_class_of_a_plate(plate: str, region: PlateRegion, energy: PlateEnergy) -> None:
    """What stands first says the province, how long it is says what the car runs on."""
    assert region_of(plate, "浙") is region
    assert region_of(plate, None) is PlateRegion.UNKNOWN
    assert energy_of(plate) is energy


def test_plates_are_compared_as_capitals_without_separators() -> None:
    """However an operator writes a plate; what is none is refused and not repeated."""
    assert plain_plate(" 浙a·12345 ") == "浙A12345"
    for text in ("", "京A", "京A54321" * 2, "京A_54321"):
        with pytest.raises(ConfigurationError) as caught:
            plain_plate(text)
        assert not text or text not in str(caught.value)


def test_a_sighting_shows_no_plate() -> None:
    """What is logged by mistake says nothing."""
    assert "浙" not in repr(sighting(("浙A12345", 0.9)))
