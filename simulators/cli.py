"""`mallsense simulate`: the simulated mall over MQTT, with its truth."""

import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.site import Site, dump_site
from contracts.site.crm import Crm
from contracts.site.read import read_site
from edge_agent.agent import run_agent
from edge_agent.key import new_key, read_key_file
from edge_agent.pace import parse_speed
from edge_agent.progress import progress_bar
from edge_agent.reporting import Progress
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import Source
from edge_agent.stopping import stop_by_signal
from simulators import mall
from simulators.arrivals import Profile
from simulators.car_park.reads import CarParkReads
from simulators.joined import Joined
from simulators.members.casting import Cast
from simulators.members.written import Members
from simulators.phones import Habits
from simulators.source import SimulatedSource
from simulators.survey import survey
from simulators.truth import Truth

DEFAULT_SITE = "default"
AGENT = "simulator"
DAY_S = 86_400
HABITS = Habits()
BROKER_TIMEOUT_S = 10.0
OTHERS = 6
"""For each member there are so many who come again and are none."""


def simulate(
    *,
    site: Annotated[str, typer.Option(help="A site file, or the simulated mall.")] = DEFAULT_SITE,
    shoppers: Annotated[
        int, typer.Option(min=1, max=50_000, help="People in the mall at its fullest.")
    ] = 300,
    passers_by: Annotated[
        int, typer.Option(min=0, max=50_000, help="People in the street around the mall, always so many.")
    ] = 0,
    profile: Annotated[
        Profile, typer.Option(help="day: rushes by the hour; constant: always about as many people.")
    ] = Profile.DAY,
    hours: Annotated[
        float | None,
        typer.Option(min=0.01, help="How long, in the mall's time.", show_default="until Ctrl-C"),
    ] = None,
    start: Annotated[
        str, typer.Option(help="'now', or a time such as 2026-03-14T11:30 (mall's time).")
    ] = "now",
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 1,
    speed: Annotated[str, typer.Option(help="1 is real time, 60 an hour a minute, max.")] = "1",
    broker: Annotated[
        str, typer.Option(help="mqtt://user:password@host:port, or mqtts://.", envvar="MALLSENSE_BROKER")
    ] = "mqtt://127.0.0.1:1883",
    key: Annotated[
        Path | None,
        typer.Option(help="The mall's key for pseudonyms; without, a new one.", envvar="MALLSENSE_KEY"),
    ] = None,
    fixed_addresses: Annotated[
        bool, typer.Option("--fixed-addresses", help="Phones never change their address.")
    ] = False,
    off: Annotated[
        float, typer.Option(min=0, max=1, help="Share of people without a phone that is on.")
    ] = 0.0,
    second: Annotated[float, typer.Option(min=0, max=1, help="Share of people with a second phone.")] = 0.0,
    guest_network: Annotated[
        float, typer.Option(min=0, max=1, help="Share of phones that join the mall's network.")
    ] = HABITS.guest_network,
    builds: Annotated[
        int, typer.Option(min=1, max=64, help="Builds of each model of phone; 1 makes all of them twins.")
    ] = HABITS.builds,
    cars: Annotated[
        int, typer.Option(min=0, help="Cars in the time that is played, where the site has a car park.")
    ] = 1500,
    members: Annotated[
        int, typer.Option(min=0, max=100_000, help="Members who come again and again, with phone and car.")
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write to this folder what the members' systems deliver, and who they are.",
            show_default=False,
        ),
    ] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Write truth_*.csv to this folder at the end.", show_default=False)
    ] = None,
    write_site: Annotated[
        Path | None, typer.Option(help="Only write the site file, for a gateway.", show_default=False)
    ] = None,
    write_survey: Annotated[
        Path | None,
        typer.Option("--survey", help="Only write a walked site survey (CSV).", show_default=False),
    ] = None,
) -> None:
    """Play a mall that does not exist: shoppers, their phones, and what the nodes hear, over MQTT.

    A gateway of this mall that listens at the same broker shows it live. Ctrl-C sends what is waiting.
    """
    console = Console(stderr=True)
    plan = _read_site(site)
    if write_site or write_survey:
        if members and plan.crm is None:
            plan = plan.model_copy(update={"crm": Crm()})
        _write(plan, seed, write_site, write_survey, console)
        return
    if out and not (members and key):
        raise ConfigurationError(
            "--out: needs --members, and the mall's key (--key) for the digests of phones and plates",
            "A new mall makes one with: (umask 077; openssl rand -hex 32 > mall.key)",
        )
    address, pace = BrokerAddress.parse(broker), parse_speed(speed)
    start_ms = _start_ms(start, plan)
    duration_s = None if hours is None else round(hours * 3600)
    notes = Truth(plan) if truth else None
    crowd = _members(plan, members, start_ms, duration_s, seed)
    mall_key = read_key_file(key) if key else new_key()
    with console.status("people are coming ..."):
        source = SimulatedSource(
            shoppers=shoppers,
            passers_by=passers_by,
            start_ms=start_ms,
            duration_s=duration_s,
            seed=seed,
            site=plan,
            profile=profile,
            habits=Habits(off, second, guest_network, rotate=not fixed_addresses, builds=builds),
            truth=notes,
            casting=crowd.casting if crowd else None,
            tills=crowd.tills if crowd else None,
        )
    if profile is Profile.DAY and len(source.shoppers) == 0:
        console.print(
            "The mall is closed then: nobody is there. Try --start ...T12:00 or --profile constant."
        )
    with stop_by_signal() as stop, tempfile.TemporaryDirectory(prefix="mallsense-simulate-") as folder:
        title = f"{plan.mall.name.en}, {len(plan.nodes)} nodes"
        with progress_bar(console, title, source.fraction) as show:
            done = run_agent(
                _with_cars(source, crowd, cars, start_ms, duration_s, seed),
                mall=plan.mall.id,
                agent_id=AGENT,
                broker=address,
                spool_path=Path(folder) / "spool.sqlite",
                key=mall_key,
                rotation=SaltRotation.of(plan),
                speed=pace,
                stop=stop,
                broker_timeout_s=BROKER_TIMEOUT_S,
                progress=show,
            )
        _report(done, notes, truth, console)
        if crowd and out and source.cast:
            _write_members(crowd, out, source.cast, mall_key, done.t_ms, console)


