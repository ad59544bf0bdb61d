"""A node takes a desired configuration as a whole or not at all, and never stops for a bad one."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.control import ConfigurationApplied, NodeConfiguration, RadioSettings
from contracts.messages import FrameKind, decode, encode
from contracts.site.model import Radio
from edge_agent.configuring import Configurator, select
from tests.edge_agent.helpers import PHONE, heard


class Tuned:
    """A source with one radio, wlan1, that notes what it was told."""

    def __init__(self) -> None:
        self.told: list[Sequence[Radio] | None] = []

    def retune(self, radios: Sequence[Radio] | None) -> str:
        """Take radios of the name it has."""
        if any(radio.interface != "wlan1" for radio in radios or ()):
            return "there is no such radio"
        self.told.append(radios)
        return ""


def told(configurator: Configurator, payload: bytes) -> ConfigurationApplied:
    """Hand a configuration over and give the acknowledgement, which comes once."""
    configurator.take(payload)
    answer = configurator.answer()
    assert answer is not None
    assert configurator.answer() is None
    return decode(answer, ConfigurationApplied)


def wanted(revision: int = 6, **fields: object) -> bytes:
    """Write a configuration of the node n1."""
    return msgspec.json.encode({"v": 1, "node": "n1", "revision": revision, **fields})


def test_a_good_one_is_active_and_acknowledged() -> None:
    """Everything that can be configured is taken, told to the source, and acknowledged with its revision."""
    source = Tuned()
    node = Configurator("n1", source)
    everything = NodeConfiguration(
        node="n1",
        revision=3,
        radios=[RadioSettings(interface="wlan1", channels=[1, 6], dwell_s=5.0)],
        least_rssi_dbm=-85,
        frame_kinds=[FrameKind.PROBE],
        batch_s=2.0,
        health_every_s=60.0,
    )
    assert told(node, encode(everything)) == ConfigurationApplied(
        node="n1", revision=3, state="accepted", active=3
    )
    assert node.active == everything
    assert source.told == [[Radio(interface="wlan1", channels=[1, 6], dwell_s=5.0)]]


@pytest.mark.parametrize(
    ("payload", "field", "says"),
    [
        (wanted(least_rssi_dbm=3), "least_rssi_dbm", "<= -40"),
        (wanted(frame_kinds=[]), "frame_kinds", "length"),
        (wanted(batch_s=60), "batch_s", "<= 3"),
        (wanted(health_every_s="often"), "health_every_s", "float"),
        (wanted(radios=[{"interface": "wlan1", "channels": [15]}]), "radios", "no channel 15"),
        (wanted(radios=[{"interface": "wlan1", "channels": [1, 1]}]), "radios", "twice"),
        (wanted(radios=[{"interface": "wlan9", "channels": [1]}]), "radios", "no such radio"),
        (wanted(radios=[{"interface": "wlan1", "channels": []}]), "radios", "length"),
        (wanted(volume=11), "volume", "unknown field"),
        (wanted(node="n2"), "node", "is for n2"),
        (wanted(revision=4), "revision", "not newer than 5"),
        (b"{", "message", "truncated"),
        (b"\xff\xfe", "message", ""),
        (b"[" * 5000, "message", ""),
    ],
)
def test_a_bad_one_changes_nothing_and_says_why(payload: bytes, field: str, says: str) -> None:
    """One with a mistake is refused with the field and the reason; the one before stays active."""
    source = Tuned()
    node = Configurator("n1", source)
    told(node, wanted(5, least_rssi_dbm=-80))
    answer = told(node, payload)
    assert answer.state == "refused"
    assert list(answer.refused) == [field]
    assert says in answer.refused[field]
    assert (answer.active, node.active.revision, node.active.least_rssi_dbm) == (5, 5, -80)
    assert source.told == []


def test_the_same_one_again_is_acknowledged_again() -> None:
    """The retained configuration comes at every connection: it is taken again without harm."""
    node = Configurator("n1", Tuned())
    first = told(node, wanted(2, batch_s=1))
    assert told(node, wanted(2, batch_s=1)) == first


def test_taken_back_it_is_as_installed() -> None:
    """An empty payload, which is how a retained message goes, brings back how the node was installed."""
    source = Tuned()
    node = Configurator("n1", source)
    told(node, wanted(7, radios=[{"interface": "wlan1", "channels": [11]}], least_rssi_dbm=-70))
    answer = told(node, b"")
    assert (answer.state, answer.revision, answer.active) == ("accepted", 0, 0)
    assert node.active == NodeConfiguration(node="n1", revision=0)
    assert source.told[-1] is None
    assert told(node, wanted(1)).state == "accepted"


def test_a_recording_has_no_radios() -> None:
    """A source without radios refuses to be tuned, and takes the rest."""
    node = Configurator("n1", object())
    answer = told(node, wanted(1, radios=[{"interface": "wlan1", "channels": [1]}]))
    assert "no radios" in answer.refused["radios"]
    assert told(node, wanted(2, least_rssi_dbm=-80)).state == "accepted"


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_nothing_stops_a_node(payload: bytes) -> None:
    """Whatever lies on its topic, a node answers and goes on as before."""
    node = Configurator("n1", Tuned())
    answer = told(node, payload)
    assert answer.state == ("accepted" if not payload else "refused")
    assert node.active.revision == 0


def test_weak_and_unwanted_frames_are_left_out_and_counted() -> None:
    """What the configuration does not want is not reported; how much that was is counted by cause."""
    block = heard(addresses=[PHONE] * 4)
    block.rssi_dbm = [-50, -90, -60, -91]
    block.frame_kind = [FrameKind.PROBE, FrameKind.PROBE, FrameKind.DATA, FrameKind.DATA]
    block.sequence = [1, 2, 3, 4]
    chosen = select(
        block, NodeConfiguration(node="n1", revision=1, least_rssi_dbm=-80, frame_kinds=[FrameKind.PROBE])
    )
    assert (chosen.rssi_dbm, chosen.sequence) == ([-50], [1])
    assert chosen.skipped == {"weak": 1, "unwanted_kind": 2}
    assert (chosen.frames, chosen.complete_to_ms) == (block.frames, block.complete_to_ms)
    assert select(block, NodeConfiguration(node="n1", revision=1)) is block
