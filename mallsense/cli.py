"""The `mallsense` command: a table of commands that live in their packages and are imported when called.

`mallsense --help` imports none of them, so it is fast and works on a node that lacks the gateway's packages.
"""

import importlib
import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple, NoReturn

import typer
from rich.console import Console
from rich.text import Text
from typer.core import TyperCommand, TyperGroup

from contracts.errors import MallsenseError
from mallsense import __version__

_log = logging.getLogger(__name__)
_OWN = {
    "contracts",
    "dashboards",
    "edge_agent",
    "firmware_configs",
    "gateway",
    "mallsense",
    "positioning",
    "simulators",
}


class Entry(NamedTuple):
    """One command: where it is found ("module:function" or "module:typer_app"), its extra, its one line."""

    target: str
    extra: str
    help: str


COMMANDS = {
    "demo": Entry("mallsense.demo:demo", "gateway", "Show a living mall in the browser, all in one process."),
    "gateway": Entry(
        "gateway.cli:gateway", "gateway", "Run a mall's gateway: MQTT in; positions, visits out."
    ),
    "edge": Entry("edge_agent.cli:edge", "edge", "Run a node: a source of observations, sent over MQTT."),
    "doctor": Entry(
        "edge_agent.doctor_cli:doctor", "edge", "Say what is wrong with this node, and what to do."
    ),
    "opt-out": Entry(
        "edge_agent.opt_out_cli:app", "edge", "People who asked not to be observed: the mall's list."
    ),
    "members": Entry(
        "edge_agent.members_cli:app", "edge", "Digests of members' phones and plates, for who holds the key."
    ),
    "simulate": Entry(
        "simulators.cli:simulate", "gateway", "Play a mall that does not exist, with its truth."
    ),
    "car-park": Entry(
        "simulators.car_park.cli:app", "gateway", "Play a car park that does not exist, with its truth."
    ),
    "calibrate": Entry(
        "mallsense.calibrate:calibrate", "gateway", "Learn how a site's nodes hear; find ill ones."
    ),
    "replay": Entry("mallsense.replay:replay", "gateway", "Play recorded radio into a gateway over MQTT."),
    "evaluate": Entry(
        "mallsense.evaluate:evaluate", "gateway", "Score positions and visits against the truth."
    ),
    "devices": Entry("mallsense.devices:devices", "gateway", "Put captured frames together into devices."),
    "plates": Entry("mallsense.plates_group:app", "edge", "Read plates of pictures, of a video; enrol them."),
    "occupancy": Entry(
        "mallsense.occupancy:app", "gateway", "Count people by their devices, with intervals."
    ),
    "events": Entry("gateway.cli:events", "gateway", "Show zone events as they happen."),
    "promotions": Entry(
        "gateway.promotions_cli:app", "gateway", "Promotions that charts mark: add, list and remove."
    ),
    "crm": Entry("gateway.crm.cli:app", "gateway", "Members who agreed: consent, what is held, erasure."),
    "node": Entry("firmware_configs.cli:app", "fleet", "Install nodes: render, provision and list them."),
    "broker": Entry(
        "firmware_configs.broker.cli:app", "fleet", "Set up the mall's broker: TLS, rights, certificates."
    ),
    "server": Entry(
        "mallsense.server:app", "fleet,grafana", "Install a mall's server: broker, InfluxDB, Grafana."
    ),
    "store": Entry(
        "gateway.store.influx.cli:app", "influx", "Set up and check the InfluxDB that history is kept in."
    ),
    "dashboards": Entry(
        "dashboards.grafana.cli:app", "grafana", "Dashboards and alerts for Grafana: write or push them."
    ),
    "site": Entry("gateway.site.cli:app", "gateway", "Check, import and draw the model of a mall."),
}


class LazyGroup(TyperGroup):
    """A group that knows its commands by `COMMANDS` and imports one only when it is called."""

    def __init__(self, **attributes: Any) -> None:
        attributes["commands"] = {name: TyperCommand(name, help=COMMANDS[name].help) for name in COMMANDS}
        super().__init__(**attributes)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Import the command that is called; an unknown name is refused as usual."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name, COMMANDS[name]) if name in COMMANDS else command, rest


def load(name: str, entry: Entry) -> Any:
    """Import the command that `entry` names.

    Raises:
        MallsenseError: a third-party package it needs is not installed.

    """
    module, _, attribute = entry.target.partition(":")
    try:
        target = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if not missing or missing in _OWN:
            raise  # a fault of ours, not a missing extra
        raise MallsenseError(
            f"mallsense {name} needs the package {missing!r}, which is not installed.",
            f"Install it with: pip install 'mallsense[{entry.extra}]'",
        ) from error
    except ImportError as error:  # it is there, and a library of the system or a part of it is not
        if (error.name or "").partition(".")[0] in _OWN:
            raise
        raise MallsenseError(
            f"a package that mallsense {name} needs cannot be loaded: {error}",
            f"Install it again with: pip install --force-reinstall 'mallsense[{entry.extra}]'; where a"
            " library of the system is missing, it is named above.",
        ) from error
    if isinstance(target, typer.Typer):
        group = typer.main.get_command(target)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    single.command(name)(target)
    return typer.main.get_command(single)


app = typer.Typer(cls=LazyGroup, no_args_is_help=True, pretty_exceptions_enable=False)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"mallsense {__version__}")
        raise typer.Exit


@app.callback()
def root(
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show debug logging, and tracebacks of errors.")
    ] = False,
    version: Annotated[  # noqa: ARG001  # its callback has done the work
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Live and historical indoor analytics for shopping malls."""
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        force=True,
    )
    for noisy in ("asyncio", "matplotlib", "PIL", "websockets"):
        logging.getLogger(noisy).setLevel(logging.INFO)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 2 an error one can mend, 130 stopped by Ctrl-C.

    An error nobody expected keeps its traceback and exits with 1.
    """
    # The matrices are small and many: threads of BLAS cost more than they bring, and take other cores' time.
    # It is read when numpy is first imported, which no command has done yet.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    command = typer.main.get_command(app)
    try:
        command.main(args=arguments, prog_name="mallsense")
    except MallsenseError as error:
        _log.debug("the error came from here:", exc_info=error)
        console = Console(stderr=True)
        console.print(Text.assemble(("error: ", "bold red"), error.message), soft_wrap=True)
        if error.hint:
            console.print(Text(error.hint), soft_wrap=True)
        sys.exit(2)
    sys.exit(0)
