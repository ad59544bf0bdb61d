"""Files that a gateway is started with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.errors import ConfigurationError
from contracts.site import Site, parse_site


def read_site(path: Path) -> Site:
    """Return the site of a file. Raises `ConfigurationError` with file, line and what was expected."""
    return parse_site(_text(path), str(path))


def read_calibration(path: Path) -> Mapping[str, Any]:
    """Return the calibration of a file. Raises `ConfigurationError` when it is no JSON object."""
    try:
        values = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise ConfigurationError(f"{path}: expected a JSON object, as calibration writes it")
    return values


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path}: not UTF-8: {error.reason} at byte {error.start}") from error
