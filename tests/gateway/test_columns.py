"""Columns of numbers survive being packed."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gateway.store import columns
from gateway.store.records import Positions

Floats = npt.NDArray[np.float64]


@given(
    hnp.arrays(np.float64, (7, 2), elements=st.floats(-3000, 3000)),
    hnp.arrays(np.float64, (7, 3), elements=st.floats(0, 60_000)),
    st.lists(st.integers(0, 2**64 - 1), min_size=7, max_size=7),
)
def test_positions_survive_packing(xy: Floats, cov: Floats, numbers: list[int]) -> None:
    """Packed and unpacked, positions are the same up to a decimetre's half and float16's precision."""
    full = cov[:, (0, 1, 1, 2)].reshape(7, 2, 2)
    names = [f"{number:016x}" for number in numbers]
    back = columns.unpack_positions(columns.pack_positions(Positions(1, "F1", names, xy, full)), 1, "F1")
    assert back.device == names
    assert np.abs(back.xy_m - xy).max() <= 0.0501
    assert np.allclose(back.cov_m2, full, rtol=1e-3, atol=1e-6)


@given(st.dictionaries(st.integers(0, 10_000), st.floats(0, 60, width=32), max_size=50))
def test_cells_survive_packing(cells: dict[int, float]) -> None:
    """Packed and unpacked, cells are the same."""
    index = np.array(sorted(cells), dtype=np.int32)
    value = np.array([cells[i] for i in sorted(cells)], dtype=np.float32)
    found_index, found_value = columns.unpack_cells(columns.pack_cells(index, value))
    assert found_index.tolist() == index.tolist()
    assert found_value.tolist() == value.tolist()
