"""`mallsense car-park`: a car park that does not exist, as video with its truth, or as reads over MQTT."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.plates import Direction
from contracts.site import dump_site
from contracts.site.read import read_site
from edge_agent.agent import run_agent
from edge_agent.camera.setup import needs_camera_extra
from edge_agent.key import new_key, read_key_file
from edge_agent.pace import parse_speed
from edge_agent.rotation import SaltRotation
from edge_agent.sources.protocol import PlateSighting
from edge_agent.stopping import stop_by_signal
from simulators.car_park.layout import car_park_site
from simulators.car_park.reads import CarParkReads
from simulators.car_park.scoring import PUBLISHED_AT, LaneScore, SaidPlate, TruePlate, score_lane

app = typer.Typer(no_args_is_help=True, help="A car park that does not exist, with its truth.")

AGENT = "car-park"
BROKER_TIMEOUT_S = 10.0
VIDEO = "lanes.avi"


@app.command()
def video(
    out: Annotated[
        Path, typer.Argument(help=f"Folder to write {VIDEO} and truth.csv to.", show_default=False)
    ],
    *,
    passages: Annotated[int, typer.Option(min=1, max=10_000, help="Cars that drive through.")] = 20,
    weather: Annotated[str, typer.Option(help="day, overcast, rain, dusk, night or 'out of focus'.")] = "day",
    seed: Annotated[int, typer.Option(help="The same seed gives the same cars.")] = 1,
) -> None:
    """Draw cars that drive through two lanes, as video with the truth."""
    with needs_camera_extra():
        from simulators.car_park.video import LaneVideo, write_video  # noqa: PLC0415  # loads OpenCV
        from simulators.car_park.weather import WEATHERS  # noqa: PLC0415
    found = next((one for one in WEATHERS if one.name == weather), None)
    if found is None:
        raise ConfigurationError(
            f"--weather: unknown weather {weather!r}", f"Expected {', '.join(one.name for one in WEATHERS)}."
        )
    drawn = LaneVideo(passages, seed=seed, weather=found)
    console = Console(stderr=True)
    with console.status("drawing ..."):
        pictures = write_video(drawn, out / VIDEO)
    console.print(f"{pictures:,} pictures of {len(drawn.truth)} cars in {out / VIDEO}")


@app.command()
def score(
    folder: Annotated[Path, typer.Argument(help="What `video` has written.", show_default=False)],
) -> None:
    """Read a drawn video as a node would, and compare with the truth."""
    with needs_camera_extra():
        from edge_agent.camera.address import CameraAddress  # noqa: PLC0415
        from edge_agent.camera.lane_reader import LaneReader  # noqa: PLC0415  # loads OpenCV
        from edge_agent.camera.recorded_source import RecordedCameras  # noqa: PLC0415
        from edge_agent.camera.recording import Recording  # noqa: PLC0415
        from simulators.car_park.video import camera_of_video, read_truth  # noqa: PLC0415
    truth = read_truth(folder / "truth.csv")
    camera = camera_of_video()
    recording = Recording(CameraAddress.parse(str(folder / VIDEO)), "Asia/Shanghai")
    recording.shift_ms = -recording.first_ms  # the truth begins at 0
    source = RecordedCameras("score", {camera.id: recording}, {camera.id: camera}, LaneReader())
    with Console(stderr=True).status("reading ..."):
        tracks: dict[str, list[PlateSighting]] = {}
        for block in source.blocks():
            for one in block.plates:
                tracks.setdefault(one.track, []).append(one)
    plates = [TruePlate(one.plate, Direction(one.direction), one.seen_ms, one.gone_ms) for one in truth]
    _show(score_lane(plates, said_plates(tracks)))


@app.command()
def play(
    *,
    site: Annotated[
        Path | None, typer.Option(help="A site file with a car park.", show_default="the simulated mall's")
    ] = None,
    cars: Annotated[int, typer.Option(min=1, max=50_000, help="Cars that come in a day.")] = 1_500,
    hours: Annotated[float, typer.Option(min=0.01, help="How long, in the mall's time.")] = 24.0,
    start: Annotated[
        str, typer.Option(help="'now', or a time such as 2026-03-14T09:00 (mall's time).")
    ] = "now",
    seed: Annotated[int, typer.Option(help="The same seed gives the same day.")] = 1,
    speed: Annotated[str, typer.Option(help="1 is real time, 60 an hour a minute, max.")] = "1",
    broker: Annotated[
        str, typer.Option(help="mqtt://user:password@host:port, or mqtts://.", envvar="MALLSENSE_BROKER")
    ] = "mqtt://127.0.0.1:1883",
    key: Annotated[
        Path | None, typer.Option(help="The mall's key; without, a new one.", envvar="MALLSENSE_KEY")
    ] = None,
    write_site: Annotated[
        Path | None, typer.Option(help="Only write the site file, for a gateway.", show_default=False)
    ] = None,
) -> None:
    """Play what the cameras of a car park would read, over MQTT: no pictures, a day in seconds."""
    console = Console(stderr=True)
    plan = read_site(site) if site else car_park_site()
    if write_site:
        try:
            write_site.write_text(dump_site(plan), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{write_site}: cannot be written: {error.strerror}") from error
        console.print(f"wrote {write_site}")
        return
    source = CarParkReads(
        start_ms=_start_ms(start, plan.mall.timezone),
        duration_s=hours * 3600,
        cars=cars,
        seed=seed,
        site=plan,
    )
    with stop_by_signal() as stop, tempfile.TemporaryDirectory(prefix="mallsense-car-park-") as folder:
        done = run_agent(
            source,
            mall=plan.mall.id,
            agent_id=AGENT,
            broker=BrokerAddress.parse(broker),
            spool_path=Path(folder) / "spool.sqlite",
            key=read_key_file(key) if key else new_key(),
            rotation=SaltRotation.of(plan),
            speed=parse_speed(speed),
            stop=stop,
            broker_timeout_s=BROKER_TIMEOUT_S,
            province=plan.mall.province,
        )
    console.print(
        f"{done.passages:,} passages of {len(source.day.stays):,} cars, {done.sent:,} batches sent."
    )


def said_plates(tracks: Mapping[str, Sequence[PlateSighting]]) -> list[SaidPlate]:
    """Give what was said last of each track."""
    return [
        SaidPlate(*said[-1].candidates[0], said[-1].direction, said[0].t_ms, said[-1].t_ms)
        for said in tracks.values()
    ]


def _show(found: LaneScore) -> None:
    table = Table("", "", box=None, show_header=False)
    for name, value in (
        ("cars that drove through", found.passages),
        ("said", found.said),
        ("of these, plate right", found.right),
        (
            f"published (confidence {PUBLISHED_AT} or more)",
            f"{found.published} ({found.published_share:.1%})",
        ),
        ("of these wrong", f"{found.wrong} ({found.wrong_share:.2%})"),
        ("said twice", found.doubles),
        ("said of what was no car", found.ghosts),
        ("direction wrong or unknown", found.wrong_direction),
    ):
        table.add_row(name, str(value))
    Console().print(table)


def _start_ms(text: str, timezone: str) -> int:
    if text == "now":
        return round(time.time() * 1000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"--start: expected 'now' or a time, found {text!r}", "Write it like 2026-03-14T09:00."
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return round(moment.timestamp() * 1000)
