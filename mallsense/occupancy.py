"""`mallsense occupancy`: how many people there are, learnt where somebody counted, told where nobody did."""

from math import ceil, floor
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from contracts.errors import ConfigurationError
from gateway.people import MallPeople
from gateway.people_file import MALL, ROOM, read_model, write_model
from mallsense.csv_table import write_csv
from mallsense.occupancy_folder import COUNTS, find_days, read_counts, read_fixed, read_windows
from mallsense.occupancy_store import fit_mall, read_store
from mallsense.occupancy_store import read_counts as read_mall_counts
from mallsense.occupancy_table import show_mall, show_room
from positioning.people.follow import Estimate
from positioning.people.model import PeopleModel

app = typer.Typer(no_args_is_help=True, help="People counted from what is heard of their devices.")

DEFAULT_MODEL = Path("people.json")
DEFAULT_OUT = Path("occupancy.csv")
COLUMNS = ("day", "window_start_unix_s", "people", "low", "high")

Folder = Annotated[Path, typer.Argument(help="A folder with a capture a day.", show_default=False)]
Days = Annotated[
    list[str] | None, typer.Option("--days", help="Only these days.", metavar="DAY...", show_default="all")
]
Fixed = Annotated[
    Path | None,
    typer.Option(
        "--fixed", help="Addresses (or their first bytes) to leave out, one a line.", show_default=False
    ),
]


class ManyDays(TyperCommand):
    """A command whose `--days` takes all words up to the next option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Write `--days A B` as `--days A --days B`."""
        spread: list[str] = []
        after_days = 0
        for word in args:
            after_days = 0 if word.startswith("-") else after_days + bool(after_days)
            if after_days > 2:
                spread.append("--days")
            if word == "--days":
                after_days = 1
            spread.append(word)
        return super().parse_args(ctx, spread)


@app.command(cls=ManyDays)
def fit(
    source: Annotated[
        Path,
        typer.Argument(
            help="A folder with a capture a day and a people.csv, or the store of a gateway.",
            show_default=False,
        ),
    ],
    *,
    days: Days = None,
    counts: Annotated[
        Path | None, typer.Option(help="With a store: people counted in the mall (CSV).", show_default=False)
    ] = None,
    model: Annotated[Path, typer.Option(help="The file to write.")] = DEFAULT_MODEL,
    fixed: Fixed = None,
) -> None:
    """Learn how many people stand behind what is heard, where somebody has counted.

    A folder gives the model of one room, for predict; its people.csv has the columns day,
    window_start_unix_s and people_mean (or people). A store and --counts give that of a mall, for mallsense
    gateway --people; columns: window_start_unix_s, window_s, people and, if wanted, what: present (the mean
    over the window; so if it is missing) or entered.
    """
    if source.is_dir():
        if counts:
            raise ConfigurationError("--counts goes with a store", f"{source} is a folder: leave it out.")
        _fit_room(source, days or [], model, fixed)
    elif counts is None:
        raise ConfigurationError(
            f"{source}: is no folder; a store needs counts of people beside it",
            "For example: mallsense occupancy fit mallsense.db --counts counts.csv",
        )
    elif days or fixed:
        raise ConfigurationError(
            "--days and --fixed go with a folder", f"{source} is a file: leave them out."
        )
    else:
        _fit_mall(source, counts, model)


def _fit_mall(store: Path, path: Path, model: Path) -> None:
    found, unknown = read_store(store, read_mall_counts(path))
    fitted = {what: fit_mall(counted) for what, counted in found.items()}
    write_model(model, MALL, MallPeople.of(fitted).to_dict(), f"{path.name} and {store.name}")
    if unknown:
        typer.echo(f"note: {unknown} counts are of times that the store knows nothing of")
    for what, counted in found.items():
        show_mall(what, fitted[what], counted)
    typer.echo(f"Model: {model}, for mallsense gateway --people.")


def _fit_room(folder: Path, days: list[str], model: Path, fixed: Path | None) -> None:
    counts = read_counts(folder)
    captures = find_days(folder, days)
    if not days:
        captures = {day: path for day, path in captures.items() if day in counts.by_day} or captures
    if uncounted := [day for day in captures if day not in counts.by_day]:
        raise ConfigurationError(
            f"{folder / COUNTS}: expected counts of people for {', '.join(uncounted)}, found none",
            "The columns are day, window_start_unix_s, people_mean; or leave the day out with --days.",
        )
    windows = read_windows(captures, counts, counts.window_s, read_fixed(fixed)).counted()
    try:
        made = PeopleModel.fit(windows, counts.window_s)
    except ValueError as error:
        raise ConfigurationError(f"{folder}: {error}", "Count people on more days.") from error
    write_model(model, ROOM, made.to_dict(), f"{len(captures)} days of {folder.name}")
    show_room(made, windows, model)


@app.command(cls=ManyDays)
def predict(
    folder: Folder,
    *,
    model: Annotated[Path, typer.Option(help="What mallsense occupancy fit wrote.")] = DEFAULT_MODEL,
    days: Days = None,
    out: Annotated[Path, typer.Option(help="The table to write (CSV).")] = DEFAULT_OUT,
    fixed: Fixed = None,
) -> None:
    """Tell how many people there were, with a 90 % interval, from captures alone.

    An estimate uses what was heard on its day up to the end of its window. A people.csv, where there is one,
    only says when windows begin.
    """
    room = _read_room(model)
    captures = find_days(folder, days or [])
    windows = read_windows(captures, read_counts(folder), room.window_s, read_fixed(fixed))
    names = sorted(captures)
    estimates = zip(windows.day, windows.start_s, room.estimate(windows), strict=True)
    write_csv(out, COLUMNS, ((names[day], start_s, *_rounded(one)) for day, start_s, one in estimates))
    typer.echo(f"{len(windows.day)} windows of {len(names)} days: {out}")


def _read_room(path: Path) -> PeopleModel:
    data = read_model(path, ROOM)
    try:
        return PeopleModel.from_dict(data)
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"{path}: cannot be used: {error!r}", "Fit it again.") from error


def _rounded(one: Estimate) -> tuple[float, float, float]:
    """Return tenths of people, the interval rounded outwards."""
    return round(one.people, 1), floor(one.low * 10) / 10, ceil(one.high * 10) / 10