def _members(site: Site, members: int, start_ms: int, duration_s: int | None, seed: int) -> Members | None:
    """Draw the members, and others who come again."""
    if not members:
        return None
    days = (duration_s or DAY_S) / DAY_S
    return Members(site, members=members, others=OTHERS * members, start_ms=start_ms, days=days, seed=seed)


def _with_cars(
    source: SimulatedSource,
    crowd: Members | None,
    cars: int,
    start_ms: int,
    duration_s: int | None,
    seed: int,
) -> Source:
    """Add what the cameras of the car park see, where there are any; of a day that never ends, one day."""
    if source.site.car_park is None or not (cars or crowd):
        return source
    visitors = crowd.cars(source.cast).passages() if crowd and source.cast else ()
    reads = CarParkReads(
        start_ms=start_ms,
        duration_s=duration_s or DAY_S,
        cars=cars,
        seed=seed,
        site=source.site,
        visitors=visitors,
    )
    return Joined(source, reads)


def _write_members(
    crowd: Members, folder: Path, cast: Cast, key: bytes, until_ms: int, console: Console
) -> None:
    try:
        crowd.write(folder, cast, key, until_ms)
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot write the members: {error.strerror}") from error
    console.print(f"{len(crowd.population.members):,} members in {folder}")


def _read_site(name: str) -> Site:
    return mall.site() if name == DEFAULT_SITE else read_site(Path(name))


def _start_ms(text: str, site: Site) -> int:
    if text == "now":
        return round(time.time()) * 1000
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"--start: expected 'now' or a time, found {text!r}", "Write it like 2026-03-14T11:30."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(site.mall.timezone))
    return round(moment.timestamp()) * 1000


def _write(site: Site, seed: int, site_to: Path | None, survey_to: Path | None, console: Console) -> None:
    try:
        if site_to:
            site_to.write_text(dump_site(site), encoding="utf-8")
            console.print(f"wrote {site_to}: {len(list(site.zones()))} zones, {len(site.nodes)} nodes")
        if survey_to:
            walks = survey(site, seed=seed)
            walks.write(survey_to, site)
            console.print(f"wrote {survey_to}: {len(walks.rssi_dbm):,} readings")
    except OSError as error:
        raise ConfigurationError(f"cannot write {error.filename}: {error.strerror}") from error


def _report(done: Progress, notes: Truth | None, folder: Path | None, console: Console) -> None:
    console.print(f"{done.observations:,} observations, {done.sent:,} batches sent.")
    if done.spooled or done.dropped:
        console.print(f"{done.spooled:,} batches not sent, {done.dropped:,} dropped. {done.trouble}")
    if notes and folder:
        try:
            notes.write(folder)
        except OSError as error:
            raise ConfigurationError(f"{folder}: cannot write the truth: {error.strerror}") from error
        console.print(f"{len(notes.visits):,} true visits in {folder}")
