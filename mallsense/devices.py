"""`mallsense devices`: whose frames are those of a capture, though the phones change their addresses."""

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from contracts.errors import ConfigurationError
from edge_agent.batcher import LOCALLY_ADMINISTERED
from edge_agent.frames import Frame, parse_frame
from edge_agent.pcap import PcapFile
from edge_agent.pseudonym import KEY_BYTES, ElementHashes
from mallsense.csv_table import write_csv
from positioning.identity import Appearances, Habits, Linker

TICK_MS = 1_000
CARRIED_OVER = 30.0
"""Weight of the habits learnt in the first reading: phones of a crowd differ from each other, too."""
_CHOSEN_BY_PHONE = np.uint64(LOCALLY_ADMINISTERED << 40)
DEFAULT_OUT = Path("devices.csv")


def devices(
    captures: Annotated[
        list[Path],
        typer.Argument(
            help="Captures (pcap, also .gz), numbered as one after the other.", show_default=False
        ),
    ],
    *,
    out: Annotated[Path, typer.Option(help="The table to write: frame,device.")] = DEFAULT_OUT,
) -> None:
    """Put the frames of captures together into devices.

    Addresses that belong to one phone are linked by information elements, sequence numbers and time; see
    docs/identity.md for what is linked and how often that is wrong. The captures are read twice: first to
    learn what kinds of phones do when they change their address, then to link. The table has a row for
    each frame that a phone sent: its number in the captures, from 0, and a number for the device.
    """
    frames = read_frames(captures)
    if not len(frames.number):
        raise ConfigurationError(
            "no frame in these captures was sent by a phone",
            "Expected 802.11 frames with radiotap headers, such as probe requests.",
        )
    habits = link(frames, Habits()).habits.carried_over(CARRIED_OVER)
    found = link(frames, habits)
    rows = zip(frames.number.tolist(), found.device.tolist(), strict=True)
    write_csv(out, ("frame", "device"), rows, hint="Name another file with --out.")
    _show(frames, found, out)


class Frames(NamedTuple):
    """The F frames that phones sent, in order of time, as columns."""

    number: np.ndarray[tuple[int], np.dtype[np.int64]]
    """In the captures, from 0."""
    t_ms: np.ndarray[tuple[int], np.dtype[np.int64]]
    address: np.ndarray[tuple[int], np.dtype[np.uint64]]
    sequence: np.ndarray[tuple[int], np.dtype[np.int64]]
    form: np.ndarray[tuple[int], np.dtype[np.uint64]]
    """Hash of the elements: family in the upper half."""


class Found(NamedTuple):
    """Whose frames they are."""

    device: np.ndarray[tuple[int], np.dtype[np.int64]]
    """(F,) numbers from 1 on, in the order in which devices appear."""
    confidence: np.ndarray[tuple[int], np.dtype[np.float64]]
    """(A,) of each address, when it was first heard."""
    habits: Habits


def read_frames(captures: Sequence[Path]) -> Frames:
    """Read the frames that phones sent. Addresses stay in memory.

    Raises:
        ConfigurationError: a file cannot be read, or is no capture of 802.11 frames with radiotap headers.

    """
    hashes = ElementHashes(secrets.token_bytes(KEY_BYTES), b"elements")
    rows = sorted(_phones(captures, hashes), key=lambda row: row[1])
    number, t_ms, address, sequence, form = zip(*rows, strict=True) if rows else ((),) * 5
    return Frames(
        np.array(number, dtype=np.int64),
        np.array(t_ms, dtype=np.int64),
        np.array(address, dtype=np.uint64),
        np.array(sequence, dtype=np.int64),
        np.array(form, dtype=np.uint64),
    )


def _phones(captures: Sequence[Path], hashes: ElementHashes) -> Iterator[tuple[int, int, int, int, int]]:
    number = -1
    for path in captures:
        file = PcapFile(path)
        for packet in file:
            number += 1
            # Captures that were published have other addresses than those the FCS was computed with.
            frame = parse_frame(packet.data, cut=packet.cut, check_fcs=False)
            if isinstance(frame, Frame):
                form = int(hashes[frame.elements], 16) if frame.elements else 0
                yield number, packet.t_ms, int.from_bytes(frame.address), frame.sequence, form


def link(frames: Frames, habits: Habits) -> Found:
    """Link addresses as a gateway does, tick by tick; `habits` are learnt on."""
    linker = Linker(habits)
    device: dict[int, int] = {}
    confidence: list[float] = []
    ticks = np.flatnonzero(np.diff(frames.t_ms // TICK_MS)) + 1
    for rows in np.split(np.arange(len(frames.t_ms)), ticks):
        permanent = frames.address[rows] & _CHOSEN_BY_PHONE == 0
        heard = Appearances.of(
            frames.address[rows], frames.t_ms[rows], frames.sequence[rows], frames.form[rows], permanent
        )
        links = linker.hear(heard)
        device.update(zip(heard.address.tolist(), links.device.tolist(), strict=True))
        device.update(links.moved)
        confidence += links.confidence[links.fresh].tolist()
        linker.expire(int(frames.t_ms[rows[-1]]))
    numbers: dict[int, int] = {}
    of_frame = [numbers.setdefault(device[address], len(numbers) + 1) for address in frames.address.tolist()]
    return Found(np.array(of_frame, dtype=np.int64), np.array(confidence), linker.habits)


def _show(frames: Frames, found: Found, out: Path) -> None:
    """Print what was found."""
    sure = found.confidence
    table = Table("", "", show_header=False, box=None)
    for what, value in (
        ("frames of phones", f"{len(frames.number):,}"),
        ("addresses", f"{len(np.unique(frames.address)):,}"),
        ("devices", f"{found.device.max():,}"),
        ("mean confidence of a link", f"{sure.mean():.0%}"),
    ):
        table.add_row(what, f"[bold]{value}[/bold]")
    console = Console()
    console.print(table)
    console.print(f"written to {out}")
