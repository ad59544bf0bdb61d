"""Whether the machine is well: disk, memory, temperature, power, clock."""

from collections.abc import Iterator
from pathlib import Path

from contracts.messages import Throttling
from edge_agent.checks.finding import Finding, Place, ok, problem, unknown
from edge_agent.health import read_vitals
from edge_agent.machine import clock_synchronised, read_throttled

DISK_BYTES = 300 * 1024 * 1024
"""A full spool takes 256 MB."""
MEMORY_BYTES = 64 * 1024 * 1024
HOT_C = 75.0
"""Five degrees below where a Raspberry Pi begins to slow down."""


def check_vitals(place: Place) -> Iterator[Finding]:
    """Look at disk, memory and temperature."""
    folder = place.spool.parent if place.spool else Path("/")
    vitals = read_vitals(folder)
    yield _least(
        "disk",
        vitals.disk_free_bytes,
        DISK_BYTES,
        f"free where the spool is ({folder})",
        "Free some space: sudo journalctl --vacuum-size=50M; sudo apt clean",
    )
    yield _least(
        "memory",
        vitals.memory_free_bytes,
        MEMORY_BYTES,
        "for programs",
        "See with `top` what takes it; a node runs the agent and little else.",
    )
    hot = vitals.temperature_c
    if hot is None:
        yield unknown("temperature", "This machine has no sensor.")
    elif hot >= HOT_C:
        yield problem(
            "temperature",
            f"{hot:.0f} °C: from 80 °C on it slows down, and frames are lost.",
            "Give it air: open the case, add a heat sink, move it away from lamps.",
        )
    else:
        yield ok("temperature", f"{hot:.0f} °C.")


def _least(about: str, found: int | None, least: int, words: str, todo: str) -> Finding:
    if found is None:
        return unknown(about, "The machine does not say.")
    what = f"{found / 1e6:,.0f} MB {words}"
    return ok(about, f"{what}.") if found >= least else problem(about, f"Only {what}.", todo)


def check_power(_place: Place) -> Iterator[Finding]:
    """See whether a Raspberry Pi has had to protect itself."""
    throttled = read_throttled()
    if throttled is None:
        yield unknown("power", "Only a Raspberry Pi says whether its power supply is strong enough.")
    elif Throttling.UNDER_VOLTAGE in throttled.since_boot or Throttling.UNDER_VOLTAGE in throttled.now:
        when = "now" if Throttling.UNDER_VOLTAGE in throttled.now else "since it was switched on"
        yield problem(
            "power",
            f"The voltage was too low {when}: adapters drop out, and cards are damaged.",
            "Use the official power supply and a short cable; put adapters on a powered USB hub.",
        )
    elif throttled.now:
        names = ", ".join(reason.replace("_", " ") for reason in throttled.now)
        yield problem("power", f"It has slowed down ({names}).", "Give it air, and look at its power supply.")
    elif throttled.since_boot:
        names = ", ".join(reason.replace("_", " ") for reason in throttled.since_boot)
        yield ok("power", f"Well now; since it was switched on it had to slow down once ({names}).")
    else:
        yield ok("power", "The power supply is strong enough; it never had to slow down.")


def check_clock(_place: Place) -> Iterator[Finding]:
    """See whether the clock follows a time server."""
    synchronised = clock_synchronised()
    if synchronised is None:
        yield unknown("clock", "The machine does not say whether its clock follows a time server.")
    elif synchronised:
        yield ok("clock", "Follows a time server.")
    else:
        yield problem(
            "clock",
            "Follows no time server: with a wrong time, what this node hears is refused or misplaced.",
            "See `timedatectl`; let UDP port 123 through to a time server, or name the mall's own.",
        )
