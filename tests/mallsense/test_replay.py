"""`mallsense replay`: through a real broker into a real gateway, the same estimates as without."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts.broker import BrokerAddress
from contracts.errors import UnavailableError
from contracts.messages import PositionSnapshot, decode
from contracts.topics import Topics
from edge_agent.pseudonym import Pseudonyms
from edge_agent.rotation import SaltRotation
from gateway.engine import build_engine
from gateway.pipeline import snapshots
from gateway.runtime import Gateway, Settings
from mallsense import in_process
from mallsense.presence import gateway_is_online
from mallsense.recording import Recording, read_recording
from mallsense.replay import play
from simulators.recorded_source import RecordedSource
from tests.recorded_folder import RecordedFolder
from tests.support import Mosquitto, free_port, wait_until

KEY = bytes(range(32))
START_MS = 1_700_000_000_000


def expected(recording: Recording) -> list[PositionSnapshot]:
    """What the engine gives without a broker, as position snapshots."""
    source = RecordedSource(recording.datasets, start_ms=START_MS)
    engine = build_engine(recording.site, recording.calibration.to_dict())
    pseudonyms = Pseudonyms(KEY, SaltRotation.of(recording.site))
    ticks = in_process.play(source, pseudonyms, engine)
    return [snapshot for tick in ticks for snapshot in snapshots(recording.site, tick)]


def through(broker: Mosquitto, recording: Recording, folder: Path, wanted: int) -> list[PositionSnapshot]:
    """What a gateway publishes when the recording is played into its broker as fast as possible."""
    address = BrokerAddress(broker.host, broker.port)
    heard: list[PositionSnapshot] = []
    watcher = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    watcher.on_message = lambda _client, _data, message: heard.append(
        decode(message.payload, PositionSnapshot)
    )
    subscribed = threading.Event()
    watcher.on_subscribe = lambda *_: subscribed.set()
    watcher.connect(broker.host, broker.port)
    watcher.subscribe(Topics(recording.site.mall.id).positions("+"), qos=1)
    watcher.loop_start()
    assert subscribed.wait(30)
    calibration = recording.calibration.to_dict()
    settings = Settings(recording.site, folder / "store.db", calibration=calibration, broker=address, port=0)
    with Gateway(settings):
        wait_until(
            lambda: gateway_is_online(address, recording.site.mall.id), what="the gateway is not there"
        )
        done = play(recording, address, folder / "spool.sqlite", start_ms=START_MS, speed=None, key=KEY)
        assert done.spooled == 0
        wait_until(lambda: len(heard) >= wanted, timeout_s=60, what=f"{len(heard)} of {wanted} snapshots")
    watcher.disconnect()
    watcher.loop_stop()
    return heard


def test_a_small_recording_gives_the_same_estimates_over_mqtt(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Every published snapshot is equal, number for number, to what the engine gives without a broker."""
    recording = read_recording(RecordedFolder().write(tmp_path / "equal-F1"))
    wanted = expected(recording)
    assert len(wanted) == 24
    assert through(mosquitto, recording, tmp_path, len(wanted)) == wanted


@pytest.mark.timeout(600)
def test_the_real_mall_gives_the_same_estimates_over_mqtt(
    mosquitto: Mosquitto, recorded_data: Path, tmp_path: Path
) -> None:
    """The same for a floor of the real mall with 40 receivers and all its test walks."""
    recording = read_recording(recorded_data / "mall" / "site1-F1", 40)
    wanted = expected(recording)
    assert through(mosquitto, recording, tmp_path, len(wanted)) == wanted


def command(folder: Path, *options: str) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mallsense", "replay", str(folder), "--no-browser", "--port", "0", *options],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, "COLUMNS": "200"},
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_brings_its_own_gateway_and_ends_with_the_recording(tmp_path: Path) -> None:
    """Nothing needs to run beforehand; with --leave the command ends by itself."""
    process = command(RecordedFolder().write(tmp_path / "mall-F1"), "--speed", "max", "--leave")
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "console http://127.0.0.1:" in err
    assert "300 observations" in err
    assert "Traceback" not in err


def test_ctrl_c_ends_the_command_cleanly(tmp_path: Path) -> None:
    """In the middle of a recording Ctrl-C stops gateway and broker, and exits with 130."""
    process = command(RecordedFolder().write(tmp_path / "mall-F1"), "--speed", "1")
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "connected to the broker" in line:
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, [*lines, err]
    assert "Traceback" not in "".join(lines) + err


def test_a_broker_without_a_gateway_is_told_from_none(mosquitto: Mosquitto) -> None:
    """Whether a gateway is there is asked of the broker; a broker that does not answer is an error."""
    assert not gateway_is_online(BrokerAddress(mosquitto.host, mosquitto.port), "nobody")
    with pytest.raises(UnavailableError, match="no MQTT broker answers"):
        gateway_is_online(BrokerAddress("127.0.0.1", free_port()), "nobody")
