"""How much a gateway can take: phones in range, 8 receivers each, one report every 10 s each, in real time.

    python benchmarks/gateway.py [--phones 20000] [--nodes 32] [--for 60] [--dwell 300]

A real mosquitto and a gateway run as processes of their own; a third process is the load: one batch a node
and second, as edge agents send them. Printed: observations per second sent and taken in, the delay from the
newest observation of a tick to its position snapshot and from a visitor's last observation to the event that
the visit has started (both include the wait for the nodes), the gateway's share of a core, and its memory.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from contracts.messages import (  # noqa: E402
    AddressKind,
    AgentState,
    AgentStatus,
    FrameKind,
    ObservationBatch,
    encode,
)
from contracts.site import Site, dump_site  # noqa: E402
from contracts.topics import Topics  # noqa: E402

WIDTH_M, DEPTH_M, SHOPS_X, SHOPS_Y = 200.0, 150.0, 10, 6
REPORT_EVERY_S = 10
FORMS, FRAMES_A_REPORT = 60, 7
"""Kinds of phones, a few of them common, and frames that a phone sends from report to report."""
HEARD_BY = 8


def mall(nodes: int) -> Site:
    """Two floors of 200 m x 150 m with 60 shops each; nodes in a regular lattice on both."""
    floors: list[dict[str, Any]] = []
    places: list[dict[str, Any]] = []
    columns = int(np.ceil(np.sqrt(nodes / 2 * WIDTH_M / DEPTH_M)))
    rows = -(-nodes // (2 * columns))
    for level in (1, 2):
        zones = []
        for i in range(SHOPS_X * SHOPS_Y):
            x, y = WIDTH_M / SHOPS_X * (i % SHOPS_X), DEPTH_M / SHOPS_Y * (i // SHOPS_X)
            area = box(x, y, x + WIDTH_M / SHOPS_X, y + DEPTH_M / SHOPS_Y - 5)
            zones.append({"id": f"S{level}-{i}", "name": f"Shop {i}", "kind": "shop", "area": area})
        floors.append(
            {
                "id": f"F{level}",
                "name": f"F{level}",
                "level": level,
                "elevation_m": 5.0 * (level - 1),
                "outline": box(0, 0, WIDTH_M, DEPTH_M),
                "zones": zones,
            }
        )
        for i in range(nodes // 2):
            x, y = (i % columns + 0.5) * WIDTH_M / columns, (i // columns + 0.5) * DEPTH_M / rows
            places.append({"id": f"n{level}-{i}", "floor": f"F{level}", "x_m": x, "y_m": y})
    return Site.model_validate(
        {
            "version": 1,
            "mall": {"id": "bench", "name": "Bench"},
            "georeference": {"lat": 31.2, "lon": 121.5},
            "floors": floors,
            "nodes": places,
        }
    )


def box(x0: float, y0: float, x1: float, y1: float) -> dict[str, Any]:
    """A GeoJSON rectangle."""
    return {"type": "Polygon", "coordinates": [[(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)]]}


class Crowd:
    """Phones that stand in shops and change them now and then; each reports every ten seconds."""

    def __init__(self, site: Site, phones: int, dwell_s: float) -> None:
        self._rng = np.random.default_rng(1)
        self._site = site
        self._nodes = np.array([(n.x_m, n.y_m, 5.0 * (n.floor == "F2") + 3.0) for n in site.nodes])
        self._names = np.array([f"{n:016x}" for n in self._rng.integers(0, 2**63, phones).tolist()])
        forms = np.array([f"{n:016x}" for n in self._rng.integers(0, 2**63, FORMS).tolist()])
        share = 1.0 / np.arange(1, FORMS + 1)
        self._forms = self._rng.choice(forms, phones, p=share / share.sum())
        self._sequence = self._rng.integers(0, 4096, phones)
        self._offset = self._rng.integers(0, REPORT_EVERY_S, phones)
        self._xyz = self._places(phones)
        self._leave = 1.0 - np.exp(-REPORT_EVERY_S / dwell_s)

    def _places(self, count: int) -> Any:
        rng = self._rng
        x, y = rng.random(count) * WIDTH_M, rng.random(count) * DEPTH_M
        return np.column_stack((x, y, 5.0 * rng.integers(0, 2, count) + 1.0))

    def second(self, number: int) -> list[tuple[str, Any, Any, Any, Any]]:
        """Per node: its id; pseudonyms, levels, sequence numbers and elements of the phones that report."""
        rows = np.flatnonzero(self._offset == number % REPORT_EVERY_S)
        moved = rows[self._rng.random(len(rows)) < self._leave]
        self._xyz[moved] = self._places(len(moved))
        distance = np.linalg.norm(self._xyz[rows, None] - self._nodes[None], axis=2)
        rssi = -40.0 - 30.0 * np.log10(np.maximum(distance, 1.0)) + self._rng.normal(0, 4.0, distance.shape)
        cut = np.partition(rssi, -HEARD_BY, axis=1)[:, -HEARD_BY]
        heard = rssi >= cut[:, None]
        levels = np.clip(np.rint(rssi), -100, 0).astype(int)
        self._sequence[rows] = (self._sequence[rows] + FRAMES_A_REPORT) % 4096
        by_node = [(node.id, i, rows[heard[:, i]]) for i, node in enumerate(self._site.nodes)]
        return [
            (node, self._names[who].tolist(), levels[heard[:, i], i].tolist(),
             self._sequence[who].tolist(), self._forms[who].tolist())
            for node, i, who in by_node
        ]  # fmt: skip


def load(port: int, nodes: int, phones: int, dwell_s: float, seconds: int, sent: Any) -> None:
    """Be the edge agents of the mall for some seconds of real time."""
    site = mall(nodes)
    crowd, topics = Crowd(site, phones, dwell_s), Topics(site.mall.id)
    client = Client(CallbackAPIVersion.VERSION2, "edge", protocol=MQTTProtocolVersion.MQTTv5)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    start_ms = time.time_ns() // 1_000_000
    status = AgentStatus(
        agent="edge", nodes=[n.id for n in site.nodes], state=AgentState.ONLINE, since_ms=start_ms
    )
    client.publish(topics.agent_status("edge"), encode(status), qos=1, retain=True).wait_for_publish(5)
    boot = os.urandom(8).hex()
    begin_s = time.time()
    for number in range(seconds):
        heard = crowd.second(number)
        # Frames are heard all through the second; the batch goes out when it is over.
        end_s = begin_s + number + 1
        time.sleep(max(0.0, end_s - time.time()))
        end_ms = int(end_s * 1000)
        for node, names, levels, sequence, forms in heard:
            n = len(names)
            times = (end_ms - 1000 + np.arange(n) * 1000 // max(n, 1)).tolist()
            batch = ObservationBatch(
                node=node, boot=boot, seq=number, watermark_ms=end_ms, t_ms=times, device=names,
                address_kind=[AddressKind.RANDOM] * n, rssi_dbm=levels, channel=[6] * n,
                frame_kind=[FrameKind.PROBE] * n, sequence=sequence, elements=forms,
            )  # fmt: skip
            client.publish(topics.observations(node), encode(batch), qos=1)
            sent.value += n
    time.sleep(3)
    client.disconnect()
    client.loop_stop()


class Watcher:
    """Takes down when position snapshots and zone events arrive."""

    def __init__(self, port: int) -> None:
        self.position_delay_s: list[float] = []
        self.event_delay_s: list[float] = []
        self.begin_s = float("inf")
        client = Client(CallbackAPIVersion.VERSION2, "watcher", protocol=MQTTProtocolVersion.MQTTv5)
        client.on_message = self._arrived
        client.connect("127.0.0.1", port)
        client.subscribe([("mallsense/v1/bench/floor/+/positions", 0), ("mallsense/v1/bench/events/#", 0)])
        client.loop_start()

    def _arrived(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        now_s = time.time()
        if now_s < self.begin_s:
            return
        fields = msgspec.json.decode(message.payload)
        if message.topic.endswith("/positions"):
            # The newest observation in the tick that ended at t_ms was heard just before its end.
            self.position_delay_s.append(now_s - fields["t_ms"] / 1000)
        elif fields["type"].startswith("io.mallsense.visit.started"):
            self.event_delay_s.append(now_s - fields["data"]["seen_ms"] / 1000)


def percentiles(values: list[float]) -> str:
    """p50 and p99 as text."""
    if not values:
        return "none"
    p50, p99 = np.percentile(values, (50, 99))
    return f"p50 {p50:.2f} s   p99 {p99:.2f} s   ({len(values)})"


def main() -> None:
    """Run the benchmark and print what it measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--phones", type=int, default=20_000)
    parser.add_argument("--nodes", type=int, default=32)
    parser.add_argument("--for", dest="seconds", type=int, default=60)
    parser.add_argument("--dwell", type=float, default=300.0, help="seconds a phone stays in a shop")
    arguments = parser.parse_args()
    program = shutil.which("mosquitto", path=f"{os.environ.get('PATH')}:/usr/sbin")
    if program is None:
        sys.exit("mosquitto is not installed: scripts/install-test-tools.sh installs it where it may")
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), program, arguments)


