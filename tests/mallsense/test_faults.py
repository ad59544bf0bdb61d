"""Node, broker and gateway killed under load: what the spool had acknowledged is stored exactly once.

The small version of `benchmarks/node_faults.py`, on the loopback address.
"""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import msgspec

from benchmarks.fault_lab import MALL, NODE, START_MS, judge
from benchmarks.fault_node import NodeSettings
from contracts.site import Retention
from tests.gateway.crowd import small_site
from tests.gateway.running import ROOT, GatewayProcess
from tests.support import Mosquitto, wait_until

LIFE_MS = 1_000_000


def test_nothing_acknowledged_is_lost_or_doubled(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto]
) -> None:
    """A broker that saves nothing, the gateway and the node are killed (-9) in turns; then all rest."""
    draw = random.Random(1)
    broker = mosquitto_factory(settings="max_queued_messages 0\nmax_inflight_messages 0")
    site = small_site(MALL).model_copy(update={"retention": Retention(observations_h=10_000)})
    gateway = GatewayProcess(site, tmp_path, "--broker", f"mqtt://127.0.0.1:{broker.port}")
    gateway.start()
    record = tmp_path / "record"

    def node(life: int, seconds: int) -> subprocess.Popen[bytes]:
        settings = NodeSettings(
            broker=f"mqtt://127.0.0.1:{broker.port}", mall=MALL, node=NODE, spool=str(tmp_path / "spool"),
            record=str(record), start_ms=START_MS + life * LIFE_MS, seconds=seconds, speed=20.0,
        )  # fmt: skip
        text = msgspec.json.encode(asdict(settings)).decode()
        return subprocess.Popen([sys.executable, str(ROOT / "benchmarks/fault_node.py"), text], cwd=ROOT)

    def grows() -> None:
        before = record.stat().st_size if record.exists() else 0
        wait_until(lambda: record.exists() and record.stat().st_size > before)

    try:
        for life in range(2):
            running = node(life, 900)
            if life % 2:
                broker.kill()
                grows()  # while nobody confirms, the spool has to write
            else:
                gateway.end(signal.SIGKILL)
                grows()
                gateway.start()
            time.sleep(draw.uniform(0.0, 1.0))
            running.kill()
            running.wait()
            if life % 2:
                broker.start()
        assert node(2, 10).wait(60) == 0
    finally:
        gateway.end()
    verdict = judge(record, gateway.store)
    assert verdict.acknowledged > 0
    assert verdict.stored >= verdict.acknowledged
    assert (verdict.lost, verdict.doubled, verdict.dropped) == (0, 0, 0)
