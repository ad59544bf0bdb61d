"""Phones: bursts, addresses that change, sequence numbers that run on or start anew."""

import numpy as np
import pytest

from contracts.messages import FrameKind
from simulators.phone_models import MODELS, Addressing
from simulators.phones import CHANNELS, Frames, Habits, Phones, address_bytes

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
    """Global addresses stay, others are local and change with each burst or from time to time."""
    phones = carried(400, habits=Habits(guest_network=0.0))
    frames = sent(phones, 1200)
    phone, address, model = (column(frames, name) for name in ("phone", "address", "model"))
    kinds = np.array([one.addressing for one in MODELS])
    used: dict[int, set[int]] = {}
    for who, what in zip(phone.tolist(), address.tolist(), strict=True):
        used.setdefault(who, set()).add(what)
    mine = {
        who for who, kind in zip(phone.tolist(), kinds[model].tolist(), strict=True) if kind == addressing
    }
    counts = np.array([len(used[who]) for who in sorted(mine)])
    first_bytes = {address_bytes(np.array([a], dtype=np.uint64))[0][0] for who in mine for a in used[who]}
    assert all(bool(byte & LOCAL_BIT) is (addressing is not Addressing.GLOBAL) for byte in first_bytes)
    assert not any(byte & 1 for byte in first_bytes), "a phone never sends from a group address"
    if addressing is Addressing.GLOBAL:
        assert (counts == 1).all()
    elif addressing is Addressing.TIMED:
        assert 1.5 < counts.mean() < 6
    else:
        assert counts.mean() > 8


def test_phones_in_the_network_keep_their_address_and_send_data() -> None:
    """A phone in the guest network has one address, and sends data far more often than it probes."""
    frames = sent(carried(200, habits=Habits(guest_network=1.0)), 600)
    pairs = set(zip(column(frames, "phone").tolist(), column(frames, "address").tolist(), strict=True))
    assert len(pairs) == len({phone for phone, _ in pairs})
    kind = column(frames, "kind")
    bursts = sum(len(np.unique(one.phone[one.kind == FrameKind.PROBE])) for one in frames)
    assert (kind == FrameKind.DATA).sum() > 3 * bursts


def test_fixed_addresses_are_fixed() -> None:
    """Where rotation is off, nobody changes the address."""
    frames = sent(carried(100, habits=Habits(rotate=False)), 600)
    pairs = set(zip(column(frames, "phone").tolist(), column(frames, "address").tolist(), strict=True))
    assert len(pairs) == len({phone for phone, _ in pairs})


def test_sequence_numbers_run_on_or_start_anew() -> None:
    """Models that run on make small steps across a change of address; the others jump anywhere."""
    frames = sent(carried(400, habits=Habits(guest_network=0.0)), 900)
    phone, address, sequence, model = (column(frames, n) for n in ("phone", "address", "sequence", "model"))
    order = np.argsort(phone, kind="stable")
    phone, address, sequence, model = phone[order], address[order], sequence[order], model[order]
    assert ((sequence >= 0) & (sequence < 4096)).all()
    same = phone[1:] == phone[:-1]
    step = np.mod(np.diff(sequence), 4096)
    changed = same & (address[1:] != address[:-1])
    runs_on = np.array([one.runs_on for one in MODELS])[model[1:]]
    assert step[same & ~changed].max() <= 7
    assert step[same & ~changed].min() >= 1
    assert step[changed & runs_on].max() <= 7
    assert np.median(step[changed & ~runs_on]) > 500


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
    """No two models share all information elements, and the shares add up to one."""
    assert len({model.elements for model in MODELS}) == len(MODELS)
    assert sum(model.share for model in MODELS) == pytest.approx(1.0)
