"""The commands of the gateway: `mallsense gateway` and `mallsense events`."""

import logging
import os
import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.events import EventKind
from gateway.api.guarding import parse_origin
from gateway.auth import Credentials
from gateway.broker import DEFAULT_PORT
from gateway.following import Wanted, over_http, over_mqtt
from gateway.people import MallPeople, read_people
from gateway.runtime import Gateway, Settings
from gateway.showing import Table
from gateway.sources import read_calibration, read_site
from gateway.store.place import find_place

_log = logging.getLogger(__name__)

Store = Annotated[
    str | None,
    typer.Option(
        help="Where history is kept: a file, or an InfluxDB as influx://HOST/DATABASE (influxs:// for TLS). "
        "Without, the site file's store, or mallsense.db.",
        envvar="MALLSENSE_STORE",
        show_default=False,
    ),
]
Journal = Annotated[
    Path | None,
    typer.Option(
        help="With an InfluxDB: the file of what has to be here. Without, mallsense.db.",
        envvar="MALLSENSE_JOURNAL",
        show_default=False,
    ),
]
StoreTokenFile = Annotated[
    Path | None,
    typer.Option(
        help="With an InfluxDB: file with its token, or with user:password for 1.x. "
        "Or set MALLSENSE_STORE_TOKEN.",
        show_default=False,
    ),
]
StoreCa = Annotated[
    Path | None,
    typer.Option(
        help="With influxs://: certificate of the server's authority.",
        envvar="MALLSENSE_STORE_CA",
        show_default=False,
    ),
]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", help="With mqtts://: certificate of the mall's authority.", envvar="MALLSENSE_CA"),
]
Cert = Annotated[
    Path | None,
    typer.Option("--cert", help="With mqtts://: the certificate to log in with.", envvar="MALLSENSE_CERT"),
]
CertKey = Annotated[
    Path | None, typer.Option("--cert-key", help="The private key of --cert.", envvar="MALLSENSE_CERT_KEY")
]


def gateway(
    *,
    site: Annotated[Path, typer.Option(help="The mall's site file.", dir_okay=False)],
    calibration: Annotated[
        Path | None, typer.Option(help="Radio calibration of its nodes (JSON); without it, the textbook's.")
    ] = None,
    people: Annotated[
        Path | None, typer.Option(help="How many people stand behind the devices (mallsense occupancy fit).")
    ] = None,
    store: Store = None,
    journal: Journal = None,
    store_token_file: StoreTokenFile = None,
    store_ca: StoreCa = None,
    broker: Annotated[
        str | None,
        typer.Option(
            help="An MQTT broker: mqtt://user:password@host:port, or mqtts://. Without, an embedded one.",
            envvar="MALLSENSE_BROKER",
        ),
    ] = None,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
    broker_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the embedded broker; 0 for any.")
    ] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than loopback need a password.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the console and the API.")] = 8000,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the password of the console; or set MALLSENSE_PASSWORD.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="File with the token of machines; or set MALLSENSE_TOKEN.")
    ] = None,
    crm_password_file: Annotated[
        Path | None,
        typer.Option(
            help="File with the CRM team's password, who see members; or set MALLSENSE_CRM_PASSWORD."
        ),
    ] = None,
    crm_token_file: Annotated[
        Path | None,
        typer.Option(help="File with the token of the CRM's machines; or set MALLSENSE_CRM_TOKEN."),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            help="A page whose map may draw the floors, like https://grafana.example:3000; may be repeated. "
            "The plan (/api/v1/plan) is readable without login then; nothing else is."
        ),
    ] = None,
) -> None:
    """Run a mall's gateway: MQTT in; positions, visits, the console and the HTTP API out.

    It goes on where the last one stopped. Ctrl-C or SIGTERM ends it; nothing it has received is lost.
    """
    stop = stop_on_signals()
    mall = read_site(site)
    place = find_place(store or mall.store, journal=journal, token_file=store_token_file, ca=store_ca)
    settings = Settings(
        site=mall,
        store=place.file,
        influx=place.influx,
        calibration=read_calibration(calibration) if calibration else None,
        people=read_people(people) if people else MallPeople.assumed(),
        broker=BrokerAddress.parse(broker, ca=ca, cert=cert, cert_key=cert_key) if broker else None,
        broker_port=broker_port,
        host=host,
        port=port,
        credentials=Credentials(
            password=_secret(password_file, "MALLSENSE_PASSWORD"),
            token=_secret(token_file, "MALLSENSE_TOKEN"),
            crm_password=_secret(crm_password_file, "MALLSENSE_CRM_PASSWORD"),
            crm_token=_secret(crm_token_file, "MALLSENSE_CRM_TOKEN"),
        ),
        allow_origins=tuple(map(parse_origin, allow_origin or ())),
    )
    with Gateway(settings) as running:
        typer.echo(f"console {running.url}   broker {running.broker}   store {place}   (Ctrl-C ends it)")
        while not stop.wait(0.2):
            running.wait(0)


def events(
    *,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on showing events as they happen.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON document a line, as it was sent.")
    ] = False,
    zone: Annotated[list[str] | None, typer.Option(help="Only this zone; may be repeated.")] = None,
    kind: Annotated[list[EventKind] | None, typer.Option(help="Only this kind; may be repeated.")] = None,
    url: Annotated[str, typer.Option(help="A gateway's address.")] = "http://127.0.0.1:8000",
    broker: Annotated[
        str | None, typer.Option(help="Take events from this MQTT broker instead; always follows.")
    ] = None,
    ca: Ca = None,
    cert: Cert = None,
    cert_key: CertKey = None,
    mall: Annotated[str | None, typer.Option(help="With --broker: only this mall.")] = None,
    newest: Annotated[int, typer.Option(min=1, max=1000, help="How many past events to show first.")] = 20,
) -> None:
    """Show zone events: visits that start, go on and end, and people who leave the mall.

    Over HTTP, rows without any pseudonym; over MQTT (--broker), the CloudEvents that a CRM subscribes to.
    MALLSENSE_TOKEN is sent to a gateway that wants a login.
    """
    stop_on_broken_pipe()
    wanted = Wanted(frozenset(zone or ()), frozenset(kind or ()))
    if broker is not None:
        happenings = over_mqtt(
            BrokerAddress.parse(broker, ca=ca, cert=cert, cert_key=cert_key), mall, wanted=wanted
        )
    else:
        token = os.environ.get("MALLSENSE_TOKEN")
        happenings = over_http(url, token, newest=newest, follow=follow, wanted=wanted)
    table = Table()
    try:
        for happening in happenings:
            if as_json:
                print(happening.raw.decode(), flush=True)
            else:
                table.show(happening)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def stop_on_broken_pipe() -> None:
    """End quietly when the reader of the output has gone, as other filters do."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def stop_on_signals() -> threading.Event:
    """Give an event that SIGTERM and Ctrl-C set."""
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def _secret(file: Path | None, variable: str) -> str | None:
    if file is None:
        return os.environ.get(variable) or None
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigurationError(f"cannot read {file}: {error.strerror}", f"Or set {variable}.") from error
