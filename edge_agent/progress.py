"""How far an agent has come, on the terminal."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from edge_agent.reporting import Progress


@contextmanager
def progress_bar(
    console: Console, title: str, fraction: Callable[[], float]
) -> Iterator[Callable[[Progress], None]]:
    """Show a bar that the function it gives keeps up to date; nothing where `console` is no terminal.

    `fraction` tells how much of the source has been read, from 0 to 1. Log lines appear above the bar.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=1.0, detail="")

        def show(now: Progress) -> None:
            bar.update(task, completed=1.0 if now.finished else fraction(), detail=_detail(now))

        with _log_above():
            yield show


def _detail(now: Progress) -> str:
    if now.trouble:
        return f"{now.spooled:,} batches wait: {now.trouble}"
    if now.finished:
        return f"{now.spooled:,} batches to send"
    if now.t_ms == 0:
        return ""
    when = datetime.fromtimestamp(now.t_ms / 1000, UTC)
    return f"{when:%Y-%m-%d %H:%M:%S} UTC, {now.observations:,} observations"


@contextmanager
def _log_above() -> Iterator[None]:
    """Let log lines go through the terminal's live display, which has taken the place of stderr."""
    moved = [
        (handler, handler.setStream(sys.stderr))
        for handler in logging.getLogger().handlers
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.__stderr__
    ]
    try:
        yield
    finally:
        for handler, stream in moved:
            if stream is not None:
                handler.setStream(stream)
