"""Phones: bursts, addresses and elements that change, sequence numbers that run on or start anew."""

from collections import Counter as Tally
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages import FrameKind
from simulators.frames import COUNT, Frames, address_bytes, number_frames
from simulators.phone_elements import FORMS, element_table
from simulators.phone_models import MODELS, Addressing, Counter, Varies
from simulators.phones import Habits, Phones
from simulators.scans import CHANNELS

LOCAL_BIT = 0x02


def sent(phones: Phones, seconds: int) -> list[Frames]:
    """Return what all phones send in so many seconds."""
    active = np.ones(len(phones), dtype=bool)
    return [phones.send(active, second) for second in range(seconds)]


def carried(count: int, seed: int = 1, habits: Habits | None = None) -> Phones:
    """Return the phones of so many people."""
    phones = Phones(seed, habits)
    phones.follow(np.arange(count), 0.0)
    return phones


def column(frames: list[Frames], name: str) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return a column of many seconds."""
    return np.concatenate([getattr(one, name) for one in frames])


def of_models(phones: Phones, which: list[bool]) -> set[int]:
    """Return the phones (rows) of the marked models."""
    return set(np.flatnonzero(np.array(which)[phones.model]).tolist())


def test_bursts_cover_the_channels() -> None:
    """A burst of probes is sent on 1, 6 and 11, within its second, in order of time."""
    frames = sent(carried(200), 60)
    assert set(column(frames, "channel").tolist()) == set(CHANNELS)
    for second, one in enumerate(frames):
        assert ((one.t_ms >= 1000 * second) & (one.t_ms < 1000 * (second + 1))).all()
        assert (np.diff(one.t_ms) >= 0).all()
        for burst in np.unique(one.burst):
            mine = one.burst == burst
            assert len(set(one.phone[mine].tolist())) == 1
            if one.kind[mine][0] == FrameKind.PROBE:
                assert set(one.channel[mine].tolist()) == set(CHANNELS)


def test_intervals_are_those_of_the_field() -> None:
    """Bursts of a phone come 10 s to 5 min apart on average, and phones differ."""
    phones = carried(300, habits=Habits(guest_network=0.0))
    frames = sent(phones, 1800)
    bursts = np.concatenate([np.unique(one.phone) for one in frames if len(one)])
    mean_s = 1800 / np.bincount(bursts, minlength=300)
    assert 10 < np.percentile(mean_s, 5) < np.percentile(mean_s, 95) < 300
    assert np.percentile(mean_s, 90) > 2 * np.percentile(mean_s, 10)


@pytest.mark.parametrize("addressing", Addressing)
def test_addresses_change_as_the_model_does(addressing: Addressing) -> None:
    """Global addresses stay, others are local and change within a burst, with each, or from time to time."""
    phones = carried(400, habits=Habits(guest_network=0.0))
    frames = sent(phones, 1200)
    used: dict[int, set[int]] = {}
    for who, what in zip(column(frames, "phone").tolist(), column(frames, "address").tolist(), strict=True):
        used.setdefault(who, set()).add(what)
    mine = of_models(phones, [model.addressing == addressing for model in MODELS])
    counts = np.array([len(used[who]) for who in sorted(mine)])
    first_bytes = {address_bytes(np.array([a], dtype=np.uint64))[0][0] for who in mine for a in used[who]}
    assert all(bool(byte & LOCAL_BIT) is (addressing is not Addressing.GLOBAL) for byte in first_bytes)
    assert not any(byte & 1 for byte in first_bytes), "a phone never sends from a group address"
    in_burst = Tally(
        len(set(one.address[one.burst == burst].tolist()))
        for one in frames
        for burst in np.unique(one.burst[np.isin(one.phone, list(mine))])
    )
    if addressing is Addressing.GLOBAL:
        assert (counts == 1).all()
    elif addressing is Addressing.TIMED:
        assert 1.5 < counts.mean() < 6
    else:
        assert counts.mean() > 8
    assert (max(in_burst) > 2) is (addressing is Addressing.PROBE)


def test_several_addresses_of_a_burst_are_for_screens_that_are_off() -> None:
    """Models that change within a burst have bursts with one address and bursts with several."""
    phones = carried(200, habits=Habits(guest_network=0.0))
    mine = of_models(phones, [model.addressing == Addressing.PROBE for model in MODELS])
    frames = sent(phones, 600)
    several = [
        len(set(one.address[one.phone == who].tolist())) > 1
        for one in frames
        for who in mine & set(one.phone.tolist())
    ]
    assert 0.2 < np.mean(several) < 0.8


def test_phones_join_the_network_and_keep_an_address_for_it() -> None:
    """Newcomers join some minutes after arrival, all data comes from one address, and some leave again."""
    phones = Phones(1, Habits(guest_network=1.0))
    phones.follow(np.arange(1), 0.0)
    phones.follow(np.arange(1, 300), 0.0)  # the first ones may have been there before
    frames = sent(phones, 1800)
    phone, t_ms, address, kind = (column(frames, n) for n in ("phone", "t_ms", "address", "kind"))
    data = kind == FrameKind.DATA
    assert len(set(zip(phone[data].tolist(), address[data].tolist(), strict=True))) == len(set(phone[data]))
    first_s = np.array([t_ms[data & (phone == who)].min() for who in set(phone[data].tolist())]) / 1000
    assert 150 < np.median(first_s) < 300
    late = np.isin(np.arange(300), phone[data & (t_ms > 1_700_000)])
    assert 0.5 < late.mean() < 0.95, "some have left again"


def test_some_scan_from_random_addresses_while_in_the_network() -> None:
    """In the network a model either probes from the network's address or goes on with random ones."""
    phones = carried(300, habits=Habits(guest_network=1.0))
    phones._join_s[:] = np.where(phones._joined, np.inf, 0.0)  # all are in it, for good
    phones._join_s[~phones._joined] = 0.0
    sent(phones, 1)
    phones._join_s[:] = np.inf
    frames = sent(phones, 600)
    phone, address, kind = (column(frames, n) for n in ("phone", "address", "kind"))
    probe = kind == FrameKind.PROBE
    network = dict(zip(phone[~probe].tolist(), address[~probe].tolist(), strict=True))
    apart = of_models(phones, [model.scans_apart for model in MODELS])
    for who in sorted(network):
        inside = address[probe & (phone == who)] == network[who]
        assert not inside.any() if who in apart else inside.all()


