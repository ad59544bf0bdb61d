"""Whether a schema of the feed may take the place of an older one of the same version.

In the words of Confluent's schema registry (Schema Evolution and Compatibility) a version stays *FULL*:

* *BACKWARD*: who reads with the new schema understands what the old one wrote. The feed keeps events for days
  and tells them again, so a consumer that was updated still meets events of the gateway before.
* *FORWARD*: who reads with the old schema understands what the new one writes. The gateway is updated first,
  and consumers when they like.

So within a version only optional fields may be added. Fields are never removed, which Confluent's FULL would
allow of optional ones: consumers look for them, and one that came back with another meaning would be read
wrongly; and so it is enough to compare with the last release. Everything else is a new version of the type.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

BACKWARD = "BACKWARD"
FORWARD = "FORWARD"
Schema = dict[str, Any]

_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_EXACT = ("pattern", "format", "multipleOf", "uniqueItems", "additionalProperties")
_UNDERSTOOD = frozenset(
    ("type", "enum", "const", "anyOf", "properties", "required", "items", "$ref", *_LOWER, *_UPPER, *_EXACT)
)
_ANNOTATIONS = frozenset(
    ("$schema", "$id", "$defs", "title", "description", "default", "examples", "deprecated")
)
_NUMBERS = frozenset({"integer", "number"})


class Break(NamedTuple):
    """A reason why a schema is not compatible."""

    path: str
    """Where in the data, as in `steps[].zone`."""
    direction: str
    """Which promise is broken: BACKWARD or FORWARD."""
    what: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.path or 'the event'}: {self.what} (breaks {self.direction})"


def breaks(old: Schema, new: Schema) -> list[Break]:
    """Return why `new` may not take the place of `old`; nothing where it may.

    Raises `ValueError` where a schema has a keyword that is not understood here: it could mean anything.
    """
    return list(_Comparison(old, new).compare(old, new, ""))


class _Comparison:
    """Two documents, whose parts are compared."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._open: set[tuple[str, str]] = set()

    def compare(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        pair = (str(old.get("$ref", "")), str(new.get("$ref", "")))
        if all(pair):
            if pair in self._open:  # a type that holds itself
                return
            self._open.add(pair)
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._branches(_branches(old), _branches(new), path)
        else:
            yield from _values(old, new, path)
            yield from self._fields(old, new, path)
            if "items" in old or "items" in new:
                yield from self.compare(_of(old, "items"), _of(new, "items"), f"{path}[]")
        self._open.discard(pair)

    def _branches(self, old: list[Schema], new: list[Schema], path: str) -> Iterator[Break]:
        if len(old) == len(new) == 1:
            yield from self.compare(old[0], new[0], path)
            return
        for branch in old:
            if not any(self._same(branch, other, path) for other in new):
                yield Break(path, BACKWARD, f"{_named(branch)} is not allowed any more, or not in this form")
        for branch in new:
            if not any(self._same(other, branch, path) for other in old):
                yield Break(path, FORWARD, f"{_named(branch)} was not allowed before, or not in this form")

    def _same(self, old: Schema, new: Schema, path: str) -> bool:
        return next(self.compare(old, new, path), None) is None

    def _fields(self, old: Schema, new: Schema, path: str) -> Iterator[Break]:
        was, now = _of(old, "properties"), _of(new, "properties")
        for name in was:
            inner = f"{path}.{name}" if path else name
            if name in now:
                yield from self.compare(was[name], now[name], inner)
            else:
                yield Break(inner, FORWARD, "the field was removed")
        needed_was, needed_now = set(old.get("required", ())), set(new.get("required", ()))
        for name in sorted(needed_now - needed_was):
            yield Break(f"{path}.{name}".lstrip("."), BACKWARD, "the field is required, which it was not")
        for name in sorted(needed_was - needed_now - (was.keys() - now.keys())):
            yield Break(f"{path}.{name}".lstrip("."), FORWARD, "the field may be missing, which it could not")


def _values(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    """Compare which values of one kind are allowed."""
    was, now = _types(old), _types(new)
    if now - was:
        yield Break(path, FORWARD, f"{', '.join(sorted(now - was))} was not allowed before")
    if was - now:
        yield Break(path, BACKWARD, f"{', '.join(sorted(was - now))} is not allowed any more")
    yield from _choices(old, new, path)
    for keys, sign in ((_LOWER, 1), (_UPPER, -1)):
        for key in keys:
            yield from _bound(key, sign, old.get(key), new.get(key), path)
    for key in _EXACT:
        if old.get(key) != new.get(key):
            for direction in (BACKWARD, FORWARD):
                yield Break(path, direction, f"{key} has changed")


def _choices(old: Schema, new: Schema, path: str) -> Iterator[Break]:
    was, now = _enum(old), _enum(new)
    if was is None and now is None:
        return
    if was is None or (now is not None and was - now):
        yield Break(path, BACKWARD, "a value is not allowed any more")
    if now is None or (was is not None and now - was):
        yield Break(path, FORWARD, "a value was not allowed before")


def _bound(key: str, sign: int, was: float | None, now: float | None, path: str) -> Iterator[Break]:
    if was == now:
        return
    tighter = was is None or (now is not None and (now - was) * sign > 0)
    direction, verb = (BACKWARD, "tightened") if tighter else (FORWARD, "loosened")
    yield Break(path, direction, f"{key} was {verb}")


def _resolved(schema: Schema, document: Schema) -> Schema:
    """Follow references; what stands beside one holds, too."""
    while "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        schema = {**document["$defs"][name], **{key: schema[key] for key in schema if key != "$ref"}}
    unknown = schema.keys() - _UNDERSTOOD - _ANNOTATIONS
    if unknown:
        raise ValueError(f"keywords that cannot be compared: {', '.join(sorted(unknown))}")
    return schema


def _branches(schema: Schema) -> list[Schema]:
    branches: list[Schema] = schema.get("anyOf", [schema])
    return branches


def _of(schema: Schema, key: str) -> Schema:
    inner = schema.get(key)
    return inner if isinstance(inner, dict) else {}


def _types(schema: Schema) -> set[str]:
    """Types that are allowed; numbers include integers, and no word of it means all."""
    found = schema.get("type")
    if found is None:
        return {"array", "boolean", "fraction", "integer", "null", "object", "string"}
    names = {found} if isinstance(found, str) else set(found)
    return (names - _NUMBERS) | ({"integer", "fraction"} if "number" in names else names & _NUMBERS)


def _enum(schema: Schema) -> set[str] | None:
    if "const" in schema:
        return {repr(schema["const"])}
    return {repr(value) for value in schema["enum"]} if "enum" in schema else None


def _named(schema: Schema) -> str:
    return str(schema.get("$ref") or schema.get("type") or schema.get("enum") or "a branch")
