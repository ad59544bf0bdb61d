"""Which tracker an engine gets: by the site file, else by the size of the mall."""

import pytest

from contracts.site import Belief
from gateway.engine import build_engine
from gateway.engine.setup import FOLLOWED_BY_CELL, grid_of
from gateway.engine.state import StateError
from tests.gateway.small_mall import small_mall


@pytest.mark.parametrize(("belief", "kept"), [(Belief.CELLS, True), (Belief.NORMAL, False), (None, True)])
def test_the_site_says_what_is_believed_and_small_malls_are_followed_by_cell(
    belief: Belief | None, *, kept: bool
) -> None:
    """Only a belief over cells keeps tiles in its checkpoint; a checkpoint fits its own kind."""
    site = small_mall(tracking={"belief": belief})
    assert len(grid_of(site)) <= FOLLOWED_BY_CELL
    engine = build_engine(site)
    assert (b"share" in engine.state()) is kept
    other = build_engine(small_mall(tracking={"belief": Belief.NORMAL if kept else Belief.CELLS}))
    with pytest.raises(StateError):
        other.restore(engine.state())