def test_fixed_addresses_are_fixed() -> None:
    """Where rotation is off, nobody changes the address."""
    frames = sent(carried(100, habits=Habits(rotate=False)), 600)
    pairs = set(zip(column(frames, "phone").tolist(), column(frames, "address").tolist(), strict=True))
    assert len(pairs) == len({phone for phone, _ in pairs})


@pytest.mark.parametrize("counter", Counter)
def test_sequence_numbers_run_on_or_start_anew(counter: Counter) -> None:
    """A shared counter makes small steps across a change of address, the others start anywhere, or at 0."""
    phones = carried(400, habits=Habits(guest_network=0.0))
    frames = sent(phones, 900)
    phone, address, sequence = (column(frames, n) for n in ("phone", "address", "sequence"))
    mine = np.isin(phone, list(of_models(phones, [model.counter == counter for model in MODELS])))
    order = np.argsort(phone[mine], kind="stable")
    phone, address, sequence = phone[mine][order], address[mine][order], sequence[mine][order]
    assert ((sequence >= 0) & (sequence < COUNT)).all()
    same = phone[1:] == phone[:-1]
    step = np.mod(np.diff(sequence), COUNT)
    changed = same & (address[1:] != address[:-1])
    if counter is Counter.ZERO:
        assert sequence.max() < 20
        return
    assert step[same & ~changed].max() <= 7
    assert step[same & ~changed].min() >= 1
    if counter is Counter.SHARED:
        assert step[changed].max() <= 7
    else:
        assert np.median(step[changed]) > 500


def test_the_network_counts_by_itself_unless_the_counter_is_shared() -> None:
    """Frames from the network's address make small steps among each other, whatever is scanned meanwhile."""
    phones = carried(200, habits=Habits(guest_network=1.0))
    frames = sent(phones, 600)
    phone, kind, sequence = (column(frames, n) for n in ("phone", "kind", "sequence"))
    apart = of_models(phones, [m.scans_apart and m.counter is not Counter.SHARED for m in MODELS])
    for who in sorted(apart):
        steps = np.mod(np.diff(sequence[(phone == who) & (kind == FrameKind.DATA)]), COUNT)
        assert (steps <= 6).all()


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=40), st.integers(0, 99))
def test_numbering_goes_on_where_it_stopped(rows: list[tuple[int, bool]], seed: int) -> None:
    """Numbers of a counter grow by 1 to 7 unless it starts anew, also from one second to the next."""
    rows.sort(key=lambda row: row[0])
    counter = np.array([c for c, _ in rows], dtype=np.int64)
    anew = np.array([a for _, a in rows], dtype=bool)
    state, rng = np.full(6, COUNT - 3), np.random.default_rng(seed)
    given_last = dict.fromkeys(range(6), COUNT - 3)
    for _second in range(2):
        sequence = number_frames(counter, state, anew, rng)
        for who, new, number in zip(counter.tolist(), anew.tolist(), sequence.tolist(), strict=True):
            assert new or 1 <= (number - given_last[who]) % COUNT <= 7
            given_last[who] = number
        assert state.tolist() == list(given_last.values())


