"""`mallsense node`: what nodes are installed from, who they are, how they are."""

import json
import os
import time
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.errors import ConfigurationError
from contracts.site import Site
from contracts.site.read import read_site
from firmware_configs import balena, raspberry_pi_os
from firmware_configs.balena_account import Device, Fleet, connect
from firmware_configs.configure import configure
from firmware_configs.fleet_state import NodeState, ask_gateway
from firmware_configs.mall_secrets import NodeSecrets, node_secrets
from firmware_configs.plan import NodePlan
from firmware_configs.tree import read_wheels, reads_plates, write_tree

app = typer.Typer(
    help="Install nodes: render what they are made of, provision them, list them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.command()(configure)

OS_VERSION = "6.10.7"
"""The first balenaOS that brings firmware of adapters it does not know (`extra-firmware`)."""


class Target(StrEnum):
    """Ways to install a node."""

    RASPBERRY_PI_OS = "raspberry-pi-os"
    BALENA = "balena"


SiteFile = Annotated[Path, typer.Option("--site", help="The mall's site file.", show_default=False)]
FleetSlug = Annotated[
    str | None,
    typer.Option(
        "--fleet", help="balena's fleet, as ORG/FLEET.", envvar="MALLSENSE_FLEET", show_default=False
    ),
]


@app.command()
def render(
    node: Annotated[str | None, typer.Argument(help="Id of the node; balena's project is for all.")] = None,
    *,
    site: SiteFile,
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    target: Annotated[Target, typer.Option(help="What the node runs.")] = Target.RASPBERRY_PI_OS,
    authority: Annotated[
        Path | None,
        typer.Option(help="Folder of the mall's authority: brings the node's secrets.", show_default=False),
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option(help="Packages for the node, from `make wheels`.", show_default=False),
    ] = None,
) -> None:
    """Write what a node is installed from: a folder with `install.sh`, or balena's project."""
    console = Console(stderr=True)
    mall = read_site(site)
    packages = read_wheels(wheels) if wheels else None
    if packages is None:
        console.print("No --wheels: for nodes that have the packages already.", style="yellow")
    if target is Target.BALENA:
        tree = balena.project(mall, wheels=packages)
        written = write_tree(out, tree)
        console.print(
            f"{out}: {len(written)} of {len(tree)} files written. Next: balena push FLEET --source {out}"
        )
        return
    if node is None:
        raise ConfigurationError(
            "which node? Name it before the options", "mallsense node render n01 --site ..."
        )
    plan = NodePlan.of(mall, node)
    if packages is not None and plan.node.cameras and not reads_plates(packages):
        raise ConfigurationError(
            f"node {node} has cameras, and {wheels} holds nothing that reads plates",
            "Fetch the packages for it with `make wheels CAMERAS=1`, and name dist/camera-node.",
        )
    secrets = _secrets(authority, plan) if authority else None
    if secrets is None:
        console.print("No --authority: this node gets no certificate and no key.", style="yellow")
    tree = raspberry_pi_os.bundle(plan, secrets, packages)
    written = write_tree(out, tree, replace=True)
    console.print(
        f"{out}: {len(written)} of {len(tree)} files written. Next, on the node: sudo sh install.sh"
    )


@app.command()
def provision(
    nodes: Annotated[
        list[str] | None,
        typer.Argument(help="Ids of nodes; none = all of the site file.", show_default=False),
    ] = None,
    *,
    site: SiteFile,
    authority: Annotated[
        Path,
        typer.Option(help="Folder of the mall's authority; made where there is none.", show_default=False),
    ],
    fleet: FleetSlug = None,
    device_type: Annotated[
        str, typer.Option(help="With --fleet: balena's name of the Pi.")
    ] = "raspberrypi4-64",
    os_version: Annotated[
        str, typer.Option(help="With --fleet: version of the balenaOS image.")
    ] = OS_VERSION,
    out: Annotated[
        Path, typer.Option(help="With --fleet: folder of balena's project, for the cards' config.json.")
    ] = Path("balena"),
    new_card: Annotated[
        bool, typer.Option("--new-card", help="With --fleet: a new config.json, also where there is one.")
    ] = False,
) -> None:
    """Make nodes known: their certificates, the mall's key, and with --fleet their places in balena's cloud.

    May be run as often as you like: what is there and good stays. A node that is replaced keeps its place.
    """
    mall = read_site(site)
    plans = [NodePlan.of(mall, node) for node in nodes or [node.id for node in mall.nodes]]
    cloud = connect(fleet) if fleet else None
    if cloud is not None:
        changes = cloud.set_fleet_variables(balena.fleet_variables(mall), balena.FLEET_CONFIGURATION)
        typer.echo(f"{fleet}: {_words(changes.made)}")
    for plan in plans:
        secrets = _secrets(authority, plan)
        typer.echo(f"{plan.node.id}: certificate in {authority / 'issued'}")
        if cloud is not None:
            _provision_device(cloud, plan, secrets, device_type, os_version, out, new_card=new_card)


def _provision_device(
    cloud: Fleet,
    plan: NodePlan,
    secrets: NodeSecrets,
    device_type: str,
    os_version: str,
    out: Path,
    *,
    new_card: bool,
) -> None:
    node = plan.node.id
    device = cloud.device(node)
    if device is None:
        device = cloud.register(node, device_type, plan.node.note)
        typer.echo(f"{node}: registered as device {device.uuid[:7]}")
    changes = cloud.set_device_variables(device, balena.node_variables(plan, secrets))
    typer.echo(f"{node}: {_words(changes.made)}")
    path = out / "nodes" / node / "config.json"
    if new_card or not _is_card_of(path, device):
        issued = cloud.card(device, device_type=device_type, os_version=os_version)
        write_tree(path.parent, {path.name: balena.config_json(plan, issued)})
        typer.echo(f"{node}: {path} written; copy it onto the card's partition resin-boot")


def _is_card_of(path: Path, device: Device) -> bool:
    """Tell whether a config.json is there that makes a card this device."""
    try:
        return bool(json.loads(path.read_bytes()).get("uuid") == device.uuid)
    except (OSError, ValueError, AttributeError):
        return False


@app.command("list")
def list_nodes(
    *,
    site: SiteFile,
    gateway: Annotated[str, typer.Option(help="Address of the mall's gateway.")] = "http://127.0.0.1:8000",
    fleet: FleetSlug = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Show every node of the site: how it is, what to do about it, with --fleet also what balena knows."""
    mall = read_site(site)
    states = ask_gateway(gateway, os.environ.get("MALLSENSE_TOKEN"))
    devices = {device.node: device for device in connect(fleet).devices()} if fleet else None
    if as_json:
        for node in mall.nodes:
            state, device = states.get(node.id), (devices or {}).get(node.id)
            row = {"node": node.id, "floor": node.floor, "gateway": msgspec.to_builtins(state)}
            typer.echo(json.dumps(row | ({"balena": device and device._asdict()} if fleet else {})))
        return
    Console().print(_table(mall, states, devices, now_ms=round(time.time() * 1000)))


_COLOURS = {"online": "green", "silent": "yellow", "offline": "red"}


def _table(
    mall: Site, states: dict[str, NodeState], devices: dict[str, Device] | None, *, now_ms: int
) -> Table:
    table = Table("node", "floor", "state", "last heard", "per minute", "waiting", "version", "what to do")
    if devices is not None:
        table.add_column("balena")
    for node in mall.nodes:
        state = states.get(node.id) or NodeState(node.id, "unknown")
        cells: list[str | Text] = [
            node.id,
            node.floor,
            Text(state.state, style=_COLOURS.get(state.state, "dim")),
            "" if state.last_ms is None else _ago(now_ms - state.last_ms),
            f"{state.observations_per_min:,}" if state.state == "online" else "",
            f"{state.spooled:,}" if state.spooled else "",
            state.software or "",
            _advice(node.id, state),
        ]
        table.add_row(*cells, *([_balena(devices.get(node.id))] if devices is not None else []))
    return table


def _advice(node: str, state: NodeState) -> str:
    if state.state == "unknown":
        return "The gateway runs with another site file: it does not know this node."
    if state.state == "never" and not state.advice:
        return f"Install it: mallsense node render {node} ..."
    return (state.advice or {}).get("en", "")


def _balena(device: Device | None) -> str:
    if device is None:
        return "not registered"
    state = (
        "online" if device.is_online else f"offline since {device.last_seen[:16].replace('T', ' ') or 'ever'}"
    )
    return ", ".join(filter(None, (state, device.os_version)))


def _ago(behind_ms: int) -> str:
    seconds = max(behind_ms, 0) // 1000
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _words(made: list[str]) -> str:
    return f"set {', '.join(made)}" if made else "variables as they should be"


def _secrets(authority: Path, plan: NodePlan) -> NodeSecrets:
    return node_secrets(authority, plan.node.id, mall=plan.site.mall.id, now=datetime.now(UTC))
