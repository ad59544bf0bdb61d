"""`mallsense server`: a mall's server, put together from what broker, Grafana and gateway need."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from contracts.errors import ConfigurationError
from contracts.site import Site
from contracts.site.read import read_site
from dashboards.grafana import provisioning
from dashboards.grafana.catalogue import Wanted
from dashboards.grafana.sources import Kind
from firmware_configs.broker import Authority
from firmware_configs.broker.files import writing
from firmware_configs.broker.mosquitto import broker_of
from firmware_configs.server import Pages, ServerPlan, render_server
from firmware_configs.server.render import DATABASE, page_url
from firmware_configs.tree import write_tree
from mallsense import __version__

app = typer.Typer(
    help="Install a mall's server: broker, InfluxDB, Grafana and gateway in containers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def server() -> None:
    """Install a mall's server: broker, InfluxDB, Grafana and gateway in containers."""


@app.command()
def render(
    site: Annotated[
        Path, typer.Argument(help="The mall's site file, with a broker section.", show_default=False)
    ],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write; copy it to the server.", show_default=False)],
    authority: Annotated[
        Path,
        typer.Option(help="Folder of the mall's authority; made where there is none.", show_default=False),
    ],
    wheel: Annotated[
        Path, typer.Option(help="mallsense's wheel, from: pip wheel --no-deps -w dist .", show_default=False)
    ],
    lock: Annotated[Path, typer.Option(help="The packages it runs with.")] = Path("requirements.lock"),
    calibration: Annotated[
        Path | None,
        typer.Option(help="Radio calibration of the nodes (mallsense calibrate).", show_default=False),
    ] = None,
    people: Annotated[
        Path | None,
        typer.Option(
            help="How many people stand behind the devices (mallsense occupancy fit).", show_default=False
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            help="Certificate that browsers see; without, one of the mall's authority.", show_default=False
        ),
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(help="The private key of --certificate.", show_default=False)
    ] = None,
) -> None:
    """Write what a mall's server is installed from: a compose file, and everything its containers read.

    Passwords and tokens are not in it: the server makes its own. Rendering again changes what has changed.
    """
    mall, now = read_site(site), datetime.now(UTC)
    broker_of(mall)  # before anything is written
    plan = ServerPlan(
        site=mall,
        version=__version__,
        wheel=(wheel.name, _read(wheel)),
        lock=_read(lock, "Run this in mallsense's checkout, or name the file with --lock."),
        grafana=_grafana(mall),
        pages=_pages(certificate, certificate_key),
        learnt={
            name: _read(path)
            for name, path in (("calibration", calibration), ("people", people))
            if path is not None
        },
    )
    ours = Authority.open_or_create(authority, mall=mall.mall.id, now=now)
    tree = render_server(plan, ours, now=now)
    written = write_tree(out, tree)
    with writing(out):
        for old in (out / "grafana" / "dashboards").rglob("*.json"):  # nothing else: secrets may be there
            if old.relative_to(out).as_posix() not in tree:
                old.unlink()
    typer.echo(f"{out}: {len(written)} of {len(tree)} files written.")
    typer.echo("Next: copy it to the server, there: sudo sh install.sh (docs/installing-a-server.md)")


def _grafana(site: Site) -> dict[str, str]:
    """Data source, dashboards and alerts in both languages; the token is read by Grafana itself."""
    url = page_url(site)
    wanted = Wanted([site], Kind.INFLUXQL, "both", {site.mall.id: url})
    influx = provisioning.Influx("http://influxdb:8086", DATABASE)
    access = provisioning.Access(influx, {site.mall.id: url}, "$__file{/run/secrets/influxdb-grafana}")
    return provisioning.tree(wanted, access)


def _pages(certificate: Path | None, key: Path | None) -> Pages | None:
    if (certificate is None) != (key is None):
        raise ConfigurationError(
            "--certificate and --certificate-key: expected both or neither", "They belong together."
        )
    if certificate is None or key is None:
        return None
    pages = Pages(_read(certificate), _read(key))
    if not re.search(rb"-----BEGIN CERTIFICATE-----", pages.certificate_pem):
        raise ConfigurationError(f"{certificate}: is no certificate in PEM", "It begins with -----BEGIN.")
    if not re.search(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----", pages.key_pem):
        raise ConfigurationError(f"{key}: is no private key in PEM", "It begins with -----BEGIN.")
    return pages


def _read(path: Path, hint: str = "Check the path.") -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror}", hint) from error