def test_bursts_keep_the_time_of_their_model() -> None:
    """While the screen stays as it is, models like clockwork repeat the intervals of their pattern."""
    phones = carried(300, habits=Habits(guest_network=0.0))
    phones._toggle_s[:] = np.inf
    frames = sent(phones, 900)
    phone, t_ms = column(frames, "phone"), column(frames, "t_ms")
    for who in range(300):
        model = MODELS[phones.model[who]]
        gap_s = (model.on_s if phones._screen[who] else model.off_s)[-1]
        times_s = t_ms[phone == who] / 1000
        begins = [now for before, now in pairwise(times_s) if now - before > 0.5]
        assert np.allclose(np.diff(begins), gap_s, rtol=model.jitter, atol=0.2)


def test_elements_vary_as_the_model_does() -> None:
    """A phone shows as many forms as its model's ways to vary allow, and only its own build's."""
    phones = carried(300, habits=Habits(guest_network=0.0))
    frames = sent(phones, 1800)
    pairs = zip(column(frames, "phone").tolist(), column(frames, "elements").tolist(), strict=True)
    shown: dict[int, set[bytes]] = {}
    for who, elements in set(pairs):
        shown.setdefault(who, set()).add(phones.elements[elements])
        build = phones.model[who] * Habits().builds + phones._build[who]
        assert elements // FORMS == build
    for number, model in enumerate(MODELS):
        mine = [len(shown[who]) for who in np.flatnonzero(phones.model == number).tolist()]
        ways = len(model.varies)
        assert max(mine) <= 2**ways
        assert max(mine) == 1 if model.varies is Varies.NOTHING else max(mine) > 1


def test_fingerprints_are_as_many_as_in_the_wild() -> None:
    """Builds make some tens of fingerprints of 5 to 7 bits, common ones with many twins; without, ten."""
    phones = carried(3000)
    tally = np.array(list(Tally((phones.model * 8 + phones._build).tolist()).values())) / 3000
    assert 5.0 < -(tally * np.log2(tally)).sum() < 7.0
    assert 0.05 < tally.max() < 0.1
    assert len(set(element_table(MODELS, 8)[::FORMS])) == 8 * len(MODELS)
    twins = carried(200, habits=Habits(builds=1))
    assert len({twins.elements[FORMS * model] for model in twins.model}) == len(MODELS)


def test_shares_of_people_without_and_with_two_phones() -> None:
    """The shares asked for come true."""
    phones = carried(4000, habits=Habits(off=0.25, second=0.5))
    count = np.bincount(phones.owner, minlength=4000)
    assert (count == 0).mean() == pytest.approx(0.25, abs=0.03)
    assert (count == 2).sum() / (count > 0).sum() == pytest.approx(0.5, abs=0.03)


def test_phones_go_with_their_owners() -> None:
    """A phone stays silent for good when its owner is gone, and newcomers bring theirs."""
    phones = carried(50)
    phones.follow(np.arange(25, 60), 10.0)
    assert sorted(set(phones.owner.tolist())) == list(range(25, 60))


def test_models_differ_in_their_elements() -> None:
    """No two models share the full form, some share the short one, and the shares add up to one."""
    table = element_table(MODELS, 1)
    assert len(set(table[::FORMS])) == len(MODELS)
    assert len(set(table[1::FORMS])) < len(MODELS)
    assert sum(model.share for model in MODELS) == pytest.approx(1.0)


def test_ids_tell_the_phones_of_a_person_apart() -> None:
    """The id of a phone is twice that of its owner, plus one for a second phone; none is used twice."""
    phones = carried(500, habits=Habits(second=0.5))
    assert (phones.id // 2 == phones.owner).all()
    assert len(np.unique(phones.id)) == len(phones) > 700
