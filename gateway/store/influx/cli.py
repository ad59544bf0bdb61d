"""`mallsense store`: what a mall needs of its InfluxDB, made and checked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.errors import ConfigurationError, MallsenseError
from contracts.site.read import read_site
from gateway.store.influx import setup_v1, setup_v2, setup_v3
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from gateway.store.influx.errors import LOGIN
from gateway.store.influx.figure_history import figures
from gateway.store.influx.migrate import migrate
from gateway.store.influx.options import Address, Ca
from gateway.store.influx.setup import Plan, Setup, Step, Wish, logged_in
from gateway.store.influx.setup_logins import Logins, new_password, read_login, write_login

app = typer.Typer(
    help="Set up and check where a mall's history is kept.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def store() -> None:
    """Set up and check where a mall's history is kept."""


app.command()(migrate)
app.command()(figures)


@app.command()
def init(
    address: Address,
    *,
    site: Annotated[
        list[Path],
        typer.Option(help="Site file of a mall that is kept there; one for each.", show_default=False),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; end with 1 where something differs.")
    ] = False,
    secrets: Annotated[
        Path | None,
        typer.Option(
            help="Folder for the logins of gateway and Grafana; without it, logins are left as they are.",
            show_default=False,
        ),
    ] = None,
    admin_token_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the administrator's token, user:password for 1.x; a new server gets one.",
            show_default=False,
        ),
    ] = None,
    ca: Ca = None,
    shorten: Annotated[
        bool,
        typer.Option("--shorten", help="Also shorten how long points are kept; deletes what is older."),
    ] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="New logins for gateway and Grafana; the old ones end.")
    ] = False,
) -> None:
    """Make what malls need of an InfluxDB 1.x, 2.x or 3: databases, retention, mappings, logins.

    May be run as often as you like: what is right is left alone.
    """
    if renew and secrets is None:
        raise ConfigurationError("--renew: there is nowhere to put new logins", "Add --secrets DIR.")
    place = InfluxAddress.parse(address, ca=ca)
    plan = Plan.of(place, [read_site(path).retention for path in site])
    client = _connect(place, plan, admin_token_file, check=check)
    console = Console()
    try:
        setup = _setup(client, Wish(plan, shorten, renew and not check), Logins(secrets) if secrets else None)
        rows = list(_walk(setup, check=check))
        console.print(_table(f"{place}   InfluxDB {client.ping()}", rows))
    except ConfigurationError as error:
        if error.hint == LOGIN:
            error.hint = (
                "Check the administrator's login: a token, of a 1.x user:password (--admin-token-file)."
            )
        raise
    finally:
        client.close()
    for hint in dict.fromkeys(step.hint for step, state in rows if state in _BAD and step.hint):
        console.print(hint, soft_wrap=True, highlight=False)
    if secrets is None:
        console.print("No --secrets: users and tokens are left as they are.")
    if any(state in _BAD and (check or not step.works) for step, state in rows):
        raise typer.Exit(1)


_COLOURS = {"ok": "green", "made": "cyan", "changed": "cyan", "missing": "red", "differs": "red"}
_BAD = frozenset({"missing", "differs"})


def _walk(setup: Setup, *, check: bool) -> Iterator[tuple[Step, str]]:
    """Go through the steps, and mend what is not as expected unless this is a check."""
    for step in setup.steps():
        if step.good:
            yield step, "ok"
        elif check or step.mend is None:
            yield step, "differs" if step.found else "missing"
        else:
            step.mend()
            yield step, "changed" if step.found else "made"


def _table(title: str, rows: list[tuple[Step, str]]) -> Table:
    table = Table("what", "expected", "found", "", title=title, title_justify="left")
    for step, state in rows:
        table.add_row(step.what, step.expected, step.found or "nothing", Text(state, style=_COLOURS[state]))
    return table


def _setup(client: InfluxClient, wish: Wish, logins: Logins | None) -> Setup:
    if client.major == 1:
        return setup_v1.SetupV1(client, wish, logins)
    if client.major == 2:
        return setup_v2.SetupV2(client, wish, logins)
    return setup_v3.SetupV3(client, wish, logins)


def _connect(address: InfluxAddress, plan: Plan, admin: Path | None, *, check: bool) -> InfluxClient:
    """Log in as administrator; a server that has none yet gets one."""
    if admin is None:
        return InfluxClient(address)
    login = read_login(admin)
    if login is not None:
        client = InfluxClient(logged_in(address, login))
        if not check:
            _first_admin(client, plan, login, admin)
        return client
    if check:
        raise ConfigurationError(
            f"{admin}: holds no login of an administrator", "Run it once without --check, on a new server."
        )
    return _new_admin(address, plan, admin)


def _new_admin(address: InfluxAddress, plan: Plan, admin: Path) -> InfluxClient:
    """Make the first administrator of a new server; its login is in the file before it counts, but in 3.x."""
    stranger = InfluxClient(address)
    try:
        try:
            major = stranger.major
        except ConfigurationError:  # only 3.x asks for a login to be pinged
            major = 3
        if major == 3:
            write_login(admin, "")  # the server chooses the token: see first that it can be kept
            login = setup_v3.first_admin(stranger)
            write_login(admin, login)
        else:
            login = new_password() if major == 2 else f"{setup_v1.ADMIN}:{new_password()}"
            write_login(admin, login)
            if not _first_admin(stranger, plan, login, admin):
                raise ConfigurationError(f"{address}: has an administrator already")
    except MallsenseError as error:
        admin.unlink(missing_ok=True)
        raise ConfigurationError(
            error.message,
            f"{admin} holds no login of an administrator, and none could be made. Put its token (1.x: "
            "user:password) into that file, readable by you alone, or see that the server is new and runs.",
        ) from error
    finally:
        stranger.close()
    return InfluxClient(logged_in(address, login))


def _first_admin(client: InfluxClient, plan: Plan, login: str, admin: Path) -> bool:
    if client.major == 1:
        return setup_v1.first_admin(client, login)
    if client.major == 2:
        password = new_password()
        if setup_v2.first_admin(client, plan, login, password):
            write_login(admin.with_name(f"{admin.name}-password"), password)
            return True
    return False
