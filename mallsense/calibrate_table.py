"""What a calibration believes about the nodes, for people."""

from pathlib import Path

from rich.table import Table

from gateway.engine import Calibration
from positioning.node_beliefs import NodeBelief
from positioning.node_verdicts import Verdict

SURE = {
    "zero": "Places were found from the traffic itself: verdicts about places are less sure than a survey's.",
    "points": "Few places are known: a node nobody passed closely stays untold.",
}


def nodes_table(calibration: Calibration) -> Table:
    """Return a line for each node, the suspicious first."""
    title = f"{calibration.method} calibration of {len(calibration.nodes)} nodes from {calibration.made_from}"
    table = Table(title=title, title_justify="left")
    table.add_column("node")
    for heading in ("dBm at 1 m", "offset dB", "exponent", "noise dB", "readings"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    ordered = sorted(calibration.nodes, key=lambda belief: not belief.finding.verdict.suspicious)
    for belief in ordered:
        table.add_row(*_cells(belief), style="bold red" if belief.finding.verdict.suspicious else None)
    return table


def summary(calibration: Calibration, out: Path) -> list[str]:
    """Return why nodes are doubted, and what to do next."""
    doubted = [belief for belief in calibration.nodes if belief.finding.verdict.suspicious]
    lines = [f"{belief.node} {belief.finding.verdict}: {belief.finding.reason}" for belief in doubted]
    if doubted:
        lines.append(
            f"{len(doubted)} of {len(calibration.nodes)} nodes are doubted: look at them. "
            "Of a hundred good nodes about one is doubted by chance."
        )
    if any(belief.finding.verdict in (Verdict.MOVED, Verdict.SWAPPED) for belief in doubted):
        lines.append("Correct the places of moved and swapped nodes in the site file, and calibrate again.")
    if note := SURE.get(calibration.method):
        lines.append(note)
    lines.append(f"{out} is written: mallsense gateway --site SITE.yaml --calibration {out}")
    return lines


def _cells(belief: NodeBelief) -> tuple[str, ...]:
    offset = exponent = "-"
    if belief.offset_db is not None and belief.offset_sd_db is not None:
        offset = f"{belief.offset_db:+.1f} ± {belief.offset_sd_db:.1f}"
    if belief.exponent_sd is not None:
        exponent = f"{belief.exponent:.1f} ± {belief.exponent_sd:.1f}"
    return (
        belief.node, f"{belief.level_dbm:.0f}", offset, exponent, f"{belief.noise_db:.1f}",
        f"{belief.readings:,}", belief.finding.verdict.value,
    )  # fmt: skip