def run(folder: Path, program: str, arguments: argparse.Namespace) -> None:
    """Start broker and gateway, measure, and stop them."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    user = "user root\n" if os.geteuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\n{user}"
        "max_queued_messages 0\nmax_inflight_messages 0\n"
    )
    (folder / "site.yaml").write_text(dump_site(mall(arguments.nodes)), encoding="utf-8")
    broker = subprocess.Popen([program, "-c", folder / "mosquitto.conf"], stderr=subprocess.DEVNULL)
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    time.sleep(0.5)
    gateway = subprocess.Popen(
        [
            *(sys.executable, "-m", "mallsense", "gateway", "--site", str(folder / "site.yaml")),
            *("--port", "0", "--store", str(folder / "store.db"), "--broker", f"mqtt://127.0.0.1:{port}"),
        ],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ, **one_thread},
    )  # fmt: skip
    try:
        assert gateway.stdout is not None
        url = next(word for word in gateway.stdout.readline().split() if word.startswith("http"))
        threading.Thread(target=gateway.stdout.read, daemon=True).start()
        measure(port, url, folder, arguments)
    finally:
        gateway.terminate()
        gateway.wait(60)
        broker.terminate()
        broker.wait(10)


def health(url: str) -> dict[str, Any]:
    """What the gateway says of itself."""
    with urllib.request.urlopen(f"{url}api/v1/health", timeout=30) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def measure(port: int, url: str, folder: Path, arguments: argparse.Namespace) -> None:
    """Load the gateway and print what happens."""
    watcher = Watcher(port)
    sent = multiprocessing.Value("q", 0)
    warm_s = min(20, arguments.seconds // 3)
    edge = multiprocessing.Process(
        target=load, args=(port, arguments.nodes, arguments.phones, arguments.dwell, arguments.seconds, sent)
    )
    edge.start()
    time.sleep(warm_s)
    before, sent_before, begin_s = health(url), sent.value, time.time()
    watcher.begin_s = begin_s
    time.sleep(arguments.seconds - warm_s)
    after, sent_after, end_s = health(url), sent.value, time.time()
    edge.join()
    span_s = end_s - begin_s
    behind_s = end_s - (after["t_ms"] or 0) / 1000
    print(
        f"{arguments.phones} phones, {arguments.nodes} nodes, {span_s:.0f} s after {warm_s} s of warming up"
    )
    print(f"observations sent       {(sent_after - sent_before) / span_s:,.0f} /s")
    gone_s = ((after["t_ms"] or 0) - (before["t_ms"] or 0)) / 1000
    print(f"event time gone by      {gone_s / span_s:.2f} s a second")
    print(f"behind real time        {behind_s:.1f} s at the end, {after['waiting']} messages waiting")
    print(f"observation to position {percentiles(watcher.position_delay_s)}")
    print(f"observation to event    {percentiles(watcher.event_delay_s)}")
    cpu_s = after["cpu_s"] - before["cpu_s"]
    print(f"processor               {cpu_s / span_s:.2f} cores, {cpu_s / gone_s:.2f} s per s of event time")
    print(f"memory                  {after['memory_bytes'] / 2**20:,.0f} MB")
    size = sum(path.stat().st_size for path in folder.glob("store.db*"))
    each = size / max(1, sent.value)
    print(f"store                   {size / 2**20:,.0f} MB, {each:.0f} bytes an observation")
    print(f"devices                 {after['devices']:,}   refused {after['counters']}")
    load_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    print(f"load generator          {load_s / arguments.seconds:.2f} cores")


if __name__ == "__main__":
    main()
