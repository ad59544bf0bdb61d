"""Tags: what people have noted of members who agree to marketing. They go when that is withdrawn."""

from __future__ import annotations

import re
import sqlite3

from contracts.crm import Purpose
from contracts.errors import MallsenseError
from gateway.crm.consent.ledger import Ledger
from gateway.crm.consent.persons import person_of, same_as

PATTERN = r"^[\w.-]{1,32}$"
"""Letters and digits of any script, and . _ -"""
MOST = 50
"""Tags of a member."""


class NotAgreedError(MallsenseError):
    """The member does not agree to marketing: nothing may be noted."""


class TagRefusedError(MallsenseError):
    """What was given is no tag, or one too many."""


def add(db: sqlite3.Connection, reference: str, tag: str) -> bool:
    """Give a member a tag; False where nobody is called so. Raises `NotAgreedError`, `TagRefusedError`."""
    if not re.fullmatch(PATTERN, tag):
        raise TagRefusedError(
            "a tag is 1 to 32 letters, digits and . _ -", "Write it in one word, as in wine-tasting."
        )
    person = person_of(db, reference)
    if person is None:
        return False
    if not Ledger.in_force(db, person, Purpose.MARKETING):
        raise NotAgreedError(
            "the member does not agree to marketing", "Tags may be noted once the consent ledger says so."
        )
    known = {row[0] for row in db.execute("SELECT tag FROM crm_tags WHERE person = ?", (person,))}
    if len(known | {tag}) > MOST:
        raise TagRefusedError(f"a member has {MOST} tags at most", "Take one away first.")
    db.execute("INSERT OR IGNORE INTO crm_tags (person, tag) VALUES (?, ?)", (person, tag))
    return True


def remove(db: sqlite3.Connection, reference: str, tag: str) -> bool:
    """Take a tag away, whoever of a merged member has it; False where nobody is called so."""
    person = person_of(db, reference)
    if person is None:
        return False
    for one in same_as(db, person):
        db.execute("DELETE FROM crm_tags WHERE person = ? AND tag = ?", (one, tag))
    return True


def expire(db: sqlite3.Connection, agree: set[str]) -> int:
    """Delete tags of who does not agree any more though nobody has withdrawn, as after the end of a merge."""
    tagged = {row[0] for row in db.execute("SELECT DISTINCT person FROM crm_tags")}
    return sum(
        db.execute("DELETE FROM crm_tags WHERE person = ?", (person,)).rowcount for person in tagged - agree
    )
