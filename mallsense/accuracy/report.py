"""The report of `mallsense evaluate --report FILE`: generated sections of a Markdown file, and its pictures.

A section lies between `<!-- generated: NAME -->` and `<!-- end: NAME -->`; what people wrote around it stays.
Sections that the file lacks are added at its end.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from contracts.errors import ConfigurationError
from mallsense.accuracy.limits import Limits
from mallsense.accuracy.plots import draw_calibration, draw_errors, draw_map
from mallsense.accuracy.running import Outcome
from mallsense.accuracy.tables import markdown, markdown_table
from mallsense.ladder import Step

PICTURES = Path("images", "accuracy")
"""Beside the report."""


def write_report(report: Path, outcomes: Sequence[Outcome]) -> None:
    """Write tables and pictures of outcomes.

    Raises:
        ConfigurationError: the report cannot be written, or its markers do not match.

    """
    drawn = [outcome for outcome in outcomes if len(outcome.comparison.t_s)]
    best = [outcome for outcome in drawn if outcome.step is drawn[0].step]
    sections = {"figures": markdown_table(outcomes)}
    try:
        sections["pictures"] = _pictures(report.parent, best) if best else ""
        sections["limits"] = _limits([one for one in drawn if one.step is Step.SURVEY])
        rewrite(report, sections)
    except OSError as error:
        raise ConfigurationError(f"{report}: cannot be written: {error.strerror or error}") from error


def rewrite(report: Path, sections: Mapping[str, str]) -> None:
    """Replace generated sections of a Markdown file, which is made where there is none.

    Raises:
        ConfigurationError: a section begins and does not end.
        OSError: the file cannot be read or written.

    """
    text = report.read_text(encoding="utf-8") if report.exists() else "# Accuracy\n"
    for name, content in sections.items():
        begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
        block = f"{begin}\n\n{content}\n\n{end}"
        before, found, after = text.partition(begin)
        if not found:
            text = f"{text.rstrip()}\n\n{block}\n"
            continue
        if end not in after:
            raise ConfigurationError(f"{report}: {begin} has no {end} after it", f"Put {end} after it.")
        text = before + block + after.partition(end)[2]
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(text, encoding="utf-8")


def _pictures(folder: Path, outcomes: Sequence[Outcome]) -> str:
    """Draw the pictures; gives the Markdown that shows them."""
    target = folder / PICTURES
    target.mkdir(parents=True, exist_ok=True)
    draw_errors(target / "errors.svg", outcomes)
    draw_calibration(target / "calibration.svg", outcomes)
    lines = [
        _shown("errors.svg", "Share of instants whose error is below so many metres, by data set"),
        _shown("calibration.svg", "Share of truths inside regions of a stated probability, by data set"),
    ]
    for outcome in _one_a_floor(outcomes):
        name = f"map-{outcome.name}.png"
        draw_map(target / name, outcome)
        lines.append(
            _shown(name, f"{outcome.name}: where the device was, coloured by how large the error was")
        )
    return "\n\n".join(lines)


def _shown(name: str, words: str) -> str:
    return f"![{words}]({(PICTURES / name).as_posix()})"


def _one_a_floor(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return the outcome of each floor with the deployment in the middle."""
    floors = dict.fromkeys(outcome.data.folder for outcome in outcomes)
    chosen = []
    for folder in floors:
        own = sorted((one for one in outcomes if one.data.folder == folder), key=lambda one: one.receivers)
        chosen.append(own[(len(own) - 1) // 2])
    return chosen


def _limits(outcomes: Sequence[Outcome]) -> str:
    """Return bounds beside what was reached, as Markdown."""
    headings = (
        "data set", "receivers", "one tick alone", "filter", "filter, errors that last", "reached",
        "level errors: sd", "beyond 3 sd", "correlation",
    )  # fmt: skip
    rows = []
    for outcome in outcomes:
        if (limits := Limits.of(outcome)) is None:
            continue
        pairs = (limits.track_m, limits.lasting_m, limits.reached_m)
        rows.append(
            (
                outcome.name,
                str(outcome.receivers),
                f"{limits.fix_m:.2f}",
                *(f"{median:.2f} / {p95:.1f}" for median, p95 in pairs),
                f"{limits.sd:.2f}",
                f"{limits.tail:.1%}",
                f"{limits.correlation:.2f}",
            )
        )
    return markdown(headings, rows)
