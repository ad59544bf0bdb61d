"""What a history in InfluxDB loses when things fail: `python benchmarks/store_faults.py [--tries 100]`.

A real influxd 1.6.7, and a process that writes as the gateway does (`store_writer.py`): journal file, outbox,
sender. After each fault everything is given time to come to rest; then every point in InfluxDB is held
against a run without faults, and that against arithmetic. Needs root for its small disk. Prints a Markdown
table; with `--report docs/faults.md` it goes there.
"""

import argparse
import contextlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.store_lab import StoreLab, Verdict  # noqa: E402
from benchmarks.store_proxy import Proxy  # noqa: E402
from benchmarks.store_writer import WriterSettings  # noqa: E402
from mallsense.accuracy.report import rewrite  # noqa: E402
from mallsense.accuracy.tables import markdown  # noqa: E402
from tests.influx import Influxd  # noqa: E402
from tests.support import find_program  # noqa: E402

HEADINGS = ("fault", "tries", "points", "dropped, counted", "**lost**", "**doubled**")
TICKS_A_TRY = 60
Fault = Callable[[StoreLab, str, int, random.Random], tuple[int, Verdict]]


def _finish(lab: StoreLab, settings: WriterSettings, name: str, tries: int) -> tuple[int, Verdict]:
    process = lab.writers.get(settings.journal)
    if process is None or process.poll() is not None:
        process = lab.start(settings)
    if process.wait(1200):
        sys.exit(f"{name}: the writer failed: see {lab.folder}/writer.log")
    return tries, lab.judge(settings, name)


def control(lab: StoreLab, name: str, _tries: int, _draw: random.Random) -> tuple[int, Verdict]:
    """Nothing fails."""
    settings = lab.settings(lab.database(name), 4000)
    return _finish(lab, settings, name, 1)


def influxd_killed(lab: StoreLab, name: str, tries: int, draw: random.Random) -> tuple[int, Verdict]:
    """The server is killed (-9) under load and started again, over and over."""
    return _killed(lab, name, tries, draw, server=True, writer=False)


def writer_killed(lab: StoreLab, name: str, tries: int, draw: random.Random) -> tuple[int, Verdict]:
    """The gateway is."""
    return _killed(lab, name, tries, draw, server=False, writer=True)


def both_killed(lab: StoreLab, name: str, tries: int, draw: random.Random) -> tuple[int, Verdict]:
    """Both are, at the same time."""
    return _killed(lab, name, tries, draw, server=True, writer=True)


