"""The registry of the feed's schemas: what `data` of each type of event looks like, made from the types.

`python -m contracts.schemas docs/schemas` writes a file for each type and version; a test fails when the two
differ, and another (`contracts.compatibility`) when a file is not compatible with the one that was released.
`--released` writes to `docs/schemas/released` what a release promises: only when one is made.

The schemas leave room for more fields: whoever validates with an older one accepts events of a newer gateway.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from contracts.crm import FeedEvent, FeedKind, KpiAlert, MemberWithdrawn, WebhookTest
from contracts.events import EVENT_DATA, TYPE_PREFIX, TYPE_VERSION

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
URN = "urn:mallsense:schema:"
ENVELOPE = f"{TYPE_PREFIX}feed.event{TYPE_VERSION}"
"""The whole event; what its `data` is, its `dataschema` says."""

DATA: Mapping[str, type[Struct]] = {
    **{str(kind): data for kind, data in EVENT_DATA.items()},
    FeedKind.MEMBER_WITHDRAWN: MemberWithdrawn,
    FeedKind.WEBHOOK_TEST: WebhookTest,
    FeedKind.KPI_UNUSUAL: KpiAlert,
    FeedKind.KPI_USUAL: KpiAlert,
}
"""By kind of event, the type of its `data`."""

NOT_FED = frozenset({"enrolled", "enrolled_digest"})
"""Fields of events inside the mall that the feed leaves out: by these a car would be known again."""


def event_type(kind: str) -> str:
    """Return the CloudEvents type of a kind, which is also the name of its schema."""
    return f"{TYPE_PREFIX}{kind}{TYPE_VERSION}"


def data_schema(kind: str) -> str:
    """Return what `dataschema` of an event of a kind says."""
    return f"{URN}{event_type(kind)}"


def documents() -> dict[str, Schema]:
    """Return all schemas by name: JSON Schema 2020-12."""
    found = {event_type(kind): _document(event_type(kind), data) for kind, data in DATA.items()}
    return {ENVELOPE: _document(ENVELOPE, FeedEvent), **found}


def _document(name: str, of: type[Struct]) -> Schema:
    (made,), parts = msgspec.json.schema_components([of], ref_template="#/$defs/{name}")
    root = parts.pop(made["$ref"].removeprefix("#/$defs/"))
    document = {"$schema": DIALECT, "$id": f"{URN}{name}", **_opened(root), "title": name}
    return {**document, "$defs": _opened(parts)} if parts else document


def _opened(schema: Any) -> Any:
    """Return a schema that allows fields it does not know, and has none that the feed leaves out."""
    if isinstance(schema, list):
        return [_opened(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    opened = {key: _opened(value) for key, value in schema.items() if key != "additionalProperties"}
    if "properties" in opened:
        opened["properties"] = {
            key: value for key, value in opened["properties"].items() if key not in NOT_FED
        }
    return opened


def text(schema: Schema) -> str:
    """Return a schema as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode() + "\n"


def write(folder: Path) -> None:
    """Write all schemas into a folder, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in documents().items():
        (folder / f"{name}.json").write_text(text(schema), encoding="utf-8")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    write(target)
    if "--released" in sys.argv:
        write(target / "released")
