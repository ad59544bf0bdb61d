"""What it costs to put addresses together into devices, on one core: observations/s, memory.

    python -m benchmarks.identity [--phones 20000] [--nodes 8] [--warm 600] [--seconds 60] [--addresses N]

Simulated phones (`simulators.phones`, with new phones coming as others go) send; every frame is heard by
some nodes. Ticks are of a second. `Appearances.of` and `Linker.hear` and `expire` are measured, for ticks
after the warm-up, with all phones known. A second run passes a day of addresses, in a fixed number of phones
at a time, through a linker and looks at what stays. Times are processor time of one run: compare within it.
"""

import argparse
import os
import time
import tracemalloc
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core is what is measured
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from contracts.messages import FrameKind
from edge_agent.pseudonym import KEY_BYTES, ElementHashes
from positioning.identity import Appearances, Linker
from simulators.phones import Phones

Ints = npt.NDArray[np.int64]
Observations = tuple[npt.NDArray[np.uint64], Ints, Ints, npt.NDArray[np.uint64], npt.NDArray[np.bool_]]
"""Addresses, times, sequence numbers, forms, and whether the maker chose the address."""

STAY_S = 3_600
"""Mean time a phone is there."""
_DAY_MS = 12 * 3_600_000
"""A mall is open for so long."""


def traffic(phones: int, nodes: int, seconds: int) -> Iterator[Observations]:
    """Give what all nodes hear, second by second, of a crowd of constant size."""
    source, rng = Phones(1), np.random.default_rng(2)
    hashes = ElementHashes(bytes(KEY_BYTES), b"elements")
    forms = np.array([int(hashes[one], 16) for one in source.elements], dtype=np.uint64)
    people, following = np.arange(phones), phones
    for t_s in range(seconds):
        gone = rng.random(len(people)) < 1.0 / STAY_S
        people = np.append(people[~gone], np.arange(following, following + gone.sum()))
        following += int(gone.sum())
        source.follow(people, t_s)
        frames = source.send(np.ones(len(source), dtype=np.bool_), t_s)
        form = np.where(frames.kind == FrameKind.PROBE, forms[frames.elements], np.uint64(0))
        permanent = (frames.address >> np.uint64(41)) & np.uint64(1) == 0
        heard = rng.permutation(np.repeat(np.arange(len(frames)), nodes))
        columns = (frames.address, frames.t_ms, frames.sequence, form, permanent)
        yield tuple(column[heard] for column in columns)


def speed(phones: int, nodes: int, warm_s: int, seconds: int) -> None:
    """Measure and print what a tick costs."""
    linker = Linker()
    spent = np.zeros(3)
    observations = addresses = fresh = 0
    for t_s, heard in enumerate(traffic(phones, nodes, warm_s + seconds)):
        began = time.process_time()
        appearances = Appearances.of(*heard)
        put_together = time.process_time()
        links = linker.hear(appearances)
        linked = time.process_time()
        linker.expire(1000 * t_s)
        done = time.process_time()
        if t_s >= warm_s:
            spent += (put_together - began, linked - put_together, done - linked)
            observations += len(heard[0])
            addresses += len(appearances)
            fresh += int(links.fresh.sum())
    total = spent.sum()
    print(f"phones {phones:,}; devices remembered {len(linker):,}")
    print(
        f"observations {observations / seconds:,.0f} a second of event time, of {addresses / seconds:,.0f} "
        f"addresses, {fresh / seconds:,.0f} of them new"
    )
    print(f"throughput {observations / total:,.0f} observations/s, {seconds / total:.1f} x real time")
    shares = " ".join(
        f"{name} {share:.0%}" for name, share in zip(("of", "hear", "expire"), spent / total, strict=True)
    )
    print(f"time: {shares}; hear {1e6 * spent[1] / max(fresh, 1):.0f} us per new address")


def memory(addresses: int, phones: int) -> None:
    """Measure and print what stays of a day of addresses: phones that come, change addresses, and go."""
    rng = np.random.default_rng(1)
    linker = Linker()
    ticks = _DAY_MS // 10_000
    each = addresses // ticks + 1
    known = rng.integers(0, 4096, phones)
    tracemalloc.start()
    most = 0
    for tick in range(ticks):
        t_ms = np.sort(tick * 10_000 + rng.integers(0, 10_000, each))
        phone = rng.permutation(phones)[:each]
        known[phone] = (known[phone] + rng.integers(1, 20, each)) % 4096
        form = ((phone % 50).astype(np.uint64) << np.uint64(32)) + np.uint64(1)
        address = rng.integers(1 << 41, 1 << 48, each).astype(np.uint64)
        linker.hear(Appearances.of(address, t_ms, known[phone], form, np.zeros(each, dtype=np.bool_)))
        linker.expire(10_000 * tick)
        most = max(most, len(linker))
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    kept = sum(array.nbytes for array in linker.state().values())
    print(
        f"a day of {ticks * each:,} addresses of {phones:,} phones: "
        f"{now / 1e6:.1f} MB stay, peak {peak / 1e6:.1f} MB"
    )
    print(f"at most {most:,} devices remembered at once; checkpoint {kept / 1e6:.1f} MB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--nodes", type=int, default=8, help="how many hear each frame")
    parser.add_argument("--warm", type=int, default=600, help="event time before measuring, s")
    parser.add_argument("--seconds", type=int, default=60, help="event time to measure")
    parser.add_argument("--addresses", type=int, default=100_000, help="of a day")
    options = parser.parse_args()
    speed(options.phones, options.nodes, options.warm, options.seconds)
    memory(options.addresses, 2_000)


if __name__ == "__main__":
    main()
