"""The schemas of the feed: published as they are, and compatible with what was released."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import schemas
from contracts.compatibility import BACKWARD, FORWARD, breaks
from contracts.crm import FeedKind
from contracts.events import EventKind

FOLDER = Path(__file__).parents[2] / "docs" / "schemas"
Schema = dict[str, Any]


def read(path: Path) -> Schema:
    """Return a schema from a file."""
    found: Schema = json.loads(path.read_text(encoding="utf-8"))
    return found


def test_the_published_schemas_are_the_current_ones() -> None:
    """docs/schemas is what `python -m contracts.schemas docs/schemas` writes now, for every kind of event."""
    written = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    assert written == {name: schemas.text(one) for name, one in schemas.documents().items()}
    assert set(schemas.DATA) == {*EventKind, *FeedKind}


def test_schemas_are_compatible_with_those_released() -> None:
    """A released type is still there, and a consumer of either side understands the other."""
    current = schemas.documents()
    for path in sorted((FOLDER / "released").glob("*.json")):
        assert path.stem in current, f"{path.stem} was released: it can only get a newer version beside it"
        found = breaks(read(path), current[path.stem])
        assert not found, "\n".join([f"{path.stem}: make it a new version of the type", *map(str, found)])


@pytest.mark.parametrize("name", sorted(schemas.documents()))
def test_schemas_are_schemas(name: str) -> None:
    """Each is valid JSON Schema and says what it is called."""
    one = schemas.documents()[name]
    jsonschema.Draft202012Validator.check_schema(one)
    assert one["$id"] == f"{schemas.URN}{name}"
    assert not schemas.NOT_FED & one["properties"].keys()


OLD: Schema = {
    "type": "object",
    "properties": {
        "zone": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 9},
        "dwell_s": {"type": "number", "minimum": 0},
        "ended_ms": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
        "energy": {"enum": ["petrol", "electric"]},
        "steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}},
    },
    "required": ["zone", "dwell_s"],
    "$defs": {
        "Step": {
            "type": "object",
            "properties": {"zone": {"type": "string"}, "next": {"$ref": "#/$defs/Step"}},
            "required": ["zone"],
        }
    },
}


def _changed(change: Callable[[Schema], object]) -> Schema:
    new = copy.deepcopy(OLD)
    change(new)
    return new


FINE: dict[str, Callable[[Schema], object]] = {
    "nothing": lambda _: None,
    "an optional field more": lambda new: new["properties"].update(floor={"type": "string"}),
    "in a part, too": lambda new: new["$defs"]["Step"]["properties"].update(floor={"type": "string"}),
    "other words": lambda new: new["properties"]["zone"].update(description="Where", title="Zone"),
    "branches in another order": lambda new: new["properties"]["ended_ms"]["anyOf"].reverse(),
    "another name of a part": lambda new: (
        new["$defs"].update(Stop=json.loads(json.dumps(new["$defs"].pop("Step")).replace("Step", "Stop"))),
        new["properties"]["steps"].update(items={"$ref": "#/$defs/Stop"}),
    ),
}
BROKEN: dict[str, tuple[Callable[[Schema], object], str, set[str]]] = {
    "field removed": (lambda new: new["properties"].pop("energy"), "energy", {FORWARD}),
    "field removed in a part": (
        lambda new: new["$defs"]["Step"]["properties"].pop("next"), "steps[].next", {FORWARD}),
    "required now": (lambda new: new["required"].append("energy"), "energy", {BACKWARD}),
    "required field more": (
        lambda new: (new["properties"].update(floor={}), new["required"].append("floor")),
        "floor", {BACKWARD}),
    "optional now": (lambda new: new["required"].remove("zone"), "zone", {FORWARD}),
    "type narrowed": (lambda new: new["properties"]["dwell_s"].update(type="integer"), "dwell_s", {BACKWARD}),
    "type widened": (
        lambda new: new["properties"]["zone"].update(type=["string", "null"]), "zone", {FORWARD}),
    "type changed": (
        lambda new: new["properties"]["zone"].update(type="integer"), "zone", {FORWARD, BACKWARD}),
    "null allowed no more": (
        lambda new: new["properties"].update(ended_ms={"type": "integer"}), "ended_ms", {BACKWARD}),
    "another branch": (
        lambda new: new["properties"]["ended_ms"]["anyOf"].append({"type": "string"}), "ended_ms", {FORWARD}),
    "value gone": (lambda new: new["properties"]["energy"]["enum"].pop(), "energy", {BACKWARD}),
    "value more": (lambda new: new["properties"]["energy"]["enum"].append("gas"), "energy", {FORWARD}),
    "bound tightened": (lambda new: new["properties"]["dwell_s"].update(minimum=1), "dwell_s", {BACKWARD}),
    "bound loosened": (lambda new: new["properties"]["zone"].pop("maxLength"), "zone", {FORWARD}),
    "upper bound tightened": (lambda new: new["properties"]["zone"].update(maxLength=3), "zone", {BACKWARD}),
    "pattern changed": (
        lambda new: new["properties"]["zone"].update(pattern="^.*$"), "zone", {FORWARD, BACKWARD}),
    "closed": (lambda new: new.update(additionalProperties=False), "", {FORWARD, BACKWARD}),
}  # fmt: skip


@pytest.mark.parametrize("name", FINE)
def test_changes_that_nobody_notices(name: str) -> None:
    """Optional fields may be added, and words changed."""
    assert breaks(OLD, _changed(FINE[name])) == []


@pytest.mark.parametrize("name", BROKEN)
def test_changes_that_break_somebody(name: str) -> None:
    """Each is found at its place, with the promise it breaks."""
    change, path, directions = BROKEN[name]
    found = breaks(OLD, _changed(change))
    assert {one.path for one in found} == {path}
    assert {one.direction for one in found} == directions


def test_what_is_not_understood_is_not_passed_over() -> None:
    """A keyword that could mean anything is an error."""
    with pytest.raises(ValueError, match="patternProperties"):
        breaks(OLD, _changed(lambda new: new.update(patternProperties={})))


values = st.one_of(
    st.none(), st.integers(-2, 2), st.floats(-2, 2), st.sampled_from(["", "a", "zz", "long text"]),
    st.lists(st.integers(0, 2), max_size=2),
)  # fmt: skip
parts = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["integer", "number"]), "minimum": st.integers(-1, 1)}),
    st.fixed_dictionaries({"type": st.just("string"), "maxLength": st.integers(0, 3)}),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(["a", "zz"]), min_size=1, unique=True)}),
    st.sets(st.sampled_from(["integer", "string", "null"]), min_size=1).map(lambda of: {"type": sorted(of)}),
)  # fmt: skip
objects = st.fixed_dictionaries(
    {
        "type": st.just("object"),
        "properties": st.dictionaries(st.sampled_from("abc"), parts),
        "required": st.lists(st.sampled_from("abc"), unique=True),
    }
)


@settings(max_examples=150, deadline=None)
@given(
    objects,
    st.dictionaries(st.sampled_from("abc"), parts, max_size=1),
    st.booleans(),
    st.dictionaries(st.sampled_from("abc"), values),
)
def test_what_is_called_compatible_is(
    old: Schema, other: Schema, relaxed: bool, data: dict[str, object]
) -> None:
    """Where no break is found, the two schemas allow the same of the fields that the old one knows."""
    new = {**old, "properties": {**old["properties"], **other}, "required": old["required"][relaxed:]}
    if breaks(old, new):
        return
    event = {name: value for name, value in data.items() if name in old["properties"]}
    by_old, by_new = (jsonschema.Draft202012Validator(one).is_valid(event) for one in (old, new))
    assert by_old == by_new
