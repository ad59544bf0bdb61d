"""A row of an import as an entry: who has which identifier, or what is wrong with the row.

No problem repeats what stands in a row: it may be an address or a plate, which nobody here is to know.
"""

import re
from collections.abc import Mapping

from msgspec import Struct

from contracts.crm import IdentifierKind
from contracts.references import ReferenceRefusedError, check_reference
from gateway.crm.identity.graph import LEAST, MOST
from gateway.crm.identity.identifiers import KEYED, MADE_BY, digest_of, is_digest
from gateway.crm.tables import Bad, Row

NEEDED = ("reference", "kind")
COLUMNS = (*NEEDED, "digest", "value", "key", "evidence", "confidence", "t_ms")
CONFIDENCES = {"login": 0.99, "app": 0.99, "form": 0.95}
"""How sure evidence is, where a row does not say: assumed, not measured. Who logs in has the phone in hand;
forms are filled in with a slip now and then."""
OTHER = 0.9
UNSAID = "import"
"""The evidence of a row that names none."""
AHEAD_MS = 3_600_000
"""How far the clock of whoever writes the file may be ahead."""

_KINDS = {str(kind): kind for kind in IdentifierKind}
_EVIDENCE = re.compile(r"[a-z][a-z_-]{0,31}")
_KEY = re.compile(r"[0-9a-f]{8}")
_T_MS = re.compile(r"[0-9]{1,13}")
_MAX_MS = 4_102_444_800_000


class Entry(Struct, frozen=True):
    """Somebody has an identifier."""

    line: int
    reference: str
    kind: IdentifierKind
    digest: str
    evidence: str
    confidence: float
    t_ms: int | None
    """When that became known; None = now."""
    key: str | None
    """Tells which of the mall's keys the digest was made with; None for kinds that need none."""


class _WrongError(ValueError):
    """A column and what is wrong with it."""

    def __init__(self, column: str, problem: str) -> None:
        super().__init__(problem)
        self.column = column
        self.problem = problem


def entry_of(row: Row, secret: bytes, now_ms: int) -> Entry | Bad:
    """Read a row; `secret` hashes what may come in clear, `now_ms` tells what is in the future."""
    fields = row.fields
    try:
        kind = _kind(fields.get("kind", ""))
        evidence = _evidence(fields.get("evidence", ""))
        return Entry(
            row.line, _reference(fields.get("reference", "")), kind, _digest(fields, kind, secret), evidence,
            _confidence(fields.get("confidence", ""), evidence), _moment(fields.get("t_ms", ""), now_ms),
            _key(fields.get("key", ""), kind),
        )  # fmt: skip
    except _WrongError as wrong:
        return Bad(row.line, wrong.column, wrong.problem)


def _kind(text: str) -> IdentifierKind:
    kind = _KINDS.get(text)
    if kind is None:
        raise _WrongError("kind", f"expected {', '.join(_KINDS)}")
    return kind


def _evidence(text: str) -> str:
    if text and not _EVIDENCE.fullmatch(text):
        raise _WrongError("evidence", "expected a word in lower case, as in login or form")
    return text or UNSAID


def _reference(text: str) -> str:
    try:
        return check_reference(text)
    except ReferenceRefusedError as error:
        raise _WrongError("reference", error.message) from None


def _digest(fields: Mapping[str, str], kind: IdentifierKind, secret: bytes) -> str:
    digest, value = fields.get("digest", ""), fields.get("value", "")
    if value and digest:
        raise _WrongError("value", "there is a digest, too; give one of the two")
    if value:
        if kind in KEYED:
            raise _WrongError(
                "value", f"addresses and plates are not taken in clear: give a digest, {MADE_BY}"
            )
        try:
            return digest_of(secret, kind, value)
        except ValueError as error:
            raise _WrongError("value", str(error)) from None
    if not is_digest(digest):
        how = f", {MADE_BY}" if kind in KEYED else ", or the identifier itself as value"
        raise _WrongError("digest", f"expected 32 hex digits in lower case{how}")
    return digest


def _key(text: str, kind: IdentifierKind) -> str | None:
    if kind not in KEYED:
        return None
    if not _KEY.fullmatch(text):
        raise _WrongError("key", "expected 8 hex digits that tell which key the digest was made with")
    return text


def _confidence(text: str, evidence: str) -> float:
    if not text:
        return CONFIDENCES.get(evidence, OTHER)
    try:
        confidence = float(text)
    except ValueError:
        confidence = float("nan")
    if not LEAST <= confidence <= MOST:
        raise _WrongError("confidence", f"expected a number from {LEAST} to {MOST}")
    return confidence


def _moment(text: str, now_ms: int) -> int | None:
    if not text:
        return None
    if not _T_MS.fullmatch(text) or int(text) > _MAX_MS:
        raise _WrongError("t_ms", "expected milliseconds since 1970")
    if int(text) > now_ms + AHEAD_MS:
        raise _WrongError("t_ms", "in the future")
    return int(text)
