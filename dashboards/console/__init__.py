"""The live console: TypeScript sources here, built into `static/` when the project is installed."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
"""The folder of the built console: index.html and its bundles."""
