"""Paths: from first heard to vanished, with the visits in between."""

import numpy as np

from positioning.paths import Path, Paths, Step

ONE, TWO = np.array([0]), np.array([0, 3])


def test_a_path_runs_from_first_to_last_hearing() -> None:
    """A device has left once it is silent for the time to vanish, at the moment it was last heard."""
    paths = Paths(vanish_s=600)
    for t_ms in (1000, 61_000, 400_000):
        paths.hear(t_ms, ONE)
    assert len(paths.vanished(999_999)) == 0
    assert paths.vanished(1_000_000).tolist() == [0]
    assert paths.end(ONE) == [Path(0, 1000, 400_000, ())]


def test_visits_are_steps_in_order() -> None:
    """Visits stand on the path of their device alone, in the order in which they ended."""
    paths = Paths(vanish_s=600)
    paths.hear(0, TWO)
    paths.visited(3, Step(7, 0, 60_000))
    paths.visited(0, Step(1, 0, 50_000))
    paths.visited(3, Step(8, 90_000, 150_000))
    first, second = paths.end(TWO)
    assert first.steps == (Step(1, 0, 50_000),)
    assert second.steps == (Step(7, 0, 60_000), Step(8, 90_000, 150_000))


def test_a_freed_slot_is_as_new() -> None:
    """The next device in the slot has a path of its own."""
    paths = Paths(vanish_s=600)
    paths.hear(0, ONE)
    paths.visited(0, Step(1, 0, 1))
    paths.end(ONE)
    assert len(paths.present) == 0
    paths.hear(5000, ONE)
    assert paths.end(ONE) == [Path(0, 5000, 5000, ())]


def test_many_slots_grow_as_needed() -> None:
    """Slots need not be handed out one by one."""
    paths = Paths(vanish_s=600)
    paths.hear(0, np.array([500]))
    paths.hear(1000, np.array([2, 1500]))
    assert paths.present.tolist() == [2, 500, 1500]
    assert paths.vanished(600_000).tolist() == [500]


def test_a_checkpoint_keeps_paths_and_steps() -> None:
    """Restored paths end as the originals do."""
    paths, again = Paths(vanish_s=600), Paths(vanish_s=600)
    paths.hear(0, TWO)
    paths.visited(3, Step(7, 0, 60_000))
    again.restore(paths.state())
    assert again.end(TWO) == paths.end(TWO)
