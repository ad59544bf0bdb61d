"""Where in a YAML file its values stand, so that a mistake can be shown with its line."""

from typing import Any, Self

import yaml

from contracts.errors import ConfigurationError

KeyPath = tuple[str | int, ...]
"""The way to a value: keys of mappings and indices of lists, such as ("floors", 0, "zones", 3)."""

# libyaml's parser where PyYAML was built with it: ten times faster on a mall of 200 zones.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class SourceMap:
    """The values of a YAML text and their lines; `source` is the file's name as messages show it."""

    def __init__(self, source: str, root: yaml.Node | None, values: object) -> None:
        self.source = source
        self.values = values
        self._root = root

    @classmethod
    def read(cls, text: str, source: str) -> Self:
        """Parse `text`.

        Raises `ConfigurationError` with file and line where it is not valid YAML, or says a key twice.
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
        _refuse_twins(root, source)
        return cls(source, root, values)

    def line(self, path: KeyPath) -> int:
        """The line of the deepest part of `path` that the file has, counted from 1."""
        node = self._root
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

    def where(self, path: KeyPath) -> str:
        """`file:line` of a value, as editors and terminals open it."""
        return f"{self.source}:{self.line(path)}"


def _refuse_twins(root: yaml.Node | None, source: str) -> None:
    """Refuse a key that stands twice in one mapping: YAML forbids it, PyYAML lets the last one win."""
    seen: set[yaml.Node] = set()  # an alias leads to the same node again, and may lead round in a circle
    waiting = [root] if root is not None else []
    while waiting:
        node = waiting.pop()
        if node in seen or isinstance(node, yaml.ScalarNode):
            continue
        seen.add(node)
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
            continue
        first: dict[str, int] = {}
        for key, value in node.value:
            waiting.append(value)
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in first:
                raise ConfigurationError(
                    f"{source}:{line}: {key.value} is there already, in line {first[key.value]}",
                    "Put both under one key, or remove one.",
                )
            first[key.value] = line
