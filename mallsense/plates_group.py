"""`mallsense plates`: `enrol`, `withdraw`, `list`, `restore`, and everything else is pictures to be read.

So that an operator's machine needs no OpenCV for the list, what reads pictures is imported when it is called.
"""

from typing import Any

import typer
from typer.core import TyperGroup

from edge_agent import enrolled_cli

READ = "read"


class PlatesGroup(TyperGroup):
    """A group in which what is no command is an argument of `read`: `mallsense plates DIR --out OUT.csv`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `read` first where no command is named."""
        known = {*self.commands, "--help"}
        return super().parse_args(ctx, args if not args or args[0] in known else [READ, *args])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import what reads pictures when it is called."""
        from mallsense.cli import Entry, load  # noqa: PLC0415  # which imports this module

        name, command, rest = super().resolve_command(ctx, args)
        if name == READ:
            command = load("plates", Entry("mallsense.plates:plates", "camera", ""))
        return name, command, rest


app = typer.Typer(cls=PlatesGroup, no_args_is_help=True, help="Read plates; enrol them with consent.")


@app.command(READ)
def _read() -> None:
    """Read the plates of pictures or of a video; `read` may be left out."""


enrolled_cli.add_to(app)
