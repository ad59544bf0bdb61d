"""Scores as tables on the terminal."""

from typing import TYPE_CHECKING

from rich.table import Table

from mallsense.position_score import Score
from mallsense.textbook import textbook

if TYPE_CHECKING:
    from mallsense.simulated_day import DayScore


def positions_table(name: str, receivers: int | None, score: Score) -> Table:
    """Return the figures of a recording beside the textbook's."""
    title = (
        f"{name}, {receivers or 'all'} receivers: {score.instants} instants, coverage {score.coverage:.1%}"
    )
    table = Table(title=title, title_justify="left")
    table.add_column("method")
    for heading in ("median m", "mean m", "p75 m", "p95 m", "inside 68 %", "inside 95 %"):
        table.add_column(heading, justify="right")
    ours = score.rounded()
    columns = ("median_m", "mean_m", "p75_m", "p95_m", "inside_68", "inside_95")
    table.add_row("mallsense", *(_metres(ours[column]) for column in columns), style="bold")
    for method, median_m, p95_m in textbook(name, receivers):
        table.add_row(method, f"{median_m:.2f}", "", "", f"{p95_m:.1f}")
    return table


def day_table(score: "DayScore") -> Table:
    """Return the figures of a simulated day, one a line."""
    places, visits = score.positions, score.visits
    title = f"simulated: {score.shoppers} shoppers, {score.hours:g} h, seed {score.seed}"
    table = Table(title=title, title_justify="left")
    for heading in ("what", "figure", "meaning"):
        table.add_column(heading, justify="right" if heading == "figure" else "left")
    rows = (
        (
            "addresses / people heard",
            f"{score.devices:,} / {score.people:,}",
            "a person is several addresses",
        ),
        (
            "positions: median, p95",
            f"{places.median_m:.2f} / {places.p95_m:.1f} m",
            f"{places.count:,} on their floor",
        ),
        (
            "truth inside 68 %, 95 % region",
            f"{places.inside_68:.1%} / {places.inside_95:.1%}",
            "honest: 68 % and 95 %",
        ),
        ("right floor", f"{places.right_floor:.1%}", ""),
        (
            "visits: F1",
            f"{visits.f1:.3f}",
            f"{visits.matched:,} of {visits.true:,} true, {visits.estimated:,} told",
        ),
        ("visits: precision, recall", f"{visits.precision:.3f} / {visits.recall:.3f}", ""),
        (
            "dwell: bias, absolute error",
            f"{visits.dwell_bias_s:+.0f} / {visits.dwell_mae_s:.0f} s",
            "of matched visits",
        ),
        (
            "people per zone and minute",
            f"{score.count_error:.2f}",
            f"absolute error; bias {score.count_bias:+.2f}",
        ),
        ("people in the mall", f"{score.present_error:.1%}", "absolute error, share of the true number"),
        ("flows", f"{score.flow_error:.1%}", "absolute error, share of all transitions"),
    )
    for row in rows:
        table.add_row(*row)
    return table


def _metres(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
