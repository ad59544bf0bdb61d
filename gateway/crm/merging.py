"""Persons that were found to be one: who goes on as whom. Pure: no file, no clock."""

from collections.abc import Iterable, Mapping

from msgspec import Struct


class Merge(Struct, frozen=True):
    """Two persons are one; the first goes on as the second."""

    person: str
    into: str


Names = Mapping[str, str]
"""Who a person goes on as; who is not in it goes on as they are."""


def names(merges: Iterable[Merge]) -> dict[str, str]:
    """Give who each merged person goes on as; merges in the order in which they were made (union-find)."""
    parent: dict[str, str] = {}

    def root(person: str) -> str:
        while (above := parent.setdefault(person, person)) != person:
            parent[person] = person = parent[above]  # halves the path
        return person

    for merge in merges:
        mine, theirs = root(merge.person), root(merge.into)
        if mine != theirs:
            parent[mine] = theirs
    return {person: root(person) for person in list(parent)}
