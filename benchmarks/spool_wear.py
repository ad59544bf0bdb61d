"""What the spool writes to an SD card: `python benchmarks/spool_wear.py [--seconds 120] [--folder DIR]`.

A spool gets a batch a second, as a live node makes them, of 10, 100 and 1,000 observations, and is driven as
the publisher drives it: committed once a second at most. First everything is confirmed in time, as with a
broker and a gateway that answer; then nothing is, as in an outage; then the backlog is confirmed, ten batches
a second. Bytes are counted by the kernel (`write_bytes` of /proc/self/io: what is sent to the disk below the
page cache), so the folder must be on a real file system; its own journal and the card's write amplification
come on top. Seconds pass as fast as the disk allows. Prints a Markdown table: bytes written for each second.
"""

import argparse
import itertools
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from contracts.messages import encode  # noqa: E402
from edge_agent.batcher import Batcher  # noqa: E402
from edge_agent.pseudonym import Pseudonyms  # noqa: E402
from edge_agent.publisher import CATCH_UP  # noqa: E402
from edge_agent.rotation import SaltRotation  # noqa: E402
from edge_agent.spool import Spool  # noqa: E402
from mallsense.accuracy.report import rewrite  # noqa: E402
from mallsense.accuracy.tables import markdown  # noqa: E402
from tests.edge_agent.helpers import heard  # noqa: E402

RATES = (10, 100, 1000)
HEADINGS = (
    "observations a second",
    "bytes a batch",
    "confirmed in time",
    "outage",
    "a byte of observations",
    "backlog confirmed",
    "outage, MB an hour",
)


def written() -> int:
    """Return the bytes that this process has had written to disks."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("write_bytes")).split()[1])


def batches(per_second: int, seconds: int) -> list[bytes]:
    """Return encoded batches as a live node makes them."""
    draw = random.Random(1)
    pool = [b"\x02" + draw.randbytes(5) for _ in range(500)]
    numbers = itertools.count()
    rotation = SaltRotation("Asia/Shanghai")
    batcher = Batcher(Pseudonyms(bytes(32), rotation), boot="0" * 16, number=numbers.__next__)
    return [
        encode(batch)
        for second in range(seconds)
        for batch in batcher.add(heard(second=second, addresses=draw.choices(pool, k=per_second)))
    ]


def cost(work: Callable[[], object]) -> int:
    """Return the bytes that some work has had written."""
    before = written()
    work()
    os.sync()
    return written() - before


def measure(folder: Path, per_second: int, seconds: int) -> tuple[str, ...]:
    """Give a line of the table."""
    payloads = batches(per_second, seconds)
    spool = Spool(folder / f"spool-{per_second}")

    def confirmed() -> None:
        for payload in payloads:
            spool.append("n1", spool.number(), payload)
            spool.ack([batch.row for batch in spool.peek(0, 1)])
            spool.commit()

    def outage() -> None:
        for payload in payloads:
            spool.append("n1", spool.number(), payload)
            spool.commit()

    def backlog() -> None:
        after = 0
        while found := spool.peek(after, 10 * round(CATCH_UP)):  # deletions go to disk every ten seconds
            after = found[-1].row
            spool.ack([batch.row for batch in found])
            spool.commit()

    bytes_each = sum(map(len, payloads)) / len(payloads)
    calm, out, back = (cost(work) / len(payloads) for work in (confirmed, outage, backlog))
    spool.close()
    return (
        f"{per_second:,}", f"{bytes_each:,.0f}", f"{calm:,.0f}", f"{out:,.0f}", f"{out / bytes_each:.1f}",
        f"{back:,.0f}", f"{out * 3600 / 1e6:,.0f}",
    )  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument(
        "--folder", type=Path, help="on the disk to measure; the default is the temporary folder"
    )
    parser.add_argument("--report", type=Path, help="Markdown file with a section for the table")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mallsense-wear-", dir=args.folder) as folder:
        table = markdown(HEADINGS, [measure(Path(folder), rate, args.seconds) for rate in RATES])
    print(table)
    if args.report:
        rewrite(args.report, {"wear": table})


if __name__ == "__main__":
    main()
