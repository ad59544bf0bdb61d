"""`mallsense replay`: recorded walks through a real broker into a gateway, live in the console."""

import tempfile
import threading
import time
import webbrowser
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from edge_agent.agent import run_agent
from edge_agent.key import new_key
from edge_agent.pace import parse_speed
from edge_agent.progress import progress_bar
from edge_agent.reporting import Progress
from edge_agent.rotation import SaltRotation
from edge_agent.stopping import stop_by_signal
from gateway.cli import StoreCa, StoreTokenFile
from gateway.runtime import Gateway, Settings
from gateway.store.place import find_place
from mallsense import __version__
from mallsense.presence import gateway_is_online
from mallsense.recording import Recording, read_recording
from simulators.recorded_source import RecordedSource

BROKER_TIMEOUT_S = 10.0
AGENT = "replay"


def replay(
    folder: Annotated[
        Path, typer.Argument(help="Folder of recorded data, or of such folders.", show_default=False)
    ],
    *,
    receivers: Annotated[
        int | None,
        typer.Option(help="Use the planned deployment of 20, 40 or 80 receivers.", show_default="all"),
    ] = None,
    speed: Annotated[str, typer.Option(help="1 as it happened, 10 ten times as fast, max.")] = "1",
    broker: Annotated[
        str | None,
        typer.Option(
            help="An MQTT broker, as mqtt://[user:password@]host:port. Without it, an embedded one.",
            envvar="MALLSENSE_BROKER",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the console; 0 for any free one.")
    ] = 8000,
    store: Annotated[
        str | None,
        typer.Option(
            help="Keep the history here, a file or influx://HOST/DATABASE; without, it goes afterwards.",
            show_default=False,
        ),
    ] = None,
    store_token_file: StoreTokenFile = None,
    store_ca: StoreCa = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")] = False,
    leave: Annotated[
        bool, typer.Option("--leave", help="End when the recording does, instead of at Ctrl-C.")
    ] = False,
) -> None:
    """Play recorded walks through a real broker into a gateway, and watch them in the console.

    The floor plan, the nodes and the calibration come from the folder. All test walks start together, each is
    one device. A gateway of this mall that is connected to the broker is used; else one is started.
    """
    console = Console(stderr=True)
    pace = parse_speed(speed)
    address = BrokerAddress.parse(broker) if broker else None
    with console.status("reading and calibrating ..."):
        recording = read_recording(folder, receivers)
    for note in recording.notes:
        console.print(Text(f"note: {note}"), soft_wrap=True)
    with ExitStack() as stack:
        stop = stack.enter_context(stop_by_signal())
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mallsense-replay-")))
        place = find_place(store, file=work / "store.db", token_file=store_token_file, ca=store_ca)
        gateway = None
        if address is None or not gateway_is_online(address, recording.site.mall.id):
            settings = Settings(
                site=recording.site,
                store=place.file,
                influx=place.influx,
                calibration=recording.calibration.to_dict(),
                broker=address,
                broker_port=0,
                port=port,
            )
            gateway = stack.enter_context(Gateway(settings))
            address = gateway.broker
            console.print(f"console {gateway.url}   broker {address}")
            if not no_browser:
                webbrowser.open(gateway.url)
        else:
            console.print(f"the gateway of {recording.site.mall.id} at {address} shows them")
        start_ms = round(time.time()) * 1000
        done = play(
            recording,
            address,
            work / "spool.sqlite",
            start_ms=start_ms,
            speed=pace,
            stop=stop,
            console=console,
        )
        console.print(f"{done.observations:,} observations, {done.sent:,} batches sent")
        if gateway is not None and not leave and not stop.is_set():
            console.print(f"the recording is over; the console stays at {gateway.url} until Ctrl-C")
            while not stop.wait(0.2):
                gateway.wait(0)


def play(
    recording: Recording,
    broker: BrokerAddress,
    spool: Path,
    *,
    start_ms: int,
    speed: float | None,
    key: bytes | None = None,
    stop: threading.Event | None = None,
    console: Console | None = None,
) -> Progress:
    """Play the test walks of a recording into a broker, all starting at `start_ms`; shows a bar on `console`.

    Without `key`, pseudonyms are made with a new one.

    Raises:
        ConfigurationError: there is nothing to play.
        UnavailableError: the broker does not answer.

    """
    source = RecordedSource(recording.datasets, start_ms=start_ms)
    walks = source.walk_ids()
    if not walks:
        raise ConfigurationError("the recording has no test walks", "walks.csv calls their split test.")
    with progress_bar(console or Console(quiet=True), f"{len(walks)} walks", source.fraction) as show:
        return run_agent(
            source,
            mall=recording.site.mall.id,
            agent_id=AGENT,
            broker=broker,
            spool_path=spool,
            key=key or new_key(),
            rotation=SaltRotation.of(recording.site),
            speed=speed,
            stop=stop,
            broker_timeout_s=BROKER_TIMEOUT_S,
            software=f"mallsense {__version__}",
            progress=show,
        )
