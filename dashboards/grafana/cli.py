"""`mallsense dashboards`: dashboards for Grafana, written as files or pushed."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import ConfigurationError
from contracts.site import Site
from contracts.site.read import read_site
from dashboards.grafana import provisioning
from dashboards.grafana.catalogue import Wanted
from dashboards.grafana.provisioning import Access, Influx
from dashboards.grafana.pushing import Grafana, Outcome
from dashboards.grafana.sources import Kind

app = typer.Typer(
    help="Dashboards and alerts for Grafana: write them as files, or push them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
SECRET_AT = "/run/secrets/grafana_figures"  # noqa: S105  # where it is, not what it is


class Words(StrEnum):
    """In which languages there are dashboards."""

    EN = "en"
    ZH = "zh"
    BOTH = "both"


Sites = Annotated[list[Path], typer.Argument(help="Site files, one for each mall.", show_default=False)]
SourceKind = Annotated[
    Kind, typer.Option(help="What the dashboards ask: the central InfluxDB, or the gateway itself.")
]
Languages = Annotated[Words, typer.Option("--lang", help="Language; both = two folders.")]
Gateway = Annotated[
    list[str],
    typer.Option(
        help="The gateway's address as browsers reach it, for floor plans; of several malls MALL=URL each.",
        show_default=False,
    ),
]
Inside = Annotated[
    list[str] | None,
    typer.Option(
        help="With infinity: the gateway's address as the Grafana server reaches it, if it is another.",
        show_default=False,
    ),
]
InfluxUrl = Annotated[str, typer.Option(help="With influxql: InfluxDB, as the Grafana server reaches it.")]
Database = Annotated[
    str, typer.Option(help="With influxql: the gateway's database; its figures lie beside it.")
]
InfluxUser = Annotated[
    str | None,
    typer.Option(
        help="With influxql: the user of an InfluxDB 1.x; 2.x and 3.x have a token.", show_default=False
    ),
]


@app.command()
def render(
    sites: Sites,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)],
    gateway: Gateway,
    source: SourceKind = Kind.INFLUXQL,
    lang: Languages = Words.BOTH,
    gateway_inside: Inside = None,
    influx_url: InfluxUrl = "http://influxdb:8086",
    database: Database = "mallsense",
    influx_user: InfluxUser = None,
    secret_at: Annotated[
        str, typer.Option(help="File with the token or password of the data source, on the Grafana server.")
    ] = SECRET_AT,
    installed: Annotated[
        str, typer.Option(help="Where the Grafana server finds what is written.")
    ] = provisioning.INSTALLED,
) -> None:
    """Write what Grafana is provisioned from: data sources, dashboards, alert rules. No secret is written."""
    wanted, inside = _wanted(sites, source, lang, gateway, gateway_inside)
    if not Path(secret_at).is_absolute():
        raise ConfigurationError(
            f"--secret-at: expected an absolute path on the Grafana server, found {secret_at}",
            f"It is not read here. The default is {SECRET_AT}.",
        )
    access = Access(Influx(influx_url, database, influx_user), inside, f"$__file{{{secret_at}}}")
    files = provisioning.tree(wanted, access, installed)
    changed = provisioning.write(out, files)
    typer.echo(f"{out}: {len(files)} files, {len(changed)} of them changed.")
    typer.echo(f"Grafana reads {out}/provisioning and {out}/dashboards as {installed}/… (docs/grafana.md).")


@app.command()
def push(
    sites: Sites,
    *,
    url: Annotated[str, typer.Option(help="Grafana's address.", show_default=False)],
    token_file: Annotated[
        Path, typer.Option(help="File with the token of a service account.", show_default=False)
    ],
    gateway: Gateway,
    secret_file: Annotated[
        Path,
        typer.Option(
            help="File with the token, password or user:password that Grafana reads figures with.",
            show_default=False,
        ),
    ],
    source: SourceKind = Kind.INFLUXQL,
    lang: Languages = Words.BOTH,
    gateway_inside: Inside = None,
    influx_url: InfluxUrl = "http://influxdb:8086",
    database: Database = "mallsense",
    influx_user: InfluxUser = None,
    renew_secret: Annotated[
        bool, typer.Option("--renew-secret", help="Write the secret also where nothing else has changed.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Put data sources, folders, dashboards and alert rules into a running Grafana, and say what changed."""
    wanted, inside = _wanted(sites, source, lang, gateway, gateway_inside)
    secret = _secret(secret_file, "--secret-file")
    user, colon, password = secret.partition(":")
    if colon and source is Kind.INFLUXQL and influx_user in {None, user}:
        # As `mallsense store init` writes it for a 1.x; a token has no colon.
        influx_user, secret = user, password
    access = Access(Influx(influx_url, database, influx_user), inside, secret)
    grafana = Grafana(url, _secret(token_file, "--token-file"), dry_run=dry_run)
    table = Table("what", "name", "would be" if dry_run else "", box=None)
    counts = dict.fromkeys(Outcome, 0)
    try:
        for change in grafana.push(wanted, access, renew=renew_secret):
            counts[change.outcome] += 1
            table.add_row(change.what, change.name, str(change.outcome))
    finally:
        if table.rows:  # also what was done before something failed
            Console().print(table)
    typer.echo(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))


def _wanted(
    sites: list[Path], kind: Kind, words: Words, gateway: list[str], inside: list[str] | None
) -> tuple[Wanted, dict[str, str]]:
    read = [read_site(path) for path in sites]
    ids = [site.mall.id for site in read]
    if twice := {each for each in ids if ids.count(each) > 1}:
        raise ConfigurationError(
            f"two site files are of the mall {', '.join(sorted(twice))}", "Give each mall's file once."
        )
    outside = _addresses("--gateway", gateway, read)
    reached = _addresses("--gateway-inside", inside, read) if inside else outside
    return Wanted(read, kind, str(words), outside), reached


def _addresses(option: str, given: list[str], sites: list[Site]) -> dict[str, str]:
    """Give every mall's address; a single mall's needs no name before it."""
    known = [site.mall.id for site in sites]
    found = {}
    for text in given:
        mall, equals, address = text.partition("=")
        if not equals or mall not in known:
            mall, address = (known[0], text) if len(known) == 1 else ("", text)
        if not mall or not address.startswith(("http://", "https://")):
            raise ConfigurationError(
                f"{option}: expected {'MALL=' if len(known) > 1 else ''}http://… or https://…, found"
                f" {text!r}",
                f"The malls of these site files are {', '.join(known)}.",
            )
        found[mall] = address.rstrip("/")
    if missing := [mall for mall in known if mall not in found]:
        raise ConfigurationError(
            f"{option}: no address of the gateway of {', '.join(missing)}", f"Add {option} {missing[0]}=URL."
        )
    return found


def _secret(path: Path, option: str) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ConfigurationError(f"{option}: cannot read {path}: {reason}", "Check the path.") from error
    if not secret or len(secret.split()) > 1:
        raise ConfigurationError(
            f"{option}: {path} is empty, or holds more than one word", "It holds the secret and nothing else."
        )
    return secret
