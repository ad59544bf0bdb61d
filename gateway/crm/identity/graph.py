"""Whose an identifier is: claims weighed, persons that are one put together. Pure: no file, no clock.

A claim says with a confidence c that an identifier is a person's. Pieces of evidence of different kinds are
taken as independent, so their odds c / (1 - c) are multiplied, from even odds before there was any (evidence
adds up in log odds: I. J. Good, Probability and the Weighing of Evidence, 1950); one half says nothing, and
less speaks against it. Saying the same twice adds nothing: of each kind of evidence the strongest counts.

Of several persons at most one is right, or none of them: the probability of person i with odds O_i is
O_i / (1 + sum of all O_j). It is nobody's where that is below one half, and a conflict, shown and never
guessed, where the second likeliest is not ten times less likely than the first (from there on evidence is
strong: H. Jeffreys, Theory of Probability, 1961, appendix B): a family's car, a tablet that two log in with.

Everything is computed from all claims and merges that hold, so neither the order in which they came nor what
was undone since leaves a trace.
"""

from collections.abc import Iterable, Sequence
from math import exp, fsum, log

from msgspec import Struct

from contracts.crm import IdentifierKind
from gateway.crm.merging import Names

LEAST, MOST = 0.01, 0.999
"""How unsure and how sure a claim can be: nothing is certain."""
LIKELY = 0.5
"""Whoever is less likely than this is nobody."""
STRONG = 10.0
"""The likeliest person has to be so many times likelier than the next."""


class Claim(Struct, frozen=True):
    """Evidence that an identifier is a person's."""

    person: str
    kind: IdentifierKind
    digest: str
    evidence: str
    """What it rests on, in a word: login, form, ..."""
    confidence: float


class Share(Struct, frozen=True):
    """How likely an identifier is one person's, and by what."""

    person: str
    probability: float
    evidence: tuple[str, ...]


class Verdict(Struct, frozen=True):
    """Whose one identifier is."""

    kind: IdentifierKind
    digest: str
    shares: tuple[Share, ...]
    """Of everybody who is said to be it, likeliest first; at least one."""

    @property
    def person(self) -> str | None:
        """Whose it is; None where that is not sure enough."""
        best = self.shares[0]
        return best.person if best.probability >= LIKELY and not self.conflict else None

    @property
    def confidence(self) -> float:
        """How likely it is the likeliest person's."""
        return self.shares[0].probability

    @property
    def conflict(self) -> bool:
        """Whether two persons are about as likely."""
        first, *others = self.shares
        return bool(others) and first.probability < STRONG * others[0].probability


Identifier = tuple[IdentifierKind, str]


def weigh(claims: Sequence[Claim], goes_on_as: Names) -> Verdict:
    """Say whose an identifier is. All claims are of the same one; there is at least one."""
    kind, digest = claims[0].kind, claims[0].digest
    strongest: dict[str, dict[str, float]] = {}
    for claim in claims:
        of_person = strongest.setdefault(goes_on_as.get(claim.person, claim.person), {})
        of_person[claim.evidence] = max(of_person.get(claim.evidence, 0.0), claim.confidence)
    # fsum rounds once, at the end: the order of the claims does not show in the last digit.
    odds = {person: exp(fsum(map(_weight, found.values()))) for person, found in strongest.items()}
    total = 1.0 + fsum(odds.values())
    shares = [Share(p, odds[p] / total, tuple(sorted(strongest[p]))) for p in odds]
    if len(shares) > 1:
        shares.sort(key=lambda one: (-one.probability, one.person))
    return Verdict(kind, digest, tuple(shares))


def graph(claims: Iterable[Claim], goes_on_as: Names) -> dict[Identifier, Verdict]:
    """Say whose all identifiers are."""
    of: dict[Identifier, list[Claim]] = {}
    for claim in claims:
        of.setdefault((claim.kind, claim.digest), []).append(claim)
    return {identifier: weigh(found, goes_on_as) for identifier, found in of.items()}


def _weight(confidence: float) -> float:
    """Give the log odds."""
    bounded = min(max(confidence, LEAST), MOST)
    return log(bounded / (1.0 - bounded))
