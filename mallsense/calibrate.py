"""`mallsense calibrate`: how the nodes of a site hear, learnt from what there is, into one file."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from contracts.errors import ConfigurationError
from gateway.engine import Calibration
from gateway.sources import read_site
from mallsense.calibrate_material import Material, from_files, from_folder
from mallsense.calibrate_steps import Progress as Tell
from mallsense.calibrate_steps import best_step, calibration_from
from mallsense.calibrate_table import nodes_table, summary
from mallsense.ladder import POINTS, Step

DEFAULT_OUT = Path("calibration.json")


def calibrate(
    source: Annotated[
        Path, typer.Argument(help="A site file, or a folder of recorded data.", show_default=False)
    ],
    *,
    method: Annotated[
        Step | None,
        typer.Option(
            help="zero (traffic alone), points (a few labelled places), survey (walked everywhere).",
            show_default="the best that the data allow",
        ),
    ] = None,
    points_file: Annotated[
        Path | None,
        typer.Option(
            "--points", help="With a site file: readings at known places (CSV).", show_default=False
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            "--from-store",
            help="With a site file: the store of its gateway, for its traffic.",
            show_default=False,
        ),
    ] = None,
    site: Annotated[
        Path | None,
        typer.Option(help="With a folder: a site file that knows its nodes better.", show_default=False),
    ] = None,
    receivers: Annotated[
        int | None,
        typer.Option(
            help="With a folder: the planned deployment of 20, 40 or 80 receivers.", show_default="all"
        ),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            "--count", min=3, help="With a folder and points: how many of its surveyed places a floor."
        ),
    ] = POINTS,
    out: Annotated[Path, typer.Option(help="The file to write, for mallsense gateway.")] = DEFAULT_OUT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the beliefs about nodes as JSON.")] = False,
) -> None:
    """Learn how the nodes of a site hear, and say which of them to look at.

    From a site file with --points, --from-store or both, or from a folder of recorded data, whose test walks
    are left alone. The file it writes is for mallsense gateway --calibration.
    """
    material = _material(source, points_file, store, site, receivers, count)
    step = method or best_step(material)
    with _bar() as tell:
        calibration = calibration_from(material, step, tell)
    _write(calibration, out)
    if as_json:
        typer.echo(json.dumps([belief.to_dict() for belief in calibration.nodes]))
        return
    console = Console()
    for note in material.notes:
        console.print(Text(f"note: {note}"), soft_wrap=True)
    console.print(nodes_table(calibration))
    for line in summary(calibration, out):
        console.print(Text(line), soft_wrap=True)


def _material(
    source: Path,
    points: Path | None,
    store: Path | None,
    site: Path | None,
    receivers: int | None,
    count: int,
) -> Material:
    if source.is_dir():
        if points or store:
            raise ConfigurationError(
                "--points and --from-store go with a site file, not with a folder of recorded data",
                "For example: mallsense calibrate mall.yaml --points points.csv",
            )
        return from_folder(source, receivers, count, read_site(site) if site else None)
    if site or receivers:
        raise ConfigurationError(
            "--site and --receivers go with a folder of recorded data",
            f"{source} is taken for a site file; leave them out.",
        )
    return from_files(read_site(source), points, store)


@contextmanager
def _bar() -> Iterator[Tell]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("reading", total=1.0)
        yield lambda what, done: bar.update(task, description=what, completed=done)


def _write(calibration: Calibration, out: Path) -> None:
    made_at = datetime.now(UTC).isoformat(timespec="seconds")  # a command may tell the time
    values = calibration.to_dict() | {"made_at": made_at}
    try:
        out.write_text(json.dumps(values) + "\n", encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written: {error.strerror or error}") from error
