"""`mallsense evaluate`: the engine against the truth of a recording, or of a simulated day."""

import json
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import ConfigurationError
from edge_agent.pseudonym import KEY_BYTES, Pseudonyms
from edge_agent.rotation import SaltRotation
from gateway.engine import build_engine
from mallsense.estimates import Estimate, estimates, write_estimates
from mallsense.in_process import play
from mallsense.position_score import Score, score_positions
from mallsense.recording import Recording, read_recording
from mallsense.textbook import textbook
from simulators.recorded_source import RecordedSource, address_of

START_MS = 1_700_000_000_000
"""When recorded walks are played: any time does, as long as no change of the daily salt is near."""


def evaluate(
    dataset: Annotated[
        Path | None, typer.Argument(help="Folder of recorded data, or of such folders.", show_default=False)
    ] = None,
    receivers: Annotated[
        int | None,
        typer.Option(help="Use the planned deployment of 20, 40 or 80 receivers.", show_default="all"),
    ] = None,
    estimates_to: Annotated[
        Path | None,
        typer.Option("--estimates", help="Write the estimates to this CSV file.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score positions and visits against the truth.

    A recorded walk is replayed through the same engine that a gateway runs; no broker is needed. Only its
    training walks or survey points are used for calibration.
    """
    if dataset is None:
        raise ConfigurationError("nothing to evaluate", "Name a folder of recorded data, or say --simulated.")
    recording = read_recording(dataset, receivers)
    found = list(estimate(recording))
    if estimates_to:
        write_estimates(estimates_to, found)
    scores = {data.folder.name: score_positions(data, found) for data in recording.unmoved()}
    if as_json:
        typer.echo(json.dumps({name: score.rounded() for name, score in scores.items()}))
        return
    console = Console()
    for note in recording.notes:
        console.print(f"note: {note}", soft_wrap=True)
    for name, score in scores.items():
        console.print(_table(name, receivers, score))


def estimate(recording: Recording) -> Iterable[Estimate]:
    """Play all test walks of a recording through an engine; estimates are in the frame of each recording."""
    source = RecordedSource(recording.datasets, start_ms=START_MS)
    pseudonyms = Pseudonyms(secrets.token_bytes(KEY_BYTES), SaltRotation.of(recording.site))
    walks = source.walk_ids()
    names, _ = pseudonyms.columns(
        [START_MS] * len(walks), [address_of(walk) for walk in walks], [b""] * len(walks)
    )
    engine = build_engine(recording.site, recording.calibration.to_dict())
    offsets = {walk.id: data.offset_m for data in recording.datasets for walk in data.walks}
    return estimates(
        play(source, pseudonyms, engine), dict(zip(names, walks, strict=True)), START_MS, offsets
    )


def _table(name: str, receivers: int | None, score: Score) -> Table:
    """Return our figures beside the textbook's."""
    title = (
        f"{name}, {receivers or 'all'} receivers: {score.instants} instants, coverage {score.coverage:.1%}"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    for heading in ("median m", "mean m", "p75 m", "p95 m", "inside 68 %", "inside 95 %"):
        table.add_column(heading, justify="right")
    ours = score.rounded()
    columns = ("median_m", "mean_m", "p75_m", "p95_m", "inside_68", "inside_95")
    table.add_row("mallsense", *(_shown(ours[column]) for column in columns), style="bold")
    for method, median_m, p95_m in textbook(name, receivers):
        table.add_row(method, f"{median_m:.2f}", "", "", f"{p95_m:.1f}")
    return table


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
