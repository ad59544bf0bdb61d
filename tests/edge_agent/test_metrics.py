"""Prometheus reads a node's health over HTTP, and reads it right: its own parser is the judge."""

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from contracts.errors import ConfigurationError
from contracts.messages import NodeHealth, RadioHealth, RadioTrouble, Throttling
from contracts.plates import CameraHealth, CameraTrouble
from edge_agent.metrics import metrics_server
from tests.edge_agent.helpers import T0_MS

HEALTH = NodeHealth(
    node="n1",
    t_ms=T0_MS,
    uptime_s=12.5,
    frames=100,
    observations=90,
    skipped={"bad_fcs": 10},
    spooled=3,
    dropped=1,
    temperature_c=55.5,
    throttling=[Throttling.UNDER_VOLTAGE],
    throttling_since_boot=[Throttling.UNDER_VOLTAGE, Throttling.THROTTLED],
    clock_synchronised=True,
    clock_steps=2,
    radios=[
        RadioHealth(interface="wlan1", channel=6, frames={"1": 40, "6": 60}, dropped=5, driver="mt76x2u"),
        RadioHealth(interface="wlan2", channel=0, trouble=RadioTrouble.GONE),
    ],
    cameras=[
        CameraHealth(camera="ramp", frames=70, passages=4, trouble=CameraTrouble.FROZEN, advice="restart")
    ],
    versions={"mallsense": "0.1.0", "kernel": "6.12"},
)


def samples(port: int) -> dict[tuple[str, frozenset[str]], float]:
    """Read the metrics as Prometheus does: the value by name and values of labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        text = answer.read().decode()
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_all_of_a_nodes_health() -> None:
    """Counters, gauges, radios by channel, troubles and versions are there; what is not known is not."""
    with metrics_server(lambda: [HEALTH], port=0) as port:
        found = samples(port)
    prefix = "mallsense_node_"
    for name, labels, value in [
        ("frames_total", ("n1",), 100),
        ("camera_frames_total", ("n1", "ramp"), 70),
        ("camera_passages_total", ("n1", "ramp"), 4),
        ("camera_trouble", ("n1", "ramp", "frozen"), 1),
        ("camera_trouble", ("n1", "ramp", "gone"), 0),
        ("observations_total", ("n1",), 90),
        ("frames_skipped_total", ("n1", "bad_fcs"), 10),
        ("spooled_batches", ("n1",), 3),
        ("dropped_total", ("n1",), 1),
        ("uptime_seconds", ("n1",), 12.5),
        ("temperature_celsius", ("n1",), 55.5),
        ("clock_synchronised", ("n1",), 1),
        ("clock_steps_total", ("n1",), 2),
        ("throttling", ("n1", "under_voltage"), 1),
        ("throttling", ("n1", "throttled"), 0),
        ("throttling_since_boot", ("n1", "throttled"), 1),
        ("radio_frames_total", ("n1", "wlan1", "1"), 40),
        ("radio_frames_total", ("n1", "wlan1", "6"), 60),
        ("radio_dropped_total", ("n1", "wlan1"), 5),
        ("radio_channel", ("n1", "wlan1"), 6),
        ("radio_trouble", ("n1", "wlan2", "gone"), 1),
        ("radio_trouble", ("n1", "wlan1", "gone"), 0),
    ]:
        assert found[prefix + name, frozenset(labels)] == value
    assert not [name for name in found if "disk" in name[0]]
    assert (prefix + "versions_info", frozenset({"n1", "0.1.0", "6.12"})) in found


def test_before_the_agent_has_begun_there_is_nothing_to_tell() -> None:
    """The endpoint answers as soon as it is there."""
    with metrics_server(list, port=0) as port:
        assert samples(port) == {}


def test_it_ends_and_a_port_that_is_taken_is_an_error() -> None:
    """Nobody listens after the end; a second agent on the port is told what to do."""
    with (
        metrics_server(list, port=0) as port,
        pytest.raises(ConfigurationError) as caught,
        metrics_server(list, port=port),
    ):
        pass
    assert f"127.0.0.1:{port}" in str(caught.value)
    with pytest.raises(urllib.error.URLError):
        samples(port)
