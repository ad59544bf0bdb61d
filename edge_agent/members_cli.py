"""`mallsense members digest`: addresses and plates of members become digests, for people who hold the key."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.console import Console

from contracts.crm import IdentifierKind
from contracts.csv_rows import Row, rows, text_of
from contracts.errors import ConfigurationError
from contracts.references import ReferenceRefusedError, check_reference
from edge_agent.batcher import LOCALLY_ADMINISTERED
from edge_agent.enrolled import enrolled_digest
from edge_agent.kept_copy import write_copy
from edge_agent.key import read_key_file
from edge_agent.members import member_digest
from edge_agent.opt_out import key_id
from edge_agent.opt_out_cli import Key, parse_address
from edge_agent.plate_text import is_misspelt, plain_plate

app = typer.Typer(no_args_is_help=True, help="Members who agreed to be recognised: what the gateway is told.")

NEEDED = ("reference", "kind", "value")
PASSED_ON = {
    "evidence": (re.compile(r"([a-z][a-z_-]{0,31})?"), "a word in lower case, as in login or form"),
    "confidence": (re.compile(r"([01]?\.?[0-9]{0,6})"), "a number from 0.01 to 0.999"),
    "t_ms": (re.compile(r"[0-9]{0,13}"), "milliseconds since 1970"),
}
"""Columns that are copied where the file has them, and what each may hold: an address that slipped into one
of them stays here, too."""
GROUP = 0x01
"""The bit of an address's first byte that says it is no single device's (IEEE 802, 8.4)."""
SHOWN = 20


class Wrong(NamedTuple):
    """What is wrong with a row; never what stands in it."""

    line: int
    column: str
    problem: str


class Made(NamedTuple):
    """A row as it is written."""

    fields: list[str]
    kind: IdentifierKind
    random: bool
    """An address that the phone has chosen."""


@app.callback()
def _members() -> None:
    """Keep `digest` a command of its own, however few there are."""


@app.command()
def digest(
    file: Annotated[
        Path, typer.Argument(help="CSV with the columns reference, kind, value.", exists=True, dir_okay=False)
    ],
    *,
    key: Key,
    out: Annotated[Path, typer.Option(help="The CSV to write, for `mallsense crm import`.")],
) -> None:
    """Write digests in place of addresses (kind wifi) and plates (kind plate); the values stay here."""
    secret = read_key_file(key)
    made: list[Made] = []
    wrong: list[Wrong] = []
    for one in _read(file, secret):
        if isinstance(one, Made):
            made.append(one)
        else:
            wrong.append(one)
    _write(out, [one.fields for one in made])
    kinds = Counter(one.kind for one in made)
    typer.echo(f"{out}: " + (", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items())) or "nothing"))
    _warn(sum(one.random for one in made))
    for bad in wrong[:SHOWN]:
        typer.echo(f"{file}:{bad.line}: {bad.column or 'the row'}: {bad.problem}", err=True)
    if len(wrong) > SHOWN:
        typer.echo(f"... and {len(wrong) - SHOWN} more", err=True)
    if wrong:
        typer.echo(f"{len(wrong)} rows are left out", err=True)
        raise typer.Exit(1)


def _read(file: Path, secret: bytes) -> Iterator[Made | Wrong]:
    try:
        text = text_of(file.read_bytes())
    except ConfigurationError as error:
        raise ConfigurationError(f"{file}: {error.message}", error.hint) from error
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from error
    which = key_id(secret)
    for where, row in rows(io.StringIO(text, newline=""), str(file), NEEDED, private=True):
        line = int(where.rpartition(":")[2])
        if None in row:
            yield Wrong(line, "", "more fields than the first line")
        elif any(row.values()):
            yield _made(line, row, secret, which)


def _made(line: int, row: Row, secret: bytes, which: str) -> Made | Wrong:
    random = False
    try:
        match row["kind"].strip():
            case IdentifierKind.WIFI:
                address = parse_address(row["value"])
                if address[0] & GROUP or not any(address):
                    return Wrong(line, "value", "an address that no single device has")
                kind, named = IdentifierKind.WIFI, member_digest(secret, address)
                random = bool(address[0] & LOCALLY_ADMINISTERED)
            case IdentifierKind.PLATE:
                plate = plain_plate(row["value"])
                if is_misspelt(plate):
                    return Wrong(line, "value", "a plate begins as a Chinese one, and none goes on like it")
                kind, named = IdentifierKind.PLATE, enrolled_digest(secret, plate)
            case _:
                return Wrong(line, "kind", "expected wifi or plate; the gateway takes other kinds as is")
    except ConfigurationError as error:
        return Wrong(line, "value", error.message)
    copied = _copied(line, row)
    return copied if isinstance(copied, Wrong) else Made(_in_order(copied, kind, named, which), kind, random)


def _copied(line: int, row: Row) -> dict[str, str] | Wrong:
    """Return the columns that are written as they are; nothing in them is an address, a plate or a number."""
    copied = {"reference": row["reference"].strip()}
    try:
        check_reference(copied["reference"])
    except ReferenceRefusedError as error:
        return Wrong(line, "reference", error.message)
    for column, (shape, expected) in PASSED_ON.items():
        copied[column] = (row.get(column) or "").strip()
        if not shape.fullmatch(copied[column]):
            return Wrong(line, column, f"expected {expected}")
    return copied


def _in_order(copied: dict[str, str], kind: str, named: str, which: str) -> list[str]:
    reference, *more = copied.values()
    return [reference, kind, named, which, *more]


def _write(out: Path, made: list[list[str]]) -> None:
    text = io.StringIO()
    header = ["reference", "kind", "digest", "key", *PASSED_ON]
    csv.writer(text, lineterminator="\n").writerows([header, *made])
    try:
        write_copy(out, text.getvalue().encode())
    except OSError as error:
        raise ConfigurationError(f"{out}: cannot be written: {os.strerror(error.errno or 0)}") from error


def _warn(random: int) -> None:
    if random:
        Console(stderr=True).print(
            f"{random} of the addresses were chosen by phones. A phone keeps such an address for the mall's"
            " network until that is forgotten on the phone, or the phone is set to change it: then the member"
            " is not recognised until the next login.",
            style="yellow",
        )
