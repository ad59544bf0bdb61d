"""From the text of a site file to a `Site`, with errors that name file, line and the expected value."""

from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.errors import ConfigurationError
from contracts.site.model import Site
from contracts.site.source_map import KeyPath, SourceMap

_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

SHOWN_ERRORS = 20


def parse_site(text: str, source: str) -> Site:
    """The site that `text` describes; `source` is the file's name as error messages show it.

    Raises `ConfigurationError` with one line per mistake: file, line, key, what was found, what was expected.
    """
    return site_of(SourceMap.read(text, source))


def site_of(read: SourceMap) -> Site:
    """The site that a parsed file describes. Raises as `parse_site`."""
    if not isinstance(read.values, dict):
        raise ConfigurationError(
            f"{read.source}:1: expected a mapping with the keys version, mall, georeference, floors, nodes",
            "`mallsense site import` writes a complete example.",
        )
    try:
        return Site.model_validate(read.values)
    except ValidationError as error:
        raise ConfigurationError(_report(read, error.errors(include_url=False))) from error


def dump_site(site: Site) -> str:
    """The YAML text of a site, for people to edit; `parse_site` of it gives the same site."""
    values = site.model_dump(mode="json")
    for floor in values["floors"]:
        floor["outline"] = _Flow(floor["outline"])
        floor["zones"] = [_brief(zone) | {"area": _Flow(zone["area"])} for zone in floor["zones"]]
    values["nodes"] = [_Flow(_brief(node)) for node in values["nodes"]]
    values["mall"] = {key: value for key, value in values["mall"].items() if value is not None}
    if values["car_park"] is not None:
        values["car_park"] = _car_park(values["car_park"])
    for part in ("broker", "wifi", "car_park"):
        if values[part] is None:
            del values[part]
    text: str = yaml.dump(
        values, Dumper=_SiteDumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )
    return text


class _Flow(dict[str, Any]):
    """A mapping written in braces, on as few lines as it takes."""


class _SiteDumper(_Dumper):  # type: ignore[misc]  # which of two dumpers it is, is known when it runs
    """Writes a `_Flow` in braces."""


_SiteDumper.add_representer(
    _Flow,
    lambda dumper, flow: dumper.represent_mapping("tag:yaml.org,2002:map", flow.items(), flow_style=True),
)


def _brief(part: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not said: no capacity, no note."""
    return {key: value for key, value in part.items() if value not in (None, "", [])}


def _car_park(part: dict[str, Any]) -> dict[str, Any]:
    gates = [{"from" if key == "from_" else key: value for key, value in g.items()} for g in part["gates"]]
    parts = {"areas": part["areas"], "gates": gates, "vouchers": part["vouchers"]}
    return _brief(part | {name: [_Flow(_brief(one)) for one in found] for name, found in parts.items()})


def _report(read: SourceMap, errors: list[ErrorDetails]) -> str:
    lines = [_describe(read, error) for error in errors[:SHOWN_ERRORS]]
    if len(errors) > SHOWN_ERRORS:
        lines.append(f"{read.source}: and {len(errors) - SHOWN_ERRORS} more mistakes")
    return "\n".join(lines)


def _describe(read: SourceMap, error: ErrorDetails) -> str:
    path = _path_in_file(error["loc"])
    where = read.where(path)
    key = ".".join(map(str, path)) or "the site"
    if error["type"] == "extra_forbidden":
        return f"{where}: {key}: unknown key; check its spelling and indentation"
    if error["type"] == "missing":
        return f"{where}: {key}: missing; every {_owner(path)} needs it"
    message = error["msg"].removeprefix("Value error, ")
    found = error["input"]
    shown = f", found {found!r}" if isinstance(found, str | int | float | bool) else ""
    return f"{where}: {key}: {message[:1].lower()}{message[1:]}{shown}"


def _path_in_file(loc: KeyPath) -> KeyPath:
    """Pydantic puts the name of a chosen union member into the path; the file has no such key."""
    return tuple(part for part in loc if part not in ("Polygon", "MultiPolygon"))


def _owner(path: KeyPath) -> str:
    names = [part for part in path[:-1] if isinstance(part, str)]
    return names[-1].removesuffix("s") if names else "site"
