"""What is looked up instead of searched for, since it is done for thousands of devices per address."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from positioning.identity.silences import EDGES_S, WIDTHS_S, bins_of
from positioning.identity.tables import distinct


def test_bins_of_silences_are_those_of_a_search() -> None:
    """Every silence of whole milliseconds up to half an hour, and beyond, is in the bin between its edges."""
    silent_s = np.arange(-5, 2_000_000) / 1000.0
    searched = np.searchsorted(EDGES_S, silent_s, side="right") - 1
    assert np.array_equal(bins_of(silent_s), np.clip(searched, 0, len(WIDTHS_S) - 1))


@given(st.lists(st.integers(0, 5) | st.sampled_from([1 << 16, 1 << 40, (1 << 40) + 3]), max_size=30))
def test_distinct_names_are_all_there(names: list[int]) -> None:
    """Each name is found again, and none twice, also where names share the bits that they are found by."""
    column = np.array(names, dtype=np.uint64)
    found, which = distinct(column)
    assert np.array_equal(found[which], column)
    assert sorted(found.tolist()) == sorted(set(names))
