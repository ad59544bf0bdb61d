"""From the text of a site file to a `Site`, with errors that name file, line and the expected value."""

from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from contracts.errors import ConfigurationError
from contracts.site.model import Site

Path = tuple[str | int, ...]

# libyaml's parser where PyYAML was built with it: ten times faster on a mall of 200 zones.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

SHOWN_ERRORS = 20


def parse_site(text: str, source: str) -> Site:
    """The site that `text` describes; `source` is the file's name as error messages show it.

    Raises `ConfigurationError` with one line per mistake: file, line, key, what was found, what was expected.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        values = yaml.load(text, Loader=_Loader)  # noqa: S506  (a safe loader, chosen above)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigurationError(
            f"{source}{line}: not valid YAML: {error.problem or error.context}",
            "Check the indentation and quotes around that line.",
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{source}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(
            f"{source}:1: expected a mapping with the keys version, mall, georeference, floors, nodes",
            "`mallsense site import` writes a complete example.",
        )
    try:
        return Site.model_validate(values)
    except ValidationError as error:
        raise ConfigurationError(_report(source, root, error.errors(include_url=False))) from error


def dump_site(site: Site) -> str:
    """The YAML text of a site; `parse_site` of it gives the same site."""
    values = site.model_dump(mode="json", exclude_defaults=False)
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)
    return text


def _report(source: str, root: yaml.Node | None, errors: list[ErrorDetails]) -> str:
    lines = [_describe(source, root, error) for error in errors[:SHOWN_ERRORS]]
    if len(errors) > SHOWN_ERRORS:
        lines.append(f"{source}: and {len(errors) - SHOWN_ERRORS} more mistakes")
    return "\n".join(lines)


def _describe(source: str, root: yaml.Node | None, error: ErrorDetails) -> str:
    path = _path_in_file(error["loc"])
    where = f"{source}:{_line(root, path)}"
    key = ".".join(map(str, path)) or "the site"
    if error["type"] == "extra_forbidden":
        return f"{where}: {key}: unknown key; check its spelling and indentation"
    if error["type"] == "missing":
        return f"{where}: {key}: missing; every {_owner(path)} needs it"
    message = error["msg"].removeprefix("Value error, ")
    found = error["input"]
    shown = f", found {found!r}" if isinstance(found, str | int | float | bool) else ""
    return f"{where}: {key}: {message[:1].lower()}{message[1:]}{shown}"


def _path_in_file(loc: Path) -> Path:
    """Pydantic puts the name of a chosen union member into the path; the file has no such key."""
    return tuple(part for part in loc if part not in ("Polygon", "MultiPolygon"))


def _owner(path: Path) -> str:
    names = [part for part in path[:-1] if isinstance(part, str)]
    return names[-1].removesuffix("s") if names else "site"


def _line(node: yaml.Node | None, path: Path) -> int:
    """The line of the deepest part of `path` that the file has, counted from 1."""
    line = node.start_mark.line if node is not None else 0
    for part in path:
        child: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, child = key.start_mark.line, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line
        if child is None:
            break
        node = child
    return line + 1
