"""`mallsense plates`: read the plates of pictures or of a video into a table, to try a camera out."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import cv2
import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from contracts.errors import ConfigurationError
from edge_agent.camera.picture import read_picture
from edge_agent.plates.detector import Image
from edge_agent.plates.europe import formats_of_countries
from edge_agent.plates.reader import SIDE, PlateReader
from mallsense.csv_table import write_csv

_log = logging.getLogger(__name__)
COLUMNS = ("file", "plate", "confidence", "x", "y", "w", "h")
PICTURES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})
DEFAULT_OUT = Path("plates.csv")
_SURE = 0.9
_ELSEWHERE = "Name another file with --out."


class Shot(NamedTuple):
    """A picture to be read."""

    name: str
    """Of the file; of a video's frame FILE#NUMBER, from 0."""
    image: Image | None
    """None: it could not be decoded."""


def plates(
    source: Annotated[
        Path, typer.Argument(help="A folder of pictures, a picture, or a video.", show_default=False)
    ],
    *,
    out: Annotated[Path, typer.Option(help=f"The table to write: {','.join(COLUMNS)}.")] = DEFAULT_OUT,
    country: Annotated[
        list[str] | None, typer.Option(help="Countries whose plates to expect, likeliest first: CN, DE, …")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Of a video, read every so many frames.")] = 1,
    side: Annotated[
        int, typer.Option(min=160, help="Pixels of the longer side at which plates are looked for.")
    ] = SIDE,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cores to use.", show_default="all there are")
    ] = None,
) -> None:
    """Read the plates of pictures or of a video, offline.

    The table has a row for each plate that was read, surest first, with its rectangle in pixels. Plates are
    personal data: the table is readable to you alone; delete it when you are done. A node that runs never
    writes a plate anywhere; this command is to try a camera out.
    """
    shots, count = _shots(source, every)
    reader = PlateReader(
        formats_of_countries(country or ["CN"]), threads=threads or len(os.sched_getaffinity(0)), side=side
    )
    _make_private(out)
    rows: list[tuple[object, ...]] = []
    seen = broken = sure = 0
    with _progress() as progress:
        for shot in progress.track(shots, total=count, description="reading"):
            seen += 1
            if shot.image is None:
                broken += 1
                if broken == 1:
                    _log.warning(
                        "%s cannot be decoded as a picture: skipped; others like it are counted", shot.name
                    )
                continue
            readings = reader.read(shot.image)
            sure += bool(readings) and readings[0].confidence >= _SURE
            for reading in readings:
                box = (round(value) for value in reading.box)
                rows.append((shot.name, reading.text, f"{reading.confidence:.4f}", *box))
    if seen == broken:
        if not out.stat().st_size:
            out.unlink()
        raise ConfigurationError(
            f"none of the {seen} pictures of {source} could be decoded",
            "Expected JPEG, PNG, WebP, BMP or TIFF, or a video that FFmpeg can decode.",
        )
    write_csv(out, COLUMNS, rows, hint=_ELSEWHERE)
    _tell(seen, broken, len({row[0] for row in rows}), sure, len(rows), out)


def _make_private(out: Path) -> None:
    """Make the table before anything is read: what cannot be written is said at once."""
    try:
        out.touch(mode=0o600)
        out.chmod(0o600)
        out.open("a").close()
    except OSError as error:
        raise ConfigurationError(
            f"{out}: cannot be written: {error.strerror or error}", _ELSEWHERE
        ) from error


def _shots(source: Path, every: int) -> tuple[Iterator[Shot], int | None]:
    """The pictures of `source` and how many they are, None if nobody knows."""
    if source.is_dir():
        files = sorted(path for path in source.iterdir() if path.suffix.lower() in PICTURES)
        if not files:
            raise ConfigurationError(
                f"there is no picture in the folder {source}",
                f"Expected files ending in {', '.join(sorted(PICTURES))}.",
            )
        return (Shot(path.name, read_picture(path)) for path in files), len(files)
    if not source.is_file():
        raise ConfigurationError(
            f"there is no file or folder {source}", "Name a folder of pictures, a picture or a video."
        )
    if source.suffix.lower() in PICTURES:
        return iter([Shot(source.name, read_picture(source))]), 1
    video = cv2.VideoCapture(str(source))
    if not video.isOpened():
        raise ConfigurationError(
            f"{source} is no video that can be decoded",
            "Expected what FFmpeg decodes, such as H.264 in .mp4; convert it: ffmpeg -i IN OUT.mp4",
        )
    frames = int(video.get(cv2.CAP_PROP_FRAME_COUNT))
    return _frames(video, source.name, every), -(-frames // every) if frames > 0 else None


def _frames(video: cv2.VideoCapture, name: str, every: int) -> Iterator[Shot]:
    number = 0
    while video.grab():
        if number % every == 0:
            decoded, image = video.retrieve()
            yield Shot(f"{name}#{number}", np.asarray(image, np.uint8) if decoded else None)
        number += 1
    video.release()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )


def _tell(seen: int, broken: int, with_plate: int, sure: int, rows: int, out: Path) -> None:
    console = Console()
    console.print(
        f"{seen} pictures, {with_plate} with a plate ({sure} at a confidence of {_SURE} or more); "
        f"{rows} plates"
    )
    if broken:
        console.print(f"[yellow]{broken} pictures could not be decoded[/yellow]")
    console.print(f"wrote {out}", soft_wrap=True)
