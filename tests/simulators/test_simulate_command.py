"""`mallsense simulate`: the simulated mall through a real broker, and what it refuses."""

from pathlib import Path

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts.errors import ConfigurationError
from contracts.messages import ObservationBatch, decode
from contracts.site import parse_site
from contracts.topics import Topics
from edge_agent.key import create_key_file
from simulators import mall
from simulators.arrivals import Profile
from simulators.cli import simulate
from tests.support import Mosquitto


def test_it_plays_the_mall_into_a_broker(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """What all nodes heard arrives as batches of every node; truth and members' records are written."""
    key = tmp_path / "mall.key"
    create_key_file(key)
    batches: list[ObservationBatch] = []

    def heard(_client: Client, _data: object, message: MQTTMessage) -> None:
        batches.append(decode(message.payload, ObservationBatch))

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    client.on_message = heard
    client.connect(mosquitto.host, mosquitto.port)
    client.subscribe(Topics("lumen-bay").all_observations, qos=1)
    client.loop_start()
    try:
        simulate(
            shoppers=40,
            profile=Profile.CONSTANT,
            hours=0.02,
            start="2026-03-14T03:00",
            speed="max",
            broker=f"mqtt://{mosquitto.host}:{mosquitto.port}",
            truth=tmp_path,
            members=20,
            key=key,
            out=tmp_path / "members",
        )
    finally:
        client.disconnect()
        client.loop_stop()
    assert {batch.node for batch in batches} == {node.id for node in mall.site().nodes}
    assert sum(map(len, batches)) > 500
    assert (tmp_path / "truth_people.csv").read_text(encoding="utf-8").count("\n") > 30
    assert (tmp_path / "members" / "identifiers.csv").read_text(encoding="utf-8").count("m-0000") > 10


def test_it_writes_site_and_survey(tmp_path: Path) -> None:
    """With --write-site and --survey it writes the files and plays nothing."""
    site, walks = tmp_path / "mall.yaml", tmp_path / "survey.csv"
    simulate(write_site=site, write_survey=walks)
    assert parse_site(site.read_text(encoding="utf-8"), "mall.yaml") == mall.site()
    assert walks.read_text(encoding="utf-8").startswith("x_m,y_m,z_m,receiver,rssi_dbm,walk,t_s")


def test_a_site_with_members_has_a_crm(tmp_path: Path) -> None:
    """A gateway with the written site file takes in what --out writes of the members."""
    path = tmp_path / "mall.yaml"
    simulate(write_site=path, members=20)
    assert parse_site(path.read_text(encoding="utf-8"), "mall.yaml").crm is not None


def test_it_reads_a_site_file(tmp_path: Path) -> None:
    """A mall of one's own can be named instead of the simulated one."""
    first, second = tmp_path / "a.yaml", tmp_path / "b.yaml"
    simulate(write_site=first)
    simulate(site=str(first), write_site=second)
    assert first.read_text(encoding="utf-8") == second.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"start": "noon"}, "expected 'now' or a time"),
        ({"site": "/nowhere/mall.yaml"}, "cannot read the site file"),
        ({"speed": "fast"}, "speed"),
        ({"members": 20, "out": Path("out")}, "needs --members, and the mall's key"),
        ({"write_site": Path("/nowhere/mall.yaml")}, "cannot write"),
    ],
)
def test_what_cannot_be_is_refused(option: dict[str, str], message: str) -> None:
    """A wrong option stops the command with words on what was expected."""
    with pytest.raises(ConfigurationError, match=message):
        simulate(**option)  # type: ignore[arg-type]
