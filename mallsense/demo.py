"""`mallsense demo`: a simulated mall, played into a gateway as real nodes would."""

import os
import tempfile
import threading
import time
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from contracts.errors import ConfigurationError
from contracts.site import Site, dump_site
from contracts.site.crm import Crm
from edge_agent.agent import run_agent
from edge_agent.key import new_key
from edge_agent.pace import parse_speed
from edge_agent.reporting import Progress
from edge_agent.rotation import SaltRotation
from edge_agent.stopping import stop_by_signal
from gateway.cli import StoreCa, StoreTokenFile
from gateway.runtime import Gateway, Settings, listen
from gateway.store.influx.address import InfluxAddress, is_address
from gateway.store.place import find_place
from mallsense import __version__
from mallsense.demo_members import DemoMembers
from mallsense.simulated import simulated_calibration
from simulators.arrivals import Profile
from simulators.car_park.layout import car_park_site
from simulators.car_park.reads import CarParkReads
from simulators.joined import Joined
from simulators.source import SimulatedSource

STORE = "mall.db"
BROKER_TIMEOUT_S = 30.0
CARS_A_DAY = 2_000
OPENS_AT_H = 11.0
"""Hour of the cars' day at which the demo begins, whatever the time is: with many coming."""
BEHIND_S = 20.0
"""Less than this behind the clock on the wall is called live."""


def demo(
    *,
    shoppers: Annotated[int, typer.Option(min=1, max=50_000, help="People in the mall.")] = 1000,
    speed: Annotated[str, typer.Option(help="1 is real time, 10 ten times that.")] = "1",
    history: Annotated[
        int, typer.Option(min=0, max=24 * 60, help="Minutes before now that are played fast, to begin with.")
    ] = 20,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the console; 0 for any free one.")
    ] = 8000,
    seconds: Annotated[
        float | None, typer.Option("--for", min=1, help="End by itself after so many seconds.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the browser.")] = False,
    members: Annotated[
        int, typer.Option(min=0, max=20_000, help="Members who come again and again; 0: no CRM.")
    ] = 400,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people and radio.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for site file and store; without, one that goes afterwards.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Put the history into an InfluxDB: influx://HOST/DATABASE.", show_default=False),
    ] = None,
    store_token_file: StoreTokenFile = None,
    store_ca: StoreCa = None,
) -> None:
    """Show a living mall in the browser: shoppers, phones and radio are simulated, all the rest is real.

    Frames go through the edge agent, a spool, an MQTT broker and the gateway like those of real nodes, and
    what a CRM, Wi-Fi and tills say of members goes through the imports of real ones. Ctrl-C ends it.
    """
    console = Console(stderr=True)
    pace = parse_speed(speed)
    with stop_by_signal() as stop, _folder(keep) as folder:
        listen("127.0.0.1", port).close()  # one that is taken is named now, not when the mall is built
        with console.status("building the mall, and surveying its radio ..."):
            start_ms = (round(time.time()) - history * 60) * 1000
            site, key = _site(members), new_key()
            crowd = DemoMembers(site, members, start_ms=start_ms, key=key, seed=seed) if members else None
            people, source = _mall(site, shoppers, start_ms, seed, crowd)
            settings = Settings(
                site=site,
                store=folder / STORE,
                influx=_influx(store, store_token_file, store_ca),
                calibration=simulated_calibration(site, seed=seed).to_dict(),
                broker_port=0,
                port=port,
            )
            (folder / "site.yaml").write_text(dump_site(site), encoding="utf-8")
        with Gateway(settings) as gateway, _ended_after(seconds, stop), _told(crowd, gateway, people):
            console.print(f"{site.mall.name.en} is open: {gateway.url}   (Ctrl-C ends it)")
            if not no_browser:
                webbrowser.open(gateway.url)
            with console.status("") as line:

                def show(now: Progress) -> None:
                    gateway.wait(0)  # where the gateway has failed, this says why
                    if crowd is not None:
                        crowd.now(now.t_ms)
                    line.update(_described(now, round(time.time() * 1000)))

                run_agent(
                    source,
                    mall=site.mall.id,
                    agent_id="simulator",
                    broker=gateway.broker,
                    spool_path=folder / "spool.sqlite",
                    key=key,
                    rotation=SaltRotation.of(site),
                    speed=pace,
                    now_ms=round(time.time() * 1000),
                    stop=stop,
                    broker_timeout_s=BROKER_TIMEOUT_S,
                    software=f"mallsense {__version__}",
                    progress=show,
                )


def _site(members: int) -> Site:
    """Return the simulated mall with its car park, and with a CRM where there are members."""
    site = car_park_site()
    return site.model_copy(update={"crm": Crm()}) if members else site


def _mall(
    site: Site, shoppers: int, start_ms: int, seed: int, crowd: DemoMembers | None
) -> tuple[SimulatedSource, Joined]:
    """Make a mall whose people stay as many as they are, and whose car park opens now, as at eleven."""
    people = SimulatedSource(
        shoppers=shoppers,
        start_ms=start_ms,
        seed=seed,
        site=site,
        profile=Profile.CONSTANT,
        casting=crowd.casting if crowd else None,
        tills=crowd.tills if crowd else None,
    )
    opens = OPENS_AT_H - start_ms / 3_600_000 % 24
    visitors = crowd.cars(people).passages() if crowd else ()
    cars = CarParkReads(
        start_ms=start_ms, cars=CARS_A_DAY, seed=seed, site=site, utc_offset_h=opens, visitors=visitors
    )
    return people, Joined(people, cars)


@contextmanager
def _told(crowd: DemoMembers | None, gateway: Gateway, people: SimulatedSource) -> Iterator[None]:
    """Let the members' systems speak to the gateway."""
    if crowd is None or gateway.crm is None:
        yield
        return
    crowd.start(gateway.crm, people)
    try:
        yield
    finally:
        crowd.stop()


def _described(now: Progress, wall_ms: int) -> str:
    """Say in a line how far the simulation is."""
    if now.trouble:
        return f"{now.spooled:,} batches wait: {now.trouble}"
    behind_s = (wall_ms - now.t_ms) / 1000
    behind = now.t_ms and behind_s > BEHIND_S
    lag = f"; catching up, {behind_s / 60:.0f} minutes to go" if behind else ""
    return f"{now.observations:,} observations{lag}"


@contextmanager
def _ended_after(seconds: float | None, stop: threading.Event) -> Iterator[None]:
    """Set `stop` after so many seconds; None never does."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _influx(store: str | None, token_file: Path | None, ca: Path | None) -> InfluxAddress | None:
    if store is not None and not is_address(store):
        raise ConfigurationError(
            f"--store {store}: expected the address of an InfluxDB",
            "A folder for a file is given with --keep.",
        )
    return find_place(store, token_file=token_file, ca=ca).influx


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Give the folder of the demo's files: one to keep, or one that goes afterwards."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="mallsense-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        if not os.access(keep, os.W_OK):
            raise PermissionError(13, "not writable")
    except OSError as error:
        raise ConfigurationError(
            f"{keep}: cannot keep anything there: {error.strerror}", "Name another folder with --keep."
        ) from error
    if (keep / STORE).exists():  # its time may be ahead of the new one's, and time does not go back
        raise ConfigurationError(
            f"{keep}: holds the store of an earlier demo", "Name another folder with --keep."
        )
    yield keep
