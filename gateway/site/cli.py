"""`mallsense site`: check, draw and import the model of a mall."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.errors import ConfigurationError
from contracts.site import Site, SourceMap, ZoneKind, dump_site, site_of
from gateway.site.check import check
from gateway.site.draw import draw_floor, to_png
from gateway.site.finding import Finding, Severity
from gateway.site.import_folder import import_folder
from gateway.site.import_imdf import import_imdf
from gateway.site.shapes import shape_of

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The model of a mall, in one YAML file.",
)
console = Console()


@app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="The site file.", show_default=False)],
    draw: Annotated[
        Path | None, typer.Option(help="Draw each floor to this .svg or .png.", show_default=False)
    ] = None,
) -> None:
    """Check a site file: its keys, its references and its geometry. Exits with 1 if there are errors."""
    source = SourceMap.read(read_text(file), str(file))
    site = site_of(source)
    findings = check(site)
    console.print(_summary(site))
    for finding in findings:
        _show(source, finding)
    if draw:
        for path in draw_site(site, draw, findings):
            console.print(Text(f"drawn: {path}"), soft_wrap=True)
    errors = sum(finding.severity == Severity.ERROR for finding in findings)
    warnings = len(findings) - errors
    console.print(
        Text(f"{file}: {_counted(errors, 'error')}, {_counted(warnings, 'warning')}"), soft_wrap=True
    )
    if errors:
        raise typer.Exit(1)


@app.command("import")
def import_command(
    source: Annotated[
        Path, typer.Argument(help="A floor folder, a folder of them, or an IMDF archive (.zip or folder).")
    ],
    out: Annotated[Path, typer.Option(help="The site file to write.")],
    receivers: Annotated[
        int | None,
        typer.Option(help="Use the planned deployment of this many receivers.", show_default="all"),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Make a site file of the maps that a mall has, and say what had to be guessed."""
    if out.exists() and not force:
        raise ConfigurationError(
            f"{out}: is there already", "Name another file, or overwrite it with --force."
        )
    is_imdf = source.suffix == ".zip" or (source / "manifest.json").exists()
    imported = import_imdf(source) if is_imdf else import_folder(source, receivers)
    write(out, dump_site(imported.site).encode())
    for note in imported.notes:
        console.print(Text(f"note: {note}"), soft_wrap=True)
    console.print(_summary(imported.site))
    look = f"mallsense site check {out} --draw {out.with_suffix('.svg')}"
    console.print(Text(f"written: {out}; look at it with: {look}"), soft_wrap=True)


def read_text(file: Path) -> str:
    """Return the text of a file. Raises `ConfigurationError` where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}", "Check the path.") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{file}: not UTF-8: {error.reason} at byte {error.start}", "Expected a site file, which is YAML."
        ) from error


def write(file: Path, content: bytes) -> None:
    """Write a file. Raises `ConfigurationError` where that cannot be done."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise ConfigurationError(
            f"{file}: cannot be written: {error.strerror}", "Name a file in a folder that is there."
        ) from error


def draw_site(site: Site, out: Path, findings: list[Finding]) -> list[Path]:
    """Draw every floor; with several floors their ids are put before the suffix. Returns the files.

    Raises:
        ConfigurationError: `out` ends neither in .svg nor in .png, or cannot be written.

    """
    if out.suffix not in (".svg", ".png"):
        raise ConfigurationError(
            f"{out}: cannot draw {out.suffix or 'this'}", "Name a file that ends in .svg or .png."
        )
    paths = []
    for floor in site.floors:
        path = out if len(site.floors) == 1 else out.with_stem(f"{out.stem}-{floor.id}")
        svg = draw_floor(site, floor, findings)
        write(path, to_png(svg) if out.suffix == ".png" else svg.encode())
        paths.append(path)
    return paths


def _summary(site: Site) -> Table:
    table = Table(
        title=f"{site.mall.name.en} ({site.mall.id})", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    kinds = [kind for kind in ZoneKind if any(zone.kind == kind for _, zone in site.zones())]
    for heading in ("floor", "level", "m2", *(kind.value for kind in kinds), "nodes", "m2/node"):
        table.add_column(heading, justify="left" if heading == "floor" else "right", no_wrap=True)
    for floor in site.floors:
        area_m2 = shape_of(floor.outline).area
        zones = Counter(zone.kind for zone in floor.zones)
        nodes = sum(node.floor == floor.id for node in site.nodes)
        table.add_row(
            floor.id,
            str(floor.level),
            f"{area_m2:,.0f}",
            *(str(zones[kind]) for kind in kinds),
            str(nodes),
            f"{area_m2 / nodes:,.0f}" if nodes else "-",
        )
    return table


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _show(source: SourceMap, finding: Finding) -> None:
    colour = "red" if finding.severity == Severity.ERROR else "yellow"
    console.print(
        Text.assemble(
            (f"{source.where(finding.path)}: ", "bold"),
            (f"{finding.severity}: ", colour),
            f"{finding.what}\n",
        )
        + Text(f"    {finding.todo}", style="dim"),
        soft_wrap=True,
    )
