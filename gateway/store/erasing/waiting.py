"""Erasing points that wait for a server elsewhere."""

import gzip

from gateway.store.erasing.traces import Traces
from gateway.store.files import SharedWriter
from gateway.store.outbox import bodies

_BODIES = 32
"""So many bodies are looked at in a transaction."""


def take_out_waiting(file: SharedWriter, traces: Traces) -> int:
    """Take points out of the bodies that have not been sent; gives how many."""
    gone, after = 0, 0
    while True:
        with file.transaction() as db:
            rows = db.execute(
                "SELECT * FROM outbox WHERE id > ? ORDER BY id LIMIT ?", (after, _BODIES)
            ).fetchall()
            for an_id, database, policy, added_ms, _, _, body in rows:
                lines = gzip.decompress(body).splitlines()
                kept = [line.decode() for line in lines if not traces.are_in(line)]
                if len(kept) < len(lines):
                    gone += len(lines) - len(kept)
                    db.execute("DELETE FROM outbox WHERE id = ?", (an_id,))  # triggers keep the totals
                    for rest in bodies(kept):
                        row = (an_id, database, policy, added_ms, rest.points, len(rest.data), rest.data)
                        db.execute("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        if not rows:
            return gone
        after = rows[-1][0]
