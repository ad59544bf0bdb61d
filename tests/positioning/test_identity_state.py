"""Whatever is heard and forgotten, addresses and devices fit together; a checkpoint is the linker itself."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from positioning.identity import Linker
from positioning.identity.linker import FORGET_MS
from tests.positioning.identity_traffic import Sent, appearances, crowd, form_of

PERMANENT = 4
"""Addresses below are of makers."""

frames = st.builds(
    Sent,
    st.integers(0, 11),
    st.integers(0, 999),
    st.integers(-1, 30) | st.integers(2000, 2030),
    st.sampled_from([0, form_of(1), form_of(1, 5), form_of(2)]),
)
ticks = st.lists(frames, min_size=1, max_size=5)


def at(frames: list[Sent], t_ms: int) -> list[Sent]:
    """Return frames some time later; whether an address is a maker's follows from it."""
    return [f._replace(t_ms=t_ms + f.t_ms, permanent=f.address < PERMANENT) for f in frames]


def same(one: Linker, other: Linker) -> bool:
    """Tell whether two linkers hold the same to the last bit."""
    a, b = one.state(), other.state()
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in a
    )


class LinkerRules(RuleBasedStateMachine):
    """Ticks, silences, erasures and restarts in any order, with a second linker that is never restarted."""

    def __init__(self) -> None:
        super().__init__()
        self.linker, self.undisturbed = Linker(), Linker()
        self.t_ms = 0

    @rule(heard=ticks, pause_ms=st.sampled_from([1_000, 6_000, 400_000]))
    def hear(self, heard: list[Sent], pause_ms: int) -> None:
        """Hear a tick."""
        self.t_ms += pause_ms
        tick = appearances(at(heard, self.t_ms))
        links, expected = self.linker.hear(tick), self.undisturbed.hear(tick)
        assert np.array_equal(links.device, expected.device)
        assert np.array_equal(links.confidence, expected.confidence)
        assert links.moved == expected.moved
        assert ((links.confidence > 0.0) & (links.confidence <= 1.0)).all()

    @rule(pause_ms=st.sampled_from([0, FORGET_MS // 2, 2 * FORGET_MS]))
    def expire(self, pause_ms: int) -> None:
        """Let time pass and forget what was silent."""
        self.t_ms += pause_ms
        self.linker.expire(self.t_ms)
        self.undisturbed.expire(self.t_ms)

    @rule(devices=st.lists(st.integers(0, 11), max_size=3, unique=True))
    def forget(self, devices: list[int]) -> None:
        """Forget some devices, whether they are there or not."""
        self.linker.forget(np.array(devices, dtype=np.uint64))
        self.undisturbed.forget(np.array(devices, dtype=np.uint64))

    @precondition(lambda self: len(self.linker) > 0)
    @rule()
    def restart(self) -> None:
        """Go on from a checkpoint."""
        state = self.linker.state()
        self.linker = Linker()
        self.linker.restore(state)
        assert same(self.linker, self.undisturbed)

    @invariant()
    def fits_together(self) -> None:
        """Every address is of a device, every device uses one of its own; names and makers are unique."""
        addresses, devices = self.linker._addresses, self.linker._devices
        of = addresses.device[addresses.live]
        assert devices.live[of].all()
        used = devices.address[devices.live]
        assert addresses.live[used].all()
        assert np.array_equal(addresses.device[used], np.flatnonzero(devices.live))
        for rows in (addresses, devices):
            assert len(np.unique(rows.name[rows.live])) == rows.live.sum() == len(rows)
        makers = of[addresses.permanent[addresses.live]]
        assert len(np.unique(makers)) == len(makers)
        assert devices.permanent[makers].all()


LinkerRules.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLinker = LinkerRules.TestCase


@settings(max_examples=8)
@given(st.integers(0, 300), st.integers(1, 20))
def test_checkpoint_of_a_crowd_goes_on_alike(cut: int, seed: int) -> None:
    """A linker restored amid a crowd ends with the same state; it shares nothing with the first."""
    frames, _ = crowd(seed, 12)
    linker, restored = Linker(), Linker()
    for frame in frames[:cut]:
        linker.hear(appearances([frame]))
    state = linker.state()
    restored.restore(state)
    kept = {name: array.copy() for name, array in state.items()}
    for frame in frames[cut:]:
        linker.hear(appearances([frame]))
    assert all(np.array_equal(state[name], kept[name]) for name in state)
    for frame in frames[cut:]:
        restored.hear(appearances([frame]))
    assert same(linker, restored)
