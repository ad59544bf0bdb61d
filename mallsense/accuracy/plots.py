"""Pictures of accuracy: how large errors are, whether error bars are honest, and where errors lie.

Only `mallsense evaluate --report` draws; it needs the extra `report`.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from PIL import Image
from shapely.affinity import translate

from contracts.site import Area, ZoneKind
from mallsense.accuracy.running import Outcome
from mallsense.textbook import ML, NEAREST

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
"""Told apart by everybody (Okabe and Ito, 2008); one a data set."""

LINES = ("-", "--", ":", "-.")
"""One a deployment, the one in the middle first."""

MARKERS = {ML: ("o", "ML"), NEAREST: ("s", "kNN")}

QUANTILES = np.linspace(0.0, 1.0, 201)
ERROR_M = (1.0, 30.0)
"""Ends of the colours of the map."""

STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.hashsalt": "mallsense",
}


def draw_errors(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Draw which share of errors is below how many metres, with the medians of textbook methods."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2), layout="constrained")
        axes = figure.subplots()
        shown = set()
        for outcome, (colour, line) in zip(outcomes, _styles(outcomes), strict=True):
            error_m = np.quantile(outcome.comparison.distance_m, QUANTILES)
            axes.plot(error_m, QUANTILES, line, color=colour, lw=1.6, label=_label(outcome))
            for method, median_m, _ in outcome.textbook:
                if method in MARKERS and line == "-":
                    axes.plot(median_m, 0.5, MARKERS[method][0], color=colour, mec="white", ms=7, zorder=3)
                    shown.add(method)
        for method in (method for method in MARKERS if method in shown):
            label = f"textbook {MARKERS[method][1]}, median"
            axes.plot([], [], MARKERS[method][0], color="#777777", mec="white", ms=7, ls="none", label=label)
        axes.set_xscale("log")
        axes.set(xlim=(0.3, 60), ylim=(0, 1), xlabel="error in metres", ylabel="share of instants")
        axes.set_xticks((0.5, 1, 2, 5, 10, 20, 50), ("0.5", "1", "2", "5", "10", "20", "50"))
        axes.minorticks_off()
        axes.set_yticks((0, 0.25, 0.5, 0.75, 0.95), ("0", "25 %", "50 %", "75 %", "95 %"))
        axes.grid(color="#dddddd", lw=0.6)
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        _save_svg(figure, path)


def draw_calibration(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Draw which share of truths lies inside the regions of every stated probability."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.4, 4.4), layout="constrained")
        axes = figure.subplots()
        axes.plot((0, 1), (0, 1), color="#999999", lw=1)
        axes.text(0.38, 0.42, "honest", rotation=45, rotation_mode="anchor", color="#777777", fontsize=8)
        axes.text(0.04, 0.93, "regions too large", color="#777777", fontsize=8)
        axes.text(0.96, 0.05, "regions too small", color="#777777", fontsize=8, ha="right")
        for outcome, (colour, line) in zip(outcomes, _styles(outcomes), strict=True):
            stated = np.sort(outcome.comparison.stated_probability)
            inside = np.searchsorted(stated, QUANTILES, side="right") / max(1, len(stated))
            axes.plot(QUANTILES, inside, line, color=colour, lw=1.6, label=_label(outcome))
        for level in (0.68, 0.95):
            axes.axvline(level, color="#bbbbbb", lw=0.8, ls=":", zorder=0)
        ticks, words = (0, 0.25, 0.5, 0.68, 0.95), ("0", "25 %", "50 %", "68 %", "95 %")
        axes.set_xticks(ticks, words)
        axes.set_yticks(ticks, words)
        axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        axes.set(xlabel="stated probability of the region", ylabel="share of truths inside")
        axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
        _save_svg(figure, path)


def draw_map(path: Path, outcome: Outcome) -> None:
    """Draw the floor of an outcome, its receivers, and where the device was in truth, coloured by error."""
    left, low, right, high = _moved(outcome.floor.outline, outcome).bounds
    width = 8.0
    with mpl.rc_context(STYLE):
        figure = Figure(
            figsize=(width, 0.6 + width * 0.86 * (high - low) / (right - left)), layout="constrained"
        )
        axes = figure.subplots()
        _draw_floor(axes, outcome)
        comparison = outcome.comparison
        worst_last = np.argsort(comparison.distance_m)
        x_m, y_m = comparison.true_xy_m[worst_last].T
        dots = axes.scatter(
            x_m,
            y_m,
            c=np.maximum(comparison.distance_m[worst_last], 1e-3),
            norm=LogNorm(*ERROR_M),
            cmap="viridis_r",
            s=11,
            lw=0,
        )
        places = outcome.data.receiver_xyz_m
        axes.plot(*places[:, :2].T, "^", color="#d55e00", mec="white", ms=6.5, mew=0.7, label="receiver")
        bar = figure.colorbar(dots, ax=axes, shrink=0.8, pad=0.01, extend="both")
        bar.set_label("error in metres")
        bar.set_ticks((1, 2, 5, 10, 20, 30), labels=("1", "2", "5", "10", "20", "30"))
        bar.minorticks_off()
        axes.set_title(f"{_label(outcome)}: median {outcome.score.median_m:.1f} m", loc="left", fontsize=10)
        axes.set(aspect="equal", xlabel="metres", ylabel="metres")
        margin_m = 0.02 * (right - left)
        axes.set(xlim=(left - margin_m, right + margin_m), ylim=(low - margin_m, high + margin_m))
        axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0), borderpad=0)
        _save_png(figure, path)


def _styles(outcomes: Sequence[Outcome]) -> list[tuple[str, str]]:
    """Return colour and line of each: the same colour for a data set, the same line for a deployment."""
    names = list(dict.fromkeys(outcome.name for outcome in outcomes))
    styles = []
    for outcome in outcomes:
        sizes = sorted({other.receivers for other in outcomes if other.name == outcome.name})
        middle = sizes[(len(sizes) - 1) // 2]
        order = [middle, *(size for size in sizes if size != middle)]
        line = LINES[order.index(outcome.receivers) % len(LINES)]
        styles.append((COLOURS[names.index(outcome.name) % len(COLOURS)], line))
    return styles


def _label(outcome: Outcome) -> str:
    return f"{outcome.name}, {outcome.receivers} receivers"


def _draw_floor(axes: Axes, outcome: Outcome) -> None:
    outline = _moved(outcome.floor.outline, outcome)
    _fill(axes, outline, face="#fbfaf7", edge="none", line=0.0)
    for zone in outcome.floor.zones:
        if zone.kind in (ZoneKind.SHOP, ZoneKind.FACILITY):
            _fill(axes, _moved(zone.area, outcome), face="#e9e7e1", edge="#c9c6be", line=0.5)
    for ring in (ring for polygon in outline.geoms for ring in (polygon.exterior, *polygon.interiors)):
        axes.plot(*np.array(ring.coords).T, color="#555555", lw=1.0)


def _moved(area: Area, outcome: Outcome) -> shapely.MultiPolygon:
    """Return an area of the site where the files of the data set say it is."""
    dx_m, dy_m, _ = outcome.placed.offset_m
    polygons = [shapely.Polygon(rings[0], rings[1:]) for rings in area.polygons]
    return translate(shapely.MultiPolygon(polygons), -dx_m, -dy_m)


def _fill(axes: Axes, shape: shapely.MultiPolygon, *, face: str, edge: str, line: float) -> None:
    for polygon in shape.geoms:
        rings = [np.array(polygon.exterior.coords)]
        axes.add_collection(PolyCollection(rings, facecolors=face, edgecolors=edge, linewidths=line))
        holes = [np.array(ring.coords) for ring in polygon.interiors]
        if holes:
            axes.add_collection(PolyCollection(holes, facecolors="white", edgecolors=edge, linewidths=line))


def _save_svg(figure: Figure, path: Path) -> None:
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _save_png(figure: Figure, path: Path) -> None:
    """Save with 256 colours, which a map does not miss: a third of the bytes."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=110)
    picture = Image.open(memory).convert("RGB").quantize(256)
    picture.save(path, format="PNG", optimize=True)
