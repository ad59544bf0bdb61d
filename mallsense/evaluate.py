"""`mallsense evaluate`: the engine against the truth of recordings, or of a simulated day."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from contracts.errors import ConfigurationError, MallsenseError
from mallsense.accuracy.cases import Case, cases_in
from mallsense.accuracy.running import Failure, Outcome, run
from mallsense.accuracy.running import Progress as Tell
from mallsense.accuracy.tables import as_json as figures
from mallsense.accuracy.tables import terminal_table
from mallsense.estimates import write_estimates
from mallsense.ladder import POINTS, Step
from mallsense.score_tables import day_table

WIDE = 500
"""No table is wider."""


def evaluate(
    folders: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FOLDER",
            help="Recorded data sets, or folders that hold some at any depth.",
            show_default=False,
        ),
    ] = None,
    *,
    receivers: Annotated[
        list[int] | None,
        typer.Option(
            help="Use the planned deployment of so many receivers; say it again for several. Data sets that "
            "plan none are evaluated with all they have.",
            show_default="all receivers; with --report every planned deployment",
        ),
    ] = None,
    calibration: Annotated[
        list[Step] | None,
        typer.Option(
            help="What positions may know: survey (all training walks), points (a few labelled points), zero "
            "(receiver positions and unlabelled traffic). Say it again for several.",
            show_default="survey",
        ),
    ] = None,
    points: Annotated[int, typer.Option(min=3, help="Labelled points a floor, for points.")] = POINTS,
    together: Annotated[
        bool,
        typer.Option(
            "--together", help="Play floors that lie in one folder as one mall: find the floor, too."
        ),
    ] = False,
    held_out: Annotated[
        bool,
        typer.Option(
            "--held-out",
            help="Score a fifth of the training walks, calibrate on the others: for tuning, which must not "
            "see test walks.",
        ),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write tables and pictures into this Markdown file: its generated sections are replaced, or "
            "it is made.",
            show_default=False,
        ),
    ] = None,
    estimates_to: Annotated[
        Path | None,
        typer.Option(
            "--estimates", help="Write the estimates of one data set to this CSV file.", show_default=False
        ),
    ] = None,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Score a simulated day instead, visits and flows too.")
    ] = False,
    shoppers: Annotated[
        int, typer.Option(min=1, max=50_000, help="Simulated: people in the mall at its fullest.")
    ] = 300,
    passers_by: Annotated[
        int, typer.Option(min=0, max=50_000, help="Simulated: people in the street around the mall.")
    ] = 0,
    hours: Annotated[float, typer.Option(min=0.0, help="Simulated: how long, from noon on.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Simulated: the same seed gives the same day.")] = 1,
    fixed_addresses: Annotated[
        bool, typer.Option("--fixed-addresses", help="Simulated: phones never change their address.")
    ] = False,
    unlinked: Annotated[
        bool, typer.Option("--unlinked", help="Simulated: count each address as a device of its own.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
) -> None:
    """Score positions and visits against the truth, through the same engine that a gateway runs.

    Every data set found in the folders is calibrated and its test walks are scored, each floor by itself;
    floors of one mall are played as one with --together. A data set that cannot be evaluated is named and
    does not stop the others; the exit code is then 2. A simulated day is calibrated on a simulated survey.
    """
    if simulated == bool(folders):
        raise ConfigurationError(
            "expected folders of recorded data or --simulated, one of them",
            "For example: mallsense evaluate FOLDER --receivers 40, or evaluate --simulated --hours 2",
        )
    if simulated:
        _evaluate_simulated(
            shoppers,
            passers_by,
            hours,
            seed,
            fixed_addresses=fixed_addresses,
            linked=not unlinked,
            as_json=as_json,
        )
        return
    cases = cases_in(
        folders or (),
        receivers or (),
        calibration or [Step.SURVEY],
        held_out=held_out,
        every_deployment=report is not None,
        together=together,
    )
    if estimates_to and len(cases) > 1:
        raise ConfigurationError(
            f"--estimates writes those of one data set, found {len(cases)}: {cases[0].name}; ...",
            "Name one folder, one --receivers and one --calibration.",
        )
    write_report = _report_writer() if report else None
    with _progress(cases) as show:
        outcomes, failures = run(cases, points=points, progress=show)
    if estimates_to:
        write_estimates(estimates_to, (one for outcome in outcomes for one in outcome.estimates))
    if as_json:
        typer.echo(json.dumps(figures(outcomes, failures)))
    elif outcomes:
        _print(outcomes)
    if report and write_report and outcomes:
        write_report(report, outcomes)
    _raise(failures, len(cases))


def _print(outcomes: Sequence[Outcome]) -> None:
    console = Console()
    for note in dict.fromkeys(note for outcome in outcomes for note in outcome.recording.notes):
        console.print(Text(f"note: {note}"), soft_wrap=True)
    table = terminal_table(outcomes)
    # A line too long for the terminal is better than a figure cut off.
    Console(width=max(console.width, Console(width=WIDE).measure(table).maximum)).print(table)


def _raise(failures: Sequence[Failure], count: int) -> None:
    """Say what could not be evaluated, so that the exit code does."""
    if failures and count == 1:
        raise ConfigurationError(failures[0].reason, failures[0].hint)
    if failures:
        raise ConfigurationError(
            f"{len(failures)} of {count} could not be evaluated: "
            + "; ".join(failure.case.name for failure in failures),
            "\n".join(f"{failure.case.name}: {failure.reason}\n{failure.hint}" for failure in failures),
        )


def _report_writer() -> Callable[[Path, Sequence[Outcome]], None]:
    """Return what writes reports.

    Raises:
        MallsenseError: the packages that draw are not installed.

    """
    try:
        from mallsense.accuracy.report import write_report  # noqa: PLC0415  # few need what it draws with
    except ModuleNotFoundError as error:
        raise MallsenseError(
            f"--report needs the package {error.name!r}, which is not installed.",
            "Install it with: pip install 'mallsense[report]'",
        ) from error
    return write_report


@contextmanager
def _progress(cases: Sequence[Case]) -> Iterator[Tell]:
    """Show one bar over all cases on the terminal."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=len(cases))

        def show(case: Case, done: float) -> None:
            bar.update(task, description=case.name, completed=cases.index(case) + done)

        yield show


def _evaluate_simulated(
    shoppers: int,
    passers_by: int,
    hours: float,
    seed: int,
    *,
    fixed_addresses: bool,
    linked: bool,
    as_json: bool,
) -> None:
    from mallsense.simulated_day import score_day  # noqa: PLC0415  # a recording needs no simulator

    bar_console = Console(stderr=True)
    with Progress(console=bar_console, transient=True, disable=not bar_console.is_terminal) as bar:
        task = bar.add_task(f"{shoppers} shoppers, {hours:g} h", total=1.0)
        score = score_day(
            shoppers=shoppers,
            passers_by=passers_by,
            hours=hours,
            seed=seed,
            fixed_addresses=fixed_addresses,
            link_addresses=linked,
            progress=lambda done: bar.update(task, completed=done),
        )
    if as_json:
        typer.echo(json.dumps(score.to_dict()))
    else:
        Console().print(day_table(score))