def _killed(
    lab: StoreLab, name: str, tries: int, draw: random.Random, *, server: bool, writer: bool
) -> tuple[int, Verdict]:
    settings = lab.settings(lab.database(name), tries * TICKS_A_TRY)
    lab.start(settings)
    for _ in range(tries):
        process = lab.writers[settings.journal]
        before = lab.position(settings)
        lab.wait_for(settings, min(before + draw.randint(5, TICKS_A_TRY // 2), settings.ticks))
        time.sleep(draw.uniform(0.0, 0.05))
        if server:
            lab.influxd.kill()
        if writer:
            process.kill()
            process.wait()
        time.sleep(draw.uniform(0.0, 0.3))
        if server:
            lab.influxd.start()
        if writer:
            lab.start(settings)
    return _finish(lab, settings, name, tries)


def away_for_an_hour(lab: StoreLab, name: str, _tries: int, _draw: random.Random) -> tuple[int, Verdict]:
    """The server is away for an hour of event time, while the gateway writes on and is killed once."""
    settings = lab.settings(lab.database(name), 4500)
    lab.start(settings)
    lab.wait_for(settings, 400)
    lab.influxd.kill()
    lab.wait_for(settings, 2000)
    lab.writers[settings.journal].kill()
    lab.writers[settings.journal].wait()
    lab.start(settings)
    lab.wait_for(settings, 4000)
    lab.influxd.start()
    return _finish(lab, settings, name, 1)


def badly_treated(treat: tuple[str, ...], ticks: int, share: float) -> Fault:
    """Make a fault of a proxy's treatment; every request treated so is a try."""

    def fault(lab: StoreLab, name: str, _tries: int, _draw: random.Random) -> tuple[int, Verdict]:
        lab.database(name)
        with Proxy(lab.influxd.port, treat, share=share).running() as proxy:
            address = f"influx://127.0.0.1:{proxy.port}/{name}"
            settings = lab.settings(name, ticks, address=address, answer_timeout_s=1.0)
            _, verdict = _finish(lab, settings, name, 1)
            return proxy.treated.total() - proxy.treated["through"], verdict

    return fault


def disk_full(lab: StoreLab, name: str, _tries: int, draw: random.Random) -> tuple[int, Verdict]:
    """The disk of the outbox is filled by something else while influxd is away; later both are well again."""
    lab.database(name)
    with _small_disk(64) as disk:
        settings = lab.settings(name, 3000, journal=str(disk / "store.db"))
        lab.start(settings)
        lab.wait_for(settings, 300)
        lab.influxd.kill()
        lab.wait_for(settings, 800)
        with contextlib.suppress(OSError), (disk / "ballast").open("wb") as ballast:
            while True:
                ballast.write(bytes(65_536))
                ballast.flush()
        time.sleep(5)
        stood = lab.position(settings)
        lab.influxd.start()
        time.sleep(draw.uniform(1, 2))
        (disk / "ballast").unlink()
        print(f"  it stood at tick {stood}", file=sys.stderr)
        return _finish(lab, settings, name, 1)


def outbox_full(lab: StoreLab, name: str, _tries: int, _draw: random.Random) -> tuple[int, Verdict]:
    """The server is away for longer than there is room in the outbox (2 MB here)."""
    settings = lab.settings(lab.database(name), 4500, limit_bytes=2_000_000)
    lab.start(settings)
    lab.wait_for(settings, 400)
    lab.influxd.kill()
    lab.wait_for(settings, 4400)
    lab.influxd.start()
    return _finish(lab, settings, name, 1)


FAULTS: dict[str, tuple[str, Fault]] = {
    "none": ("none", control),
    "influxd": ("influxd killed -9 under load", influxd_killed),
    "gateway": ("gateway killed -9", writer_killed),
    "both": ("influxd and gateway killed -9 at once", both_killed),
    "away": ("influxd away for an hour of event time, gateway killed -9 meanwhile", away_for_an_hour),
    "garbage": (
        "answers of somebody else, after the points were taken or without",
        badly_treated(("garbage",), 600, 0.3),
    ),
    "cut": (
        "connection broken in the middle of the request or the answer",
        badly_treated(("cut",), 600, 0.3),
    ),
    "slow": ("answers later than is waited for", badly_treated(("slow",), 600, 0.05)),
    "disk": ("disk of the outbox full while influxd is away", disk_full),
    "full": ("outbox full: away for longer than it has room", outbox_full),
}


@contextmanager
def _small_disk(size_mb: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mallsense-disk-") as name:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mb}m", "tmpfs", name], check=True)
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "-l", name], check=True)


def main() -> None:
    """Try the faults, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tries", type=int, default=100, help="how often what is killed is killed")
    parser.add_argument("--only", nargs="*", choices=FAULTS, help="these faults alone")
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    chosen = parser.parse_args()
    program = find_program("influxd")
    if program is None:
        sys.exit("influxd is not installed")
    rows = []
    for key in chosen.only or FAULTS:
        title, fault = FAULTS[key]
        with tempfile.TemporaryDirectory(prefix="mallsense-faults-") as folder:
            lab = StoreLab(Influxd(program, Path(folder)).start(), Path(folder))
            try:
                tries, verdict = fault(lab, key, chosen.tries, random.Random(1))
            finally:
                lab.close()
                lab.influxd.kill()
        lost = max(0, verdict.lost - verdict.dropped)
        rows.append(
            (title, *(f"{n:,}" for n in (tries, verdict.points, verdict.dropped, lost, verdict.doubled)))
        )
        print(*rows[-1], sep=" | ", flush=True)
    print(markdown(HEADINGS, rows))
    if chosen.report:
        rewrite(chosen.report, {"store-faults": markdown(HEADINGS, rows)})


if __name__ == "__main__":
    main()
