"""Figures as tables: on the terminal, as Markdown, as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import JustifyMethod
from rich.table import Table

from mallsense.accuracy.running import Failure, Outcome
from mallsense.textbook import ML, NEAREST

HEADINGS = (
    "data set",
    "receivers",
    "calibration",
    "instants",
    "coverage",
    "median m",
    "mean m",
    "p75 m",
    "p95 m",
    "inside 68 %",
    "inside 95 %",
    "textbook ML",
    "textbook kNN",
)


def terminal_table(outcomes: Iterable[Outcome]) -> Table:
    """Return one line for each outcome; textbook figures are median / p95."""
    table = Table(
        title="positions; the textbook's are median / p95", title_justify="left", box=SIMPLE, padding=(0, 1)
    )
    for heading in HEADINGS:
        side: JustifyMethod = "left" if heading in ("data set", "calibration") else "right"
        table.add_column(heading, justify=side, no_wrap=True)
    for outcome in outcomes:
        table.add_row(*_cells(outcome))
    return table


def markdown_table(outcomes: Iterable[Outcome]) -> str:
    """Return the same table in Markdown."""
    return markdown(HEADINGS, (_cells(outcome) for outcome in outcomes), left=3)


def markdown(headings: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """Return a table in Markdown, whose first `left` columns hold words."""
    marks = ["---"] * left + ["---:"] * (len(headings) - left)
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, marks, *rows))


def as_json(outcomes: Sequence[Outcome], failures: Iterable[Failure]) -> dict[str, dict[str, Any]]:
    """Return the figures by data set; where one was evaluated more than once, by what tells them apart."""
    names = [outcome.name for outcome in outcomes]
    found: dict[str, dict[str, Any]] = {}
    for outcome in outcomes:
        key = outcome.name
        if names.count(key) > 1:
            key = f"{outcome.data.folder} {outcome.receivers} {outcome.step}"
        case = {"receivers": outcome.receivers, "calibration": outcome.step.value}
        found[key] = outcome.score.rounded() | case
    for failure in failures:
        found[f"{failure.case.folder} {failure.case.name}"] = {"error": failure.reason}
    return found


def _cells(outcome: Outcome) -> tuple[str, ...]:
    score = outcome.score
    metres = (score.median_m, score.mean_m, score.p75_m, score.p95_m)
    shares = (score.inside_68, score.inside_95)
    published = {method: f"{median:.2f} / {p95:.1f}" for method, median, p95 in outcome.textbook}
    return (
        outcome.name,
        str(outcome.receivers),
        outcome.step.value,
        f"{score.instants}",
        f"{score.coverage:.1%}",
        *("-" if value is None else f"{value:.2f}" for value in metres),
        *("-" if value is None else f"{value:.1%}" for value in shares),
        published.get(ML, "-"),
        published.get(NEAREST, "-"),
    )
