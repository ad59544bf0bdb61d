"""`mallsense edge`: run a node, on what it hears or on captures."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.site.model import Node, Site
from contracts.site.read import read_site
from edge_agent.agent import run_agent
from edge_agent.camera.keeping import Keeping
from edge_agent.camera.setup import CameraPlan, needs_camera_extra, plan_cameras
from edge_agent.guidance import Guidance
from edge_agent.health import Instruments
from edge_agent.key import create_key_file, new_key, read_key_file
from edge_agent.machine import read_versions
from edge_agent.metrics import PORT, metrics_server
from edge_agent.pace import parse_speed
from edge_agent.progress import progress_bar
from edge_agent.reporting import Progress
from edge_agent.rotation import SaltRotation
from edge_agent.service_manager import ServiceManager
from edge_agent.site_file import node_of
from edge_agent.sources.live import LiveSource
from edge_agent.sources.pcap import PcapSource
from edge_agent.stopping import stop_by_signal

if TYPE_CHECKING:
    from edge_agent.camera.live_source import LiveCameraSource
    from edge_agent.camera.recorded_source import RecordedCameras

BROKER_TIMEOUT_S = 10.0
SHOWN_ON_COMMAND_LINE = (
    "The password of a camera on the command line is seen by everybody on this machine: put the address into"
    " the environment as MALLSENSE_CAMERA_..., or into the service's credentials."
)

SiteOption = Annotated[
    Path, typer.Option(help="The mall's site file.", show_default=False, envvar="MALLSENSE_SITE")
]
NodeOption = Annotated[
    str,
    typer.Option(help="Id of the node, as in the site file.", show_default=False, envvar="MALLSENSE_NODE"),
]
BrokerOption = Annotated[
    str, typer.Option(help="mqtt://user:password@host:port, or mqtts://.", envvar="MALLSENSE_BROKER")
]
CaOption = Annotated[
    Path | None,
    typer.Option(help="With mqtts://: certificate of the mall's authority.", envvar="MALLSENSE_CA"),
]
CertOption = Annotated[
    Path | None,
    typer.Option(help="With mqtts://: the certificate this node logs in with.", envvar="MALLSENSE_CERT"),
]
CertKeyOption = Annotated[
    Path | None, typer.Option(help="The private key of --cert.", envvar="MALLSENSE_CERT_KEY")
]
KeyOption = Annotated[
    Path | None,
    typer.Option(
        help="The mall's key for pseudonyms; without, a new one for this run.", envvar="MALLSENSE_KEY"
    ),
]
SpoolOption = Annotated[
    Path | None,
    typer.Option(
        help="Where observations wait for the broker; without, in a folder that goes afterwards.",
        envvar="MALLSENSE_SPOOL",
    ),
]
MetricsPortOption = Annotated[
    int,
    typer.Option(
        help="Port of 127.0.0.1 where Prometheus reads the health of a node that listens; 0 = none.",
        envvar="MALLSENSE_METRICS_PORT",
        min=0,
        max=65535,
    ),
]
DEFAULT_BROKER = "mqtt://127.0.0.1:1883"


def edge(
    *,
    site: SiteOption,
    node: NodeOption,
    pcap: Annotated[
        list[str] | None,
        typer.Option(
            help="Play captures instead: file (pcap with radiotap, also .gz), folder, pattern; repeat it.",
            show_default=False,
        ),
    ] = None,
    camera: Annotated[
        list[str] | None,
        typer.Option(
            help="Read plates there, not where the site file says: rtsp://, http://, /dev/video0, a video, a"
            " folder of pictures; ID=... where the node has several cameras; repeat it.",
            show_default=False,
        ),
    ] = None,
    broker: BrokerOption = DEFAULT_BROKER,
    ca: CaOption = None,
    cert: CertOption = None,
    cert_key: CertKeyOption = None,
    speed: Annotated[
        str, typer.Option(help="Of captures and recordings: 1 as it happened, 60 an hour a minute, max.")
    ] = "max",
    start: Annotated[
        str | None,
        typer.Option(help="Play them as from then: 'now' or a time such as 2026-03-01T10:00 (mall's time)."),
    ] = None,
    key: KeyOption = None,
    new_key_file: Annotated[
        bool, typer.Option("--new-key", help="Make the file that --key names, with a new key, first.")
    ] = False,
    spool: SpoolOption = None,
    metrics_port: MetricsPortOption = PORT,
    keep_images: Annotated[
        Path | None,
        typer.Option(
            help="For diagnosis, keep pictures that are read in this new folder, and delete them in the end.",
            show_default=False,
        ),
    ] = None,
    keep_for: Annotated[str, typer.Option("--for", help="How long pictures are kept: 30m, 2h.")] = "30m",
) -> None:
    """Run a node: hear phones, read plates, make pseudonyms of both, send them over MQTT.

    It listens with the radios and looks through the cameras that the site file names, or plays captures
    and recordings. No raw address and no plate leaves it, but those enrolled with consent. Ctrl-C sends
    what is waiting for a few seconds and says goodbye.
    """
    console = Console(stderr=True)
    mall = read_site(site)
    plan = node_of(mall, node, site)
    address = BrokerAddress.parse(broker, ca=ca, cert=cert, cert_key=cert_key)
    if pcap and camera:
        raise ConfigurationError("--pcap and --camera: are played one at a time", "Leave one of them out.")
    pace = parse_speed(speed)
    cameras = CameraPlan({}, {}) if pcap else plan_cameras(plan, camera or ())
    played = bool(pcap) or cameras.recorded
    if start is not None and not played:
        raise ConfigurationError(
            "--start: is for captures and recordings",
            "Name them with --pcap or --camera, or leave --start out.",
        )
    if keep_images is not None and not cameras.addresses:
        raise ConfigurationError(
            "--keep-images: this node has no camera", "Name one with --camera or in the site file."
        )
    if not played and spool is None:
        console.print("No --spool: what waits for the broker is lost when the agent stops.", style="yellow")
    if any(address.has_password for address in cameras.addresses.values()) and camera:
        console.print(SHOWN_ON_COMMAND_LINE, style="yellow")
    secret = _key(key, create=new_key_file, console=console)
    with stop_by_signal() as stop, _spool_path(spool) as spool_path, ExitStack() as stack:
        run = partial(
            run_agent,
            mall=mall.mall.id,
            agent_id=node,
            broker=address,
            spool_path=spool_path,
            key=secret,
            rotation=SaltRotation.of(mall),
            stop=stop,
            province=mall.mall.province,
        )
        keeping = Keeping.of(keep_images, keep_for, spool_path)
        if not played:
            done = _listen(plan, run, metrics_port, cameras, keeping)
        else:
            captures = PcapSource(node, pcap) if pcap else _recorded(node, mall, cameras, keeping, stack)
            captures.shift_ms = _shift_ms(start, captures.first_ms, mall.mall.timezone)
            with progress_bar(console, f"{node}: {captures.files} files", lambda: captures.fraction) as show:
                done = run(
                    captures,
                    speed=pace,
                    broker_timeout_s=BROKER_TIMEOUT_S,
                    progress=show,
                    guidance=Guidance(node, captures, wall=time.time),
                )
        _report(done, console)


def _listen(
    node: Node, run: Callable[..., Progress], metrics_port: int, cameras: CameraPlan, keeping: Keeping
) -> Progress:
    """Run the agent on what the node hears and sees, until it is stopped."""
    software = _version()
    versions = read_versions(software)
    with ExitStack() as stack:
        radios = None
        if node.hears:
            radios = stack.enter_context(
                LiveSource(node.id, node.radios, stations=node.stations, kernel=versions["kernel"])
            )
        if radios is not None and not cameras.addresses:
            source: LiveSource | LiveCameraSource = radios
            instruments = Instruments(radios, versions)
        else:
            with needs_camera_extra():
                from edge_agent.camera.running import live_cameras  # noqa: PLC0415  # loads OpenCV
            source = live_cameras(node, cameras, radios, keeping, stack)
            instruments = Instruments(source, versions, cameras=source.cameras)
        if metrics_port:
            stack.enter_context(metrics_server(instruments.read, port=metrics_port))
        manager = stack.enter_context(ServiceManager.from_environment())
        return run(
            source,
            speed=None,
            live=True,
            software=f"mallsense {software}",
            progress=manager.watch(),
            instruments=instruments,
            guidance=Guidance(node.id, source if radios is None else radios, wall=time.time),
        )


def _recorded(
    node: str, site: Site, cameras: CameraPlan, keeping: Keeping, stack: ExitStack
) -> "RecordedCameras":
    with needs_camera_extra():
        from edge_agent.camera.running import recorded_cameras  # noqa: PLC0415  # loads OpenCV
    return recorded_cameras(node, site, cameras, keeping, stack)


def _version() -> str:
    """Give the version that is installed; a checkout that is run as it stands has none."""
    try:
        return version("mallsense")
    except PackageNotFoundError:
        return "not installed"


def _shift_ms(start: str | None, first_ms: int | None, timezone: str) -> int:
    if start is None or first_ms is None:
        return 0
    if start == "now":
        return round(time.time() * 1000) - first_ms
    try:
        moment = datetime.fromisoformat(start)
    except ValueError:
        raise ConfigurationError(
            f"--start: expected 'now' or a time, found {start!r}", "Write it like 2026-03-01T10:00."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return round(moment.timestamp() * 1000) - first_ms


def _key(path: Path | None, *, create: bool, console: Console) -> bytes:
    if path is None:
        if create:
            raise ConfigurationError("--new-key: expected --key FILE with it, to say where the key goes")
        console.print(
            "No --key: pseudonyms of this run match no other node and no other run.", style="yellow"
        )
        return new_key()
    return create_key_file(path) if create else read_key_file(path)


@contextmanager
def _spool_path(path: Path | None) -> Iterator[Path]:
    if path is not None:
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mallsense-edge-") as folder:
        yield Path(folder) / "spool.sqlite"


def _report(done: Progress, console: Console) -> None:
    cars = f"{done.passages:,} cars, " if done.passages else ""
    console.print(
        f"{done.frames:,} frames, {done.observations:,} observations, {cars}{done.sent:,} batches sent."
    )
    for cause, count in sorted(done.skipped.items(), key=lambda item: -item[1]):
        console.print(f"  {count:,} not used: {cause.replace('_', ' ')}")
    if done.dropped or done.spooled:
        console.print(
            f"{done.spooled:,} batches not sent, {done.dropped:,} dropped. {done.trouble}", style="yellow"
        )
