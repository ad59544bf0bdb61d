"""A real influxd and the gateway's writing half killed under load: every point arrives, and once.

The small version of `benchmarks/store_faults.py`.
"""

import random
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks.store_lab import StoreLab, Verdict
from benchmarks.store_proxy import Proxy
from tests.influx import Influxd

TICKS = 90


@pytest.fixture(scope="module")
def lab(
    influxd_factory: Callable[..., Influxd], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StoreLab]:
    """Make a server of one's own, and a place for writers."""
    server = influxd_factory()
    made = StoreLab(server, tmp_path_factory.mktemp("lab"))
    yield made
    made.close()
    server.stop()


def test_nothing_is_lost_or_doubled_by_kills(lab: StoreLab) -> None:
    """Server and writer are killed (-9) in turns, and at once; then all points are there, and no others."""
    draw = random.Random(1)
    settings = lab.settings(lab.database("kills"), TICKS)
    lab.start(settings)
    for number in range(3):
        lab.wait_for(settings, 20 * number + draw.randint(10, 20))
        if number != 0:
            lab.influxd.kill()
        if number != 1:
            lab.writers[settings.journal].kill()
            lab.writers[settings.journal].wait()
            lab.start(settings)
        time.sleep(draw.uniform(0.0, 0.2))
        if number != 0:
            lab.influxd.start()
    assert lab.writers[settings.journal].wait(60) == 0
    verdict = lab.judge(settings, "kills")
    assert verdict == Verdict(points=verdict.points, lost=0, doubled=0, dropped=0)
    assert verdict.points > TICKS * 20


def test_nothing_is_lost_or_doubled_by_bad_answers(lab: StoreLab) -> None:
    """Connections break in the middle, and somebody else answers: all points are there, and no others."""
    lab.database("answers")
    with Proxy(lab.influxd.port, ("garbage", "cut"), share=0.2).running() as proxy:
        address = f"influx://127.0.0.1:{proxy.port}/answers"
        settings = lab.settings("answers", TICKS, address=address, answer_timeout_s=1.0)
        assert lab.start(settings).wait(60) == 0
        assert {"garbage", "cut", "through"} == proxy.treated.keys()
    verdict = lab.judge(settings, "answers")
    assert verdict == Verdict(points=verdict.points, lost=0, doubled=0, dropped=0)
