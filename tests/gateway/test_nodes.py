"""How nodes are, what is said about them, and the lines that events are shown in."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from contracts.events import EventKind
from contracts.messages import (
    AgentState,
    NodeHealth,
    ObservationBatch,
    RadioHealth,
    RadioTrouble,
    Throttling,
    decode,
    encode,
)
from contracts.plates import CameraHealth, CameraTrouble
from gateway import advice as words
from gateway.advice import advice
from gateway.following import Happening
from gateway.nodes import Nodes, NodeState
from gateway.showing import Table, duration
from gateway.store.records import NodeRecord
from tests.gateway.crowd import BOOT, START_MS, small_site, status, stream

SITE = small_site()


def heartbeat(node: str, t_ms: int) -> ObservationBatch:
    """A batch with nothing in it."""
    return ObservationBatch(node=node, boot=BOOT, seq=0, watermark_ms=t_ms)


def health(**fields: float) -> NodeHealth:
    """A healthy node, but for some fields."""
    plain = {"t_ms": START_MS, "uptime_s": 1.0, "frames": 1, "observations": 1, "spooled": 0}
    return NodeHealth(node="n10", **(plain | fields))  # type: ignore[arg-type]


def test_states_of_a_node() -> None:
    """A node is never heard of, online, silent and offline, in the order in which these things happen."""
    nodes = Nodes(SITE)
    states = [nodes.reports(START_MS)[0].state]
    nodes.heard(status(SITE))
    states.append(nodes.reports(START_MS)[0].state)
    nodes.heard(heartbeat("n10", START_MS))
    states.append(nodes.reports(START_MS)[0].state)
    states.append(nodes.reports(START_MS + 31_000)[0].state)
    nodes.heard(status(SITE, AgentState.OFFLINE))
    states.append(nodes.reports(START_MS)[0].state)
    assert states == [
        NodeState.NEVER, NodeState.SILENT, NodeState.ONLINE, NodeState.SILENT, NodeState.OFFLINE
    ]  # fmt: skip


def test_observations_a_minute() -> None:
    """The last minute's observations are counted, in event time, and forgotten when nothing comes."""
    nodes = Nodes(SITE)
    own = [batch for _, batch in stream(SITE, people=5, seconds=150) if batch.node == "n10"]
    for batch in own:
        nodes.heard(batch)
    report = nodes.reports(own[-1].watermark_ms)[0]
    assert report.observations_per_min == sum(len(batch) for batch in own[-60:])
    assert nodes.reports(own[-1].watermark_ms + 61_000)[0].observations_per_min == 0


def test_records_are_what_changed() -> None:
    """Only nodes that were heard of since the last time are given to the store, and come back from it."""
    nodes = Nodes(SITE)
    nodes.heard(heartbeat("n10", START_MS))
    nodes.health(health())
    assert nodes.records() == {"n10": NodeRecord("n10", START_MS, encode(health()))}
    assert nodes.records() == {}
    restarted = Nodes(SITE)
    restarted.restore({"n10": NodeRecord("n10", START_MS, encode(health())), "gone": NodeRecord("gone", 1)})
    report = restarted.reports(START_MS)[0]
    assert (report.last_ms, report.health) == (START_MS, health())


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        (health(), words.DEAF),
        (health(clock_offset_ms=-1500.0), words.CLOCK_OFFSET),
        (health(clock_offset_ms=20.0, dropped=3), words.DROPPED),
        (health(spooled=1000), words.BEHIND),
        (health(temperature_c=82.0), words.HOT),
        (health(disk_free_bytes=1000), words.DISK),
    ],
)
def test_advice_from_health(own: NodeHealth, expected: object) -> None:
    """What a node says of itself leads to what can be done about it."""
    nodes = Nodes(SITE)
    nodes.heard(heartbeat("n10", START_MS))
    nodes.health(own)
    assert advice(nodes.reports(START_MS)[0]) == expected


@pytest.mark.parametrize("trouble", RadioTrouble)
def test_advice_about_a_radio(trouble: RadioTrouble) -> None:
    """Each trouble of a radio has advice that names the radio; too weak a power supply comes before."""
    nodes = Nodes(SITE)
    nodes.heard(heartbeat("n10", START_MS))
    radios = [
        RadioHealth(interface="wlan1", channel=1),
        RadioHealth(interface="wlan2", channel=0, trouble=trouble),
    ]
    own = replace(health(), radios=radios)
    nodes.health(decode(encode(own), NodeHealth))
    found = advice(nodes.reports(START_MS)[0])
    assert found is not None
    assert "wlan2" in found.en
    assert "wlan2" in found.zh
    nodes.health(replace(own, throttling=[Throttling.UNDER_VOLTAGE]))
    assert advice(nodes.reports(START_MS)[0]) == words.POWER


@pytest.mark.parametrize("trouble", CameraTrouble)
def test_advice_about_a_camera(trouble: CameraTrouble) -> None:
    """Each trouble of a camera has advice that names it; a node with cameras alone may hear nobody."""
    nodes = Nodes(SITE)
    nodes.heard(heartbeat("n10", START_MS))
    well = CameraHealth(camera="north")
    nodes.health(replace(health(), cameras=[well]))
    assert advice(nodes.reports(START_MS)[0]) is None
    ill = replace(
        health(), cameras=[well, CameraHealth(camera="south", trouble=trouble, advice="do something")]
    )
    nodes.health(decode(encode(ill), NodeHealth))
    found = advice(nodes.reports(START_MS)[0])
    assert found is not None
    assert "south" in found.en
    assert "south" in found.zh


def test_advice_from_state() -> None:
    """A node that was never heard of, is gone, is silent, or has a wrong clock: each has its own advice."""
    nodes = Nodes(SITE)
    assert advice(nodes.reports(START_MS)[0]) == words.NEVER
    nodes.heard(heartbeat("n10", START_MS))
    assert advice(nodes.reports(START_MS + 100_000)[0]) == words.SILENT
    assert advice(nodes.reports(START_MS - 100_000)[0]) == words.CLOCK
    nodes.heard(status(SITE, AgentState.OFFLINE))
    assert advice(nodes.reports(START_MS)[0]) == words.OFFLINE


def test_events_as_lines() -> None:
    """The table has one heading, times of both sources in UTC, and dwell as people say it."""
    out = io.StringIO()
    table = Table(Console(file=out, width=200))
    table.show(Happening(str(START_MS), EventKind.VISIT_ENDED, "S10", "F1", 725.0, b"{}"))
    table.show(Happening("2025-10-09T09:00:00.000Z", EventKind.PATH_ENDED, "", "", 7380.0, b"{}"))
    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["time", "(UTC)", "event", "zone", "floor", "dwell"]
    assert lines[1].split() == ["2025-10-09", "09:00:00", "visit.ended", "S10", "F1", "12", "min", "05", "s"]
    assert lines[2].split()[:3] == ["2025-10-09", "09:00:00", "path.ended"]
    assert [duration(s) for s in (0, 59.6, 3600)] == ["0 s", "1 min 00 s", "1 h 00 min"]
