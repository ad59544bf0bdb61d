"""What `mallsense occupancy fit` says of the model it made: how good it is, and what would make it better."""

from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mallsense.occupancy_folder import KINDS
from mallsense.occupancy_store import Counted, held_out, mall_left_out
from positioning.people.check import Agreement, by_hour, counts_needed, days_left_out, days_needed
from positioning.people.heard import Floats, Ints
from positioning.people.model import LEAST_DAYS, PeopleModel, Windows
from positioning.people.ratio import PhonesPerPerson

LEAST_ANSWER = 0.05
"""An index that a person moves by less of a person than this is noise."""


def show_room(model: PeopleModel, windows: Windows, path: Path) -> None:
    """Print the model of a room and how it does on days left out."""
    console = Console()
    response, days = model.response, len(np.unique(windows.day))
    moved = (
        (np.sqrt(windows.heard) * model.index.weight).reshape(len(windows.day), len(KINDS), -1).sum(axis=2)
    )
    goes_by = ", ".join(f"{kind} {sd:.1f}" for kind, sd in zip(KINDS, moved.std(axis=0), strict=True))
    answer = float(response.line[1])
    day, noise = (sd / max(answer, LEAST_ANSWER) for sd in (response.day_sd, response.noise_sd))
    for line in (
        f"Model: {path}, from {len(windows.day)} windows of {model.window_s} s on {days} days.",
        f"What it goes by, and how many people that moves it (standard deviation): {goes_by}.",
        f"The same people are heard differently: days by {day:.1f}, windows of a day by {noise:.1f} people."
        if answer > LEAST_ANSWER
        else "What is heard does not grow with the people: the estimates are what was counted, on the mean.",
    ):
        console.print(Text(line), soft_wrap=True)
    if days <= LEAST_DAYS:
        console.print(f"With {LEAST_DAYS} days none can be left out: how good it is cannot be told.")
        return
    try:
        people, low, high = days_left_out(windows, model.window_s)
    except ValueError as error:
        console.print(
            Text(f"Without one of the days: {error}. How good it is cannot be told."), soft_wrap=True
        )
        return
    _show_agreement(
        console, "Every day estimated from the others", Agreement.of(people, low, high, windows.people)
    )
    _show_hours(console, people - windows.people, windows.start_s)
    _show_needed(console, days_needed(response, days, float(windows.people.mean())), days, "counted days")


def show_mall(what: str, model: PhonesPerPerson, counted: Counted) -> None:
    """Print the model of people present or entered, and how it does on counts left out."""
    console = Console()
    spread = float(model.covariance[1, 1]) ** 0.5
    console.print(
        Text(
            f"{what}: {model.phones:.2f} ± {spread:.2f} devices a person, {model.line[0]:.1f} of nobody; "
            f"days differ by {model.day_sd:.0%} ({len(counted.people)} counts, {counted.day[-1] + 1} days)."
        ),
        soft_wrap=True,
    )
    mean, variance = float(counted.people.mean()), float(counted.variance.mean())
    if (groups := held_out(counted)) is not None:
        people, low, high = mall_left_out(counted, groups)
        title = f"{what}: counts estimated from those of other {'days' if groups is counted.day else 'times'}"
        _show_agreement(console, title, Agreement.of(people, low, high, counted.people))
        _show_hours(console, people - counted.people, counted.start_s)
    _show_needed(
        console, counts_needed(model, len(counted.people), mean, variance), len(counted.people), "counts"
    )


def _show_agreement(console: Console, title: str, found: Agreement) -> None:
    table = Table(title=title)
    for name in (
        "windows",
        "mean absolute error",
        "bias",
        "inside the 90 % interval",
        "its width",
        "explained",
    ):
        table.add_column(name, justify="right")
    table.add_row(
        str(found.windows),
        f"{found.error:.2f}",
        f"{found.bias:+.2f}",
        f"{found.inside:.0%}",
        f"{found.width:.1f}",
        f"{found.explained:.0%}",
    )
    console.print(table)


def _show_hours(console: Console, wrong: Floats, start_s: Ints) -> None:
    table = Table(title="Bias by hour (UTC)")
    for name in ("hour", "windows", "estimate minus count"):
        table.add_column(name, justify="right")
    for hour, number, bias in by_hour(wrong, start_s):
        table.add_row(f"{hour:02d}", str(number), f"{bias:+.2f}")
    console.print(table)


def _show_needed(console: Console, needed: int | None, have: int, what: str) -> None:
    if needed is not None and needed <= have:
        words = f"More {what} would hardly make the intervals narrower."
    else:
        more = "very many" if needed is None else f"about {needed - have}"
        words = f"More {what} would make the intervals narrower: {more} more."
    console.print(Text(words), soft_wrap=True)
