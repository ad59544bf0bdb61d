"""`mallsense node configure`: change from afar what a node does."""

from pathlib import Path
from typing import Annotated

import typer
from msgspec.structs import asdict, replace
from rich.console import Console

from contracts.broker import BrokerAddress
from contracts.control import NodeConfiguration, RadioSettings
from contracts.errors import ConfigurationError
from contracts.messages import FrameKind
from contracts.site import Site
from contracts.site.read import read_site
from firmware_configs.desired import Outcome, desk

_EXAMPLE = "Write it like wlan1=1 or wlan1=1,6,11."


def configure(
    node: Annotated[str, typer.Argument(help="Id of the node.", show_default=False)],
    *,
    site: Annotated[Path, typer.Option(help="The mall's site file.", show_default=False)],
    broker: Annotated[
        str | None,
        typer.Option(help="mqtts://host:port; by default the site file's.", envvar="MALLSENSE_BROKER"),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="Certificate of the mall's authority.", envvar="MALLSENSE_CA")
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(help="The operator's certificate.", envvar="MALLSENSE_CERT")
    ] = None,
    cert_key: Annotated[
        Path | None, typer.Option(help="The private key of --cert.", envvar="MALLSENSE_CERT_KEY")
    ] = None,
    channels: Annotated[
        list[str] | None, typer.Option(help="Channels of a radio, as wlan1=1,6; repeat for more radios.")
    ] = None,
    dwell: Annotated[float, typer.Option(help="Seconds on each of several channels.")] = 15.0,
    least_rssi: Annotated[int | None, typer.Option(help="Do not report weaker frames, dBm.")] = None,
    frames: Annotated[
        str | None, typer.Option(help="Kinds of frames to report: probe,data,other.", show_default=False)
    ] = None,
    batch: Annotated[float | None, typer.Option(help="Seconds of observations in a message, 0 to 3.")] = None,
    health_every: Annotated[float | None, typer.Option(help="Seconds between two reports of health.")] = None,
    as_installed: Annotated[
        bool, typer.Option("--as-installed", help="Take everything back that was configured from afar.")
    ] = False,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the node's answer.")] = 15.0,
) -> None:
    """Change what a node does, or without options show what it shall do and what it made of that.

    What is not named stays as it was configured before. A node that is off takes it when it is back.
    """
    mall = _site_with(site, node)
    address = _address(mall, broker, ca, cert, cert_key)
    change = _changes(channels, dwell, least_rssi, frames, batch, health_every)
    if change and as_installed:
        raise ConfigurationError(
            "--as-installed: nothing else can be changed with it", "Leave out the others."
        )
    with desk(address, mall.mall.id, node) as at:
        outcome = at.look()
        if as_installed:
            # Not an empty message: a node whose connection is broken just now would not hear of it.
            outcome = at.order(lambda _: NodeConfiguration(node=node, revision=0), timeout_s=wait)
        elif change:
            outcome = at.order(lambda before: replace(before, **change), timeout_s=wait)
    _show(node, outcome, Console())


def _changes(
    channels: list[str] | None,
    dwell_s: float,
    least_rssi_dbm: int | None,
    frames: str | None,
    batch_s: float | None,
    health_every_s: float | None,
) -> dict[str, object]:
    """The fields that options name."""
    given: dict[str, object] = {
        "radios": [_radio(text, dwell_s) for text in channels or ()] or None,
        "least_rssi_dbm": least_rssi_dbm,
        "frame_kinds": _kinds(frames) if frames is not None else None,
        "batch_s": batch_s,
        "health_every_s": health_every_s,
    }
    return {field: value for field, value in given.items() if value is not None}


def _radio(text: str, dwell_s: float) -> RadioSettings:
    interface, _, numbers = text.partition("=")
    try:
        channels = [int(number) for number in numbers.split(",")]
    except ValueError:
        channels = []
    if not interface or not channels:
        raise ConfigurationError(f"--channels: cannot read {text!r}", _EXAMPLE)
    return RadioSettings(interface=interface, channels=channels, dwell_s=dwell_s)


def _kinds(text: str) -> list[FrameKind]:
    try:
        return [FrameKind[name.strip().upper()] for name in text.split(",")]
    except KeyError as error:
        raise ConfigurationError(
            f"--frames: there is no kind {str(error).lower()}",
            f"There are {', '.join(kind.name.lower() for kind in FrameKind)}.",
        ) from None


def _address(
    site: Site, broker: str | None, ca: Path | None, cert: Path | None, cert_key: Path | None
) -> BrokerAddress:
    if broker is None:
        if site.broker is None:
            raise ConfigurationError(
                "where is the broker? The site file does not say", "Name it with --broker."
            )
        broker = f"mqtts://{site.broker.host}:{site.broker.port}"
    return BrokerAddress.parse(broker, ca=ca, cert=cert, cert_key=cert_key)


def _site_with(path: Path, node: str) -> Site:
    site = read_site(path)
    if node not in (known := [each.id for each in site.nodes]):
        raise ConfigurationError(f"{path}: the site has no node {node!r}", f"It has {', '.join(known)}.")
    return site


def _show(node: str, outcome: Outcome, console: Console) -> None:
    console.print(f"{node} shall: {_words(outcome.desired)}", highlight=False)
    applied = outcome.applied
    if applied is None:
        console.print("It has not answered; the broker keeps this for it.", style="yellow")
    elif applied.state == "accepted":
        console.print(f"It works by revision {applied.active}.", style="green")
    else:
        for field, why in applied.refused.items():
            console.print(f"It refuses {field}: {why}", style="red", highlight=False, markup=False)
        console.print(f"It works by revision {applied.active} still.")
        raise typer.Exit(1)


def _words(desired: NodeConfiguration | None) -> str:
    if desired is None:
        return "work as it was installed"
    radios = [f"{r.interface}={','.join(map(str, r.channels))}" for r in desired.radios or ()]
    kinds = [kind.name.lower() for kind in desired.frame_kinds or ()]
    shown = asdict(desired) | {"radios": " ".join(radios) or None, "frame_kinds": ",".join(kinds) or None}
    fields = [f"{name} {value}" for name, value in shown.items() if name not in ("v", "node", "revision")
              and value is not None]  # fmt: skip
    return f"{'; '.join(fields) or 'work as it was installed'} (revision {desired.revision})"
