"""What was heard in one tick, one row for each address."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Keys = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]

NO_SEQUENCE = -1
NO_FORM = np.uint64(0)
"""Of frames without elements: those of phones in a network."""


@dataclass(frozen=True)
class Appearances:
    """The A addresses heard in a tick.

    Attributes:
        address: (A,) ascending, each once.
        first_ms: (A,) when it was first heard in the tick ...
        last_ms: (A,) ... and last.
        first_sequence: (A,) sequence numbers of those frames, `NO_SEQUENCE` where they had none.
        last_sequence: (A,) the same of the last.
        first_form: (A,) what elements said in the first frame: family in the upper half, contents in all.
        last_form: (A,) the same of the last.
        permanent: (A,) whether the maker chose the address: it stays the same for good.
        steps: (S, 2) forms that followed each other under one address and differ.
    """

    address: Keys
    first_ms: Ints
    last_ms: Ints
    first_sequence: Ints
    last_sequence: Ints
    first_form: Keys
    last_form: Keys
    permanent: Bools
    steps: Keys

    def __len__(self) -> int:
        """Return the number of addresses."""
        return len(self.address)

    @classmethod
    def of(cls, address: Keys, t_ms: Ints, sequence: Ints, form: Keys, permanent: Bools) -> Appearances:
        """Put the N observations of a tick, of all nodes, together by address; their order does not matter.

        Args:
            address: (N,) pseudonyms.
            t_ms: (N,) event times.
            sequence: (N,) sequence numbers, `NO_SEQUENCE` where unknown.
            form: (N,) hashes of the elements, 0 where there are none.
            permanent: (N,) whether the maker chose the address.
        """
        # Frames of one millisecond are put in the order of their numbers, up to where these wrap around.
        order = np.lexsort((form, sequence, t_ms, address))
        address, form = address[order], form[order]
        starts = np.append(True, address[1:] != address[:-1])[: len(address)]
        first = np.flatnonzero(starts)
        last = np.append(first[1:], len(address))[: len(first)] - 1
        changes = np.flatnonzero(~starts[1:] & (form[1:] != form[:-1]))
        t_ms, sequence, permanent = t_ms[order], sequence[order], permanent[order]
        return cls(
            address[first],
            t_ms[first],
            t_ms[last],
            sequence[first],
            sequence[last],
            form[first],
            form[last],
            permanent[first],
            np.stack((form[changes], form[changes + 1]), axis=1),
        )
