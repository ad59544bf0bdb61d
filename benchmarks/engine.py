"""How much radio the engine keeps up with on one core: observations/s, time per tick, memory, checkpoints.

    python -m benchmarks.engine [--devices 20000] [--interval 10] [--receivers 8] [--seconds 60]

Every device stands somewhere in the simulated mall, walks on now and then, and is heard by the nearest
receivers once per interval. Everything is computed for every device: positions, zone probabilities, visits,
paths, heat cells. The input is made beforehand as the batches that come off the wire (one a second and node);
decoding is not measured. Times are processor time, so that neighbours on the machine do not count.
"""

import argparse
import os
import resource
import time
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # one core is what is measured
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from contracts.messages import AddressKind, AgentState, AgentStatus, FrameKind, ObservationBatch
from contracts.site import Site
from gateway.engine import build_engine
from gateway.engine.setup import grid_of, radio_model
from simulators import mall

Floats = npt.NDArray[np.float64]

START_MS = 1_750_000_000_000
WALKING = 0.01  # share of the devices that walk to another place in a second
SHADOWING_DB = 6.0


class Crowd:
    """Devices that are somewhere and are heard from time to time."""

    def __init__(self, site: Site, devices: int, interval_s: int, receivers: int) -> None:
        self._random = np.random.default_rng(1)
        self._site, self._interval_s, self._receivers = site, interval_s, receivers
        self._places = grid_of(site).xyz_m
        self._expected = radio_model(site).expected_dbm(self._places)
        self._names = [f"{key:016x}" for key in self._random.integers(0, 2**63, devices).tolist()]
        self._at = self._random.integers(0, len(self._places), devices)

    def second(self, number: int) -> list[ObservationBatch]:
        """Return what all nodes say of one second."""
        self._walk()
        heard = np.arange(number % self._interval_s, len(self._names), self._interval_s)
        levels = self._expected[self._at[heard]] + self._random.normal(0, SHADOWING_DB, (len(heard), 1))
        levels = levels + self._random.normal(0, SHADOWING_DB, levels.shape)
        nearest = np.argsort(-levels, axis=1)[:, : self._receivers]
        return [
            self._batch(node.id, number, heard[rows], levels[rows, i])
            for i, node in enumerate(self._site.nodes)
            for rows in [np.flatnonzero((nearest == i).any(axis=1))]
        ]

    def _walk(self) -> None:
        moves = self._random.random(len(self._at)) < WALKING
        self._at[moves] = self._random.integers(0, len(self._places), int(moves.sum()))

    def _batch(self, node: str, number: int, heard: npt.NDArray[np.int64], level: Floats) -> ObservationBatch:
        count, start_ms = len(heard), START_MS + number * 1000
        return ObservationBatch(
            node=node,
            boot="0" * 16,
            seq=number,
            watermark_ms=start_ms + 1000,
            t_ms=(start_ms + heard % 1000).tolist(),
            device=[self._names[i] for i in heard.tolist()],
            address_kind=[AddressKind.RANDOM] * count,
            rssi_dbm=np.clip(level.round(), -100, 0).astype(int).tolist(),
            channel=[6] * count,
            frame_kind=[FrameKind.PROBE] * count,
            sequence=[-1] * count,
            elements=[""] * count,
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, default=20_000)
    parser.add_argument("--interval", type=int, default=10, help="seconds between reports of a device")
    parser.add_argument("--receivers", type=int, default=8, help="how many hear each report")
    parser.add_argument("--seconds", type=int, default=60, help="event time to measure")
    options = parser.parse_args()
    site = mall.site()
    crowd = Crowd(site, options.devices, options.interval, options.receivers)
    engine = build_engine(site)
    nodes = [node.id for node in site.nodes]
    engine.status(AgentStatus(agent="benchmark", nodes=nodes, state=AgentState.ONLINE, since_ms=START_MS))
    feed_s, tick_s, observations, events = [], [], 0, 0
    for number, batches in seconds(crowd, options.interval + options.seconds):
        began = time.process_time()
        for batch in batches:
            engine.feed(batch)
        fed = time.process_time()
        ticks = list(engine.advance())
        done = time.process_time()
        if number >= options.interval:  # before, devices are still being heard for the first time
            feed_s.append(fed - began)
            tick_s.append(done - fed)
            observations += sum(map(len, batches))
            events += sum(len(tick.events) for tick in ticks)
    began = time.process_time()
    checkpoint = engine.state()
    checkpoint_s = time.process_time() - began
    total = np.array(feed_s) + np.array(tick_s)
    p50, p99 = np.percentile(tick_s, [50, 99]) * 1000
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent_s = total.sum()
    print(f"devices {options.devices:,}; {observations / options.seconds:,.0f} observations a second")
    speed = options.seconds / spent_s
    print(f"throughput {observations / spent_s:,.0f} observations/s, {speed:.1f} x real time")
    print(f"tick p50 {p50:.0f} ms, p99 {p99:.0f} ms; feeding {np.median(feed_s) * 1000:.0f} ms")
    print(f"events {events / options.seconds:.0f}/s")
    size_mb = len(checkpoint) / 1e6
    print(f"memory {memory_mb:.0f} MB; checkpoint {size_mb:.1f} MB in {checkpoint_s * 1000:.0f} ms")


def seconds(crowd: Crowd, count: int) -> Iterator[tuple[int, list[ObservationBatch]]]:
    """Return the batches of each second."""
    return ((number, crowd.second(number)) for number in range(count))


if __name__ == "__main__":
    main()
