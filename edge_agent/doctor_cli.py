"""`mallsense doctor`: says of a node what is wrong with it, and what to do."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from edge_agent.checks.finding import Finding, Place, State
from edge_agent.cli import (
    DEFAULT_BROKER,
    CaOption,
    CertKeyOption,
    CertOption,
    KeyOption,
    MetricsPortOption,
    SpoolOption,
)
from edge_agent.doctor import examine, is_well
from edge_agent.metrics import PORT

ETC = Path("/etc/mallsense")
"""Where a node is installed."""
STATE = Path("/var/lib/mallsense")
_SHOWN = {
    State.OK: "[green]ok[/green]",
    State.PROBLEM: "[bold red]PROBLEM[/bold red]",
    State.UNKNOWN: "[yellow]not known[/yellow]",
}


def doctor(
    *,
    site: Annotated[
        Path | None,
        typer.Option(
            help="The mall's site file.", envvar="MALLSENSE_SITE", show_default=str(ETC / "site.yaml")
        ),
    ] = None,
    node: Annotated[
        str | None,
        typer.Option(help="Id of the node.", envvar="MALLSENSE_NODE", show_default="from node.env"),
    ] = None,
    broker: Annotated[
        str | None,
        typer.Option(help="mqtt://user:password@host:port, or mqtts://.", envvar="MALLSENSE_BROKER"),
    ] = None,
    ca: CaOption = None,
    cert: CertOption = None,
    cert_key: CertKeyOption = None,
    key: KeyOption = None,
    spool: SpoolOption = None,
    metrics_port: MetricsPortOption = PORT,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for machines.")] = False,
) -> None:
    """Look at this node, say what is wrong and what to do. Exits with 1 if something has to be mended.

    On an installed node it needs no options: `sudo mallsense doctor`. What is not given is taken from
    /etc/mallsense/node.env and the files beside it.
    """
    place = _place(
        _settings(ETC / "node.env"),
        site=site,
        node=node,
        broker=broker,
        ca=ca,
        cert=cert,
        cert_key=cert_key,
        key=key,
        spool=spool,
        metrics_port=metrics_port,
    )
    findings = list(examine(place))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=2))
    else:
        _print(findings, Console())
    if not is_well(findings):
        raise typer.Exit(1)


def _place(settings: dict[str, str], **given: Any) -> Place:
    """Fill in what was not given: from the service's environment, else where a node has it."""

    def path(name: str, installed: Path) -> Path | None:
        if given[name] is not None:
            return cast("Path", given[name])
        named = settings.get(f"MALLSENSE_{name.upper()}")
        return Path(named) if named else installed if installed.exists() else None

    cert = path("cert", ETC / "node.crt")
    return Place(
        site_file=path("site", ETC / "site.yaml") or ETC / "site.yaml",
        node_id=given["node"] or settings.get("MALLSENSE_NODE", "unknown"),
        broker=given["broker"] or settings.get("MALLSENSE_BROKER", DEFAULT_BROKER),
        ca=path("ca", ETC / "ca.crt"),
        cert=cert,
        cert_key=path("cert_key", ETC / "node.key"),
        key=path("key", ETC / "mall.key"),
        spool=given["spool"] or (STATE / "spool.sqlite" if STATE.is_dir() else None),
        metrics_port=given["metrics_port"],
    )


def _settings(path: Path) -> dict[str, str]:
    """Read the environment that the service starts with; empty where there is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip('"') for name, value in pairs}


def _print(findings: Sequence[Finding], console: Console) -> None:
    table = Table.grid(padding=(0, 2))
    for finding in findings:
        words = Text(finding.what)
        if finding.todo:
            words.append(f"\n→ {finding.todo}", style="bold" if finding.state is State.PROBLEM else "")
        table.add_row(Text.from_markup(_SHOWN[finding.state]), finding.about, words)
    console.print(table)
    ill = sum(finding.state is State.PROBLEM for finding in findings)
    if ill:
        console.print(f"\n{ill} {'thing' if ill == 1 else 'things'} to mend.", style="bold red")
    else:
        console.print("\nThis node is well.", style="bold green")
