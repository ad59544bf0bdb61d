"""Addresses become devices as the traffic shows: by numbers that go on, by elements, by who speaks when."""

import numpy as np
import pytest

from positioning.identity import NO_SEQUENCE, Linker
from tests.positioning.identity_traffic import Heard, Sent, crowd, form_of, restarter, runner


def teachers() -> list[Sent]:
    """Return six phones that show how their family numbers frames, up to 600 s."""
    starts = enumerate(range(0, 3000, 500))
    return [f for n, start in starts for f in runner(range(20 * n, 20 * n + 20), start, at_ms=1_500 * n)]


def test_numbers_that_go_on_make_one_device() -> None:
    """A phone whose sequence number runs on across twenty changes of address is one device, named once."""
    heard = Heard().play(runner(range(100, 120), 4090))
    assert heard.devices(range(100, 120)) == {100}
    assert heard.moved == {}


def test_twins_that_run_on_stay_two() -> None:
    """Two phones of one model, in turns, are told apart by their numbers."""
    one, other = runner(range(100, 120), 0), runner(range(200, 220), 2000, at_ms=5_000)
    heard = Heard().play([*one, *other])
    assert heard.devices(range(100, 120)) == {100}
    assert heard.devices(range(200, 220)) == {200}


def test_a_family_that_starts_anew_is_one_device_until_two_speak_in_turns() -> None:
    """One phone is believed where one suffices; an address that speaks again shows that there are two."""
    heard = Heard().play(restarter(range(100, 106), seed=1))
    assert heard.devices(range(100, 106)) == {100}
    heard.play([Sent(200, 70_000, 77, form_of(2)), Sent(105, 72_000, 900, form_of(2))])
    assert heard.moved == {200: 200}
    assert heard.devices(range(100, 106)) == {100}
    heard.play([Sent(200, 74_000, 80, form_of(2)), Sent(105, 76_000, 903, form_of(2))])
    assert (heard.device[200], heard.device[105]) == (200, 100)
    assert len(heard.linker) == 2


def test_all_that_followed_moves_together() -> None:
    """When an address speaks again, all addresses taken up after it are the other phone's, as one device."""
    heard = Heard().play(restarter(range(100, 106), seed=1))
    speaks_again = [f._replace(t_ms=70_000, sequence=f.sequence + 5) for f in restarter([100], seed=1)[1:]]
    heard.play(speaks_again)
    assert heard.moved == dict.fromkeys(range(101, 106), 101)
    assert heard.device[100] == 100


def test_numbers_tell_families_apart_that_start_anew() -> None:
    """Restarts are learnt of a family, not assumed: of one that runs on, another number is another phone."""
    heard = Heard().play([*teachers(), Sent(200, 303_000, 3500), Sent(201, 314_000, 3503)])
    assert heard.device[200] == 200
    assert heard.device[201] == 200


@pytest.mark.parametrize("sequence", [NO_SEQUENCE, 40])
def test_permanent_addresses_never_join(sequence: int) -> None:
    """Two addresses of makers are two phones, even where elements and numbers say otherwise."""
    frames = [
        Sent(a, 10_000 * n, sequence + n if sequence > 0 else sequence, permanent=True)
        for n, a in enumerate(range(10))
    ]
    heard = Heard().play(frames)
    assert len(heard.devices(range(10))) == 10


def test_permanent_address_anchors_one_that_goes_on() -> None:
    """A phone that leaves its maker's address for a random one is followed by its number alone."""
    first = [Sent(10, 0, 50, permanent=True), Sent(11, 5_000, 52), Sent(12, 9_000, 2052)]
    heard = Heard().play(first)
    assert heard.devices([10, 11]) == {10}
    assert heard.device[12] != 10


def test_address_taken_up_again_stays_where_its_number_goes_on() -> None:
    """An old address with the newest number is the same phone's; with its own old number it is another's."""
    before = [*teachers(), Sent(300, 303_000, 3500), Sent(301, 313_000, 3503), Sent(301, 323_000, 4000)]
    goes_on = Heard().play([*before, Sent(300, 333_000, 4002)])
    assert goes_on.devices([300, 301]) == {300}
    assert 301 not in goes_on.moved
    old_number = Heard().play([*before, Sent(300, 333_000, 3502)])
    assert old_number.moved[301] == old_number.device[301] == 301
    assert old_number.device[300] == 300


def test_no_two_devices_share_a_name() -> None:
    """Where the address that named a device is the one that goes on, the others leave; it keeps its name."""
    taken_up_again = [Sent(301, 313_000, 3503), Sent(301, 323_000, 4000), Sent(300, 333_000, 4002)]
    frames = [*teachers(), Sent(300, 303_000, 3500), *taken_up_again]
    before = Heard().play(frames)
    assert before.devices([300, 301]) == {300}
    in_turns = [Sent(300, 343_000, 1500), Sent(301, 353_000, 4003), Sent(300, 363_000, 1503)]
    heard = Heard().play([*frames, *in_turns])
    assert (heard.device[300], heard.device[301]) == (300, 301)
    assert len(heard.linker) == len(before.linker) + 1
    heard.linker.forget(np.array([300, 301], dtype=np.uint64))
    assert len(heard.linker) == len(before.linker) - 1


