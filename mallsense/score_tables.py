"""The scores of a simulated day as a table on the terminal."""

from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from mallsense.simulated_day import DayScore


def day_table(score: "DayScore") -> Table:
    """Return the figures of a simulated day, one a line."""
    places, visits = score.positions, score.visits
    title = f"simulated: {score.shoppers} shoppers, {score.hours:g} h, seed {score.seed}"
    table = Table(title=title, title_justify="left")
    for heading in ("what", "figure", "meaning"):
        table.add_column(heading, justify="right" if heading == "figure" else "left")
    rows = (
        (
            "devices / people heard",
            f"{score.devices:,} / {score.people:,}",
            f"from {score.identity.addresses:,} addresses" if score.identity.addresses else "",
        ),
        (
            "links: wrong, missed",
            f"{score.identity.false_merge_rate:.1%} / {score.identity.false_split_rate:.1%}",
            f"of {score.identity.links:,} links, of {score.identity.changes:,} changes of address",
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
            f"of matched visits; bias {visits.dwell_bias_share:+.0%}",
        ),
        (
            "people per zone and minute",
            f"{score.count_error:.2f}",
            f"absolute error; bias {score.count_bias:+.2f}",
        ),
        (
            "people in the mall",
            f"{score.present_error:.1%}",
            f"absolute error, share of the true number; bias {score.visitors_error:+.1%}",
        ),
        (
            "outside: recognised, wrongly",
            f"{score.outside_found:.1%} / {score.outside_wrong:.1%}",
            "of the hearings of passers-by, of shoppers",
        ),
        ("flows", f"{score.flow_error:.1%}", "absolute error, share of all transitions"),
    )
    for row in rows:
        table.add_row(*row)
    return table
