"""`mallsense evaluate`: the engine against the truth of a recording, or of a simulated day."""

import json
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from contracts.errors import ConfigurationError
from edge_agent.pseudonym import KEY_BYTES, Pseudonyms
from edge_agent.rotation import SaltRotation
from gateway.engine import build_engine
from mallsense.estimates import Estimate, estimates, write_estimates
from mallsense.in_process import play
from mallsense.position_score import score_positions
from mallsense.recording import Recording, read_recording
from mallsense.score_tables import day_table, positions_table
from simulators.recorded_source import RecordedSource, address_of

START_MS = 1_700_000_000_000
"""When recorded walks are played: any time does, as long as no change of the daily salt is near."""


def evaluate(
    dataset: Annotated[
        Path | None, typer.Argument(help="Folder of recorded data, or of such folders.", show_default=False)
    ] = None,
    *,
    receivers: Annotated[
        int | None,
        typer.Option(help="Use the planned deployment of 20, 40 or 80 receivers.", show_default="all"),
    ] = None,
    estimates_to: Annotated[
        Path | None,
        typer.Option("--estimates", help="Write the estimates to this CSV file.", show_default=False),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Score a simulated day instead, visits and flows too.")
    ] = False,
    shoppers: Annotated[
        int, typer.Option(min=1, max=50_000, help="Simulated: people in the mall at its fullest.")
    ] = 300,
    hours: Annotated[float, typer.Option(min=0.0, help="Simulated: how long, from noon on.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Simulated: the same seed gives the same day.")] = 1,
    fixed_addresses: Annotated[
        bool, typer.Option("--fixed-addresses", help="Simulated: phones never change their address.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score positions and visits against the truth, through the same engine that a gateway runs.

    A recorded data set is calibrated on its training walks or survey points alone, and its test walks are
    scored. A simulated day is calibrated on a simulated site survey.
    """
    if simulated == (dataset is not None):
        raise ConfigurationError(
            "expected a folder of recorded data or --simulated, one of them",
            "For example: mallsense evaluate FOLDER --receivers 40, or evaluate --simulated --hours 2",
        )
    if dataset is None:
        _evaluate_simulated(shoppers, hours, seed, fixed_addresses=fixed_addresses, as_json=as_json)
    else:
        _evaluate_recorded(dataset, receivers, estimates_to, as_json=as_json)


def _evaluate_recorded(
    dataset: Path, receivers: int | None, estimates_to: Path | None, *, as_json: bool
) -> None:
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
        console.print(Text(f"note: {note}"), soft_wrap=True)
    for name, score in scores.items():
        console.print(positions_table(name, receivers, score))


def _evaluate_simulated(
    shoppers: int, hours: float, seed: int, *, fixed_addresses: bool, as_json: bool
) -> None:
    from mallsense.simulated_day import score_day  # noqa: PLC0415  # a recording needs no simulator

    bar_console = Console(stderr=True)
    with Progress(console=bar_console, transient=True, disable=not bar_console.is_terminal) as bar:
        task = bar.add_task(f"{shoppers} shoppers, {hours:g} h", total=1.0)
        score = score_day(
            shoppers=shoppers,
            hours=hours,
            seed=seed,
            fixed_addresses=fixed_addresses,
            progress=lambda done: bar.update(task, completed=done),
        )
    if as_json:
        typer.echo(json.dumps(score.to_dict()))
    else:
        Console().print(day_table(score))


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