def test_forms_shown_under_one_address_are_learnt() -> None:
    """Where phones were seen to go from one family of elements to another, so may one with a new address."""
    a, b = form_of(3), form_of(4)
    shown = [Sent(k, 1_000 * k, NO_SEQUENCE, a, permanent=True) for k in range(20)]
    shown += [Sent(k, 1_000 * k + 500, NO_SEQUENCE, b, permanent=True) for k in range(20)]
    change = [Sent(100, 30_000, 50, a), Sent(101, 40_000, 300, b)]
    assert Heard().play(change).device[101] == 101
    heard = Heard().play(shown)
    heard.linker.forget(np.arange(20, dtype=np.uint64))
    assert heard.play(change).device[101] == 100


def test_nearness_separates_twins_in_two_shops() -> None:
    """Phones that share elements and start anew are one device without places, and two with them."""
    one, other = range(100, 110), range(200, 210)
    frames = sorted([*restarter(one, seed=1), *restarter(other, seed=2, at_ms=5_000)], key=lambda f: f.t_ms)
    assert len(Heard().play(frames).devices([*one, *other])) == 1

    def near(address: int, device: int) -> float:
        return 1.0 if address // 100 == device // 100 else 30.0

    heard = Heard().play(frames, near)
    assert heard.devices(one) == {100}
    assert heard.devices(other) == {200}


def test_elements_of_a_new_salt_are_the_phones_own_from_then_on() -> None:
    """Where hashes of elements change under one address, the next address is known by the new ones."""
    before = [Sent(1, 10_000 * k, 100 + k, form_of(5)) for k in range(3)]
    after = [Sent(1, 30_000 + 10_000 * k, 103 + k, form_of(6)) for k in range(3)]
    heard = Heard().play([*before, *after, Sent(2, 60_000, 3_000, form_of(6))])
    assert heard.device[2] == 1


def test_a_twin_that_cannot_be_told_is_known_elsewhere() -> None:
    """What is kept apart between two twins is nobody new; other devices are phones of their own."""
    one, other = range(100, 110), range(200, 210)
    frames = sorted([*restarter(one, seed=1), *restarter(other, seed=2, at_ms=200)], key=lambda f: f.t_ms)

    def near(address: int, device: int) -> float:
        return 1.0 if address == 300 or address // 100 == device // 100 else 30.0

    either = Sent(300, frames[-1].t_ms + 9_850, 77, form_of(2))
    heard = Heard(Linker(certain=0.95)).play([*frames, either], near)
    known, since_ms = heard.linker.known_elsewhere(np.array([100, 300, 999], dtype=np.uint64))
    assert heard.device[300] == 300
    assert known[0] == known[2] == 0.0
    assert known[1] > 0.8
    assert since_ms[1] == either.t_ms


def test_phones_in_use_at_once_are_two() -> None:
    """An address that is first heard while a device speaks under another one is not that device's."""
    heard = Heard()
    heard.tick([Sent(1, 0, 10), Sent(1, 900, 20), Sent(2, 500, 15)])
    assert heard.devices([1, 2]) == {1, 2}


def test_links_of_a_tick_tell_what_is_new() -> None:
    """Links stand in the order of addresses, with who is heard for the first time and how sure that is."""
    heard = Heard()
    first = heard.tick([Sent(7, 0, 10), Sent(3, 10, 2000, form_of(9))])
    assert first.device.tolist() == [3, 7]
    assert first.fresh.tolist() == [True, True]
    again = heard.tick([Sent(7, 5_000, 11), Sent(8, 5_500, 2004, form_of(9))])
    assert again.fresh.tolist() == [False, True]
    assert again.device.tolist() == [7, 3]
    assert ((again.confidence > 0.0) & (again.confidence <= 1.0)).all()
    assert again.confidence[0] == first.confidence[1]


def test_confidence_is_what_it_says() -> None:
    """In crowds of twins that run on or start anew, links said to be some 90 % sure are right that often."""
    said, right = [], []
    for seed in range(3):
        frames, owner = crowd(seed)
        heard, last = Heard(), dict[int, int]()  # whose the last address of each device is
        for frame in frames:
            links = heard.tick([frame])
            last.update({device: owner[address] for address, device in links.moved.items()})
            device, phone = int(links.device[0]), owner[frame.address]
            if links.fresh[0]:
                said.append(float(links.confidence[0]))
                right.append(last[device] == phone if device in last else phone not in last.values())
            last[device] = phone
    sure = np.array(said)
    near_90 = (sure > 0.8) & (sure < 0.97)
    assert near_90.sum() > 100
    assert 0.80 <= np.mean(np.array(right)[near_90]) <= 0.98
    assert np.mean(np.array(right)[sure < 0.5]) < 0.5
