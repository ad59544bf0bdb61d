"""The car park's desk: what it forgets, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store.desk import CLAIMS_MS, TICKET_MS, Claim, Desk
from gateway.store.sqlite import SqliteStore

NOW_MS = 1_750_032_000_000


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Open the desk of a new store."""
    store = SqliteStore(tmp_path / "store.db")
    desk = Desk(tmp_path / "store.db", store.secret())
    yield desk
    desk.close()
    store.close()


def test_claims_are_forgotten_where_no_tickets_are_given_out(desk: Desk) -> None:
    """The next claim removes what is older than is kept, so that nobody is remembered for ever."""
    desk.claim(Claim("old", "guests", "stay-1", NOW_MS, 120), day=1, member="m-1")
    later = NOW_MS + CLAIMS_MS
    desk.claim(Claim("kept", "guests", "stay-2", later, 120), day=91, member="m-1")
    assert desk.named("old") is not None
    desk.claim(Claim("new", "guests", "stay-3", later + 1, 120), day=92, member="m-1")
    assert desk.named("old") is None
    assert desk.named("kept") is not None


def test_a_ticket_expires(desk: Desk) -> None:
    """It finds its car until then and not after it."""
    token, expires_ms = desk.issue("car-in", NOW_MS, NOW_MS + 1, NOW_MS)
    assert expires_ms == NOW_MS + TICKET_MS
    assert desk.ticket(token, expires_ms) is not None
    assert desk.ticket(token, expires_ms + 1) is None
