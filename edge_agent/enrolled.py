"""Plates enrolled with consent: the mall's list, as keyed hashes that hold no plate, and who is on it.

Retained on a topic of the mall and kept beside the spool, as the opt-out list is (`edge_agent.opt_out`). A
car on the list is named, by its digest, and in clear text where an operator enrolled it; so a mistake costs
somebody else's privacy: a car is named only where it is `CERTAIN` to be that car, with everything known
weighed by Bayes' rule.
"""

import logging
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

from contracts.control import EnrolledPlates
from contracts.messages import decode
from edge_agent.kept_copy import KeptCopy
from edge_agent.opt_out import key_id
from edge_agent.plate_text import looks_alike, neighbours

_log = logging.getLogger(__name__)

DIGEST_BYTES = 16
CERTAIN = 0.98
"""How sure it must be that a car is the enrolled one."""
PRIOR_ODDS = 100.0
"""How much more often an enrolled car comes than any one car of all those that are not: members come every
week, and there are some hundred thousand others that come once a year."""
ONE_CHARACTER = 0.6
"""Share of wrong readings that are wrong in one character alone; measured on drawn plates, 0.6 to 0.8."""
ALIKE = 0.5
"""Share of those in which the character is one that looks alike."""
_ALIKE_CHOICES, _OTHER_CHOICES = 2.0, 30.0
"""How many characters share it: those that look alike, and all the others."""
_WORTH_TRYING = 2
"""Neighbours of the likeliest strings are tried: each has some 250."""

Candidate = tuple[str, float]


def enrolled_digest(key: bytes, plate: str) -> str:
    """Give what a plate is called on the list: 32 hex digits."""
    return blake2b(plate.encode(), key=key, digest_size=DIGEST_BYTES, person=b"enrolled").hexdigest()


class EnrolledList:
    """The list as one agent has it. The network thread brings a new one, the reader's thread asks."""

    def __init__(self, key: bytes, path: Path) -> None:
        """Take up the copy in `path` where there is one."""
        self._key = key
        self._clear: frozenset[str] = frozenset()
        self._digests: frozenset[str] = frozenset()
        """Those and members'."""
        self._copy = KeptCopy(path, "list of enrolled plates", self._use)
        self._copy.load()

    def __len__(self) -> int:
        """Return the number of plates on the list."""
        return len(self._digests)

    def take(self, payload: bytes) -> None:
        """Take a list from the broker, and keep a copy. One that cannot be read changes nothing."""
        if self._copy.take(payload):
            _log.info("enrolled plates: %d, of which %d are said in clear text", len(self), len(self._clear))

    def find(self, candidates: Sequence[Candidate]) -> Candidate | None:
        """Find the enrolled plate that a car certainly has, and how sure that is; None where there is none.

        `candidates` are strings with their probabilities, likeliest first.
        """
        if not self._digests:
            return None
        weights = {text: probability for text, probability in candidates if self._has(text)}
        for text, likelihood in self._nearly(candidates).items():
            weights.setdefault(text, likelihood)
        if not weights:
            return None
        others = sum(probability for text, probability in candidates if text not in weights)
        unknown = max(1.0 - sum(probability for _, probability in candidates), 0.0)
        total = others + unknown + PRIOR_ODDS * sum(weights.values())
        best = max(weights, key=weights.__getitem__)
        certainty = PRIOR_ODDS * weights[best] / total
        return (best, certainty) if certainty >= CERTAIN else None

    def name(self, plate: str) -> tuple[str, bool]:
        """Give the digest of an enrolled plate, and whether it is said in clear text, too."""
        digest = enrolled_digest(self._key, plate)
        return digest, digest in self._clear

    def _nearly(self, candidates: Sequence[Candidate]) -> dict[str, float]:
        """Give enrolled plates that differ in one character from what was read, and how likely that is."""
        found: dict[str, float] = {}
        for text, probability in candidates[:_WORTH_TRYING]:
            wrong = (1.0 - probability) * ONE_CHARACTER / max(len(text), 1)
            for other, place, char in neighbours(text):
                if self._has(other):
                    alike = looks_alike(text[place], char)
                    share = ALIKE / _ALIKE_CHOICES if alike else (1 - ALIKE) / _OTHER_CHOICES
                    found[other] = max(found.get(other, 0.0), wrong * share)
        return found

    def _has(self, text: str) -> bool:
        return enrolled_digest(self._key, text) in self._digests

    def _use(self, payload: bytes) -> None:
        if not payload:  # the list was taken off the broker
            self._clear = self._digests = frozenset()
            return
        found = decode(payload, EnrolledPlates)
        if found.key != key_id(self._key):
            self._copy.complain(
                "the list of enrolled plates was made with another key than this node's: it names nobody here"
            )
        self._clear = frozenset(found.digests)
        self._digests = self._clear | frozenset(found.members or ())
