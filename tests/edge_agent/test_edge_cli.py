"""`mallsense edge` plays captures into a broker, and says what is wrong in words a person can act on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.messages import AgentState, AgentStatus, NodeHealth, decode
from contracts.site.parse import dump_site
from mallsense.cli import main
from simulators.mall import site as demo_site
from tests.edge_agent.camera_parts import picture
from tests.edge_agent.helpers import T0_MS, Gateway, pcap, probe, write
from tests.edge_agent.test_camera_recording import write as record
from tests.support import Mosquitto, free_port, wait_until

SECONDS = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with a site file and a capture of a probe a second."""
    folder = tmp_path_factory.mktemp("edge")
    (folder / "site.yaml").write_text(dump_site(demo_site()), encoding="utf-8")
    packets = [(T0_MS + second * 1000, probe(sequence=second)) for second in range(SECONDS)]
    write(folder / "walk.pcap", pcap([*packets, (T0_MS + SECONDS * 1000, b"noise")]))
    return folder


NODE = demo_site().nodes[0].id
MALL = demo_site().mall.id


def command(*arguments: object) -> list[str]:
    """Give the command line."""
    return [sys.executable, "-m", "mallsense", "edge", *map(str, arguments)]


def played(folder: Path, broker: str) -> tuple[object, ...]:
    """Give the options that play the capture."""
    return (
        "--site",
        folder / "site.yaml",
        "--node",
        NODE,
        "--pcap",
        folder / "walk.pcap",
        "--broker",
        broker,
    )


def run(folder: Path, *more: object, broker: str) -> tuple[int, str]:
    """Run the command; give its exit code and what it has written."""
    done = subprocess.run(
        command(*played(folder, broker), *more), capture_output=True, text=True, timeout=60, check=False,
        env={**os.environ, "COLUMNS": "300"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


class Here:
    """The command in this process, which spares Python's start; a traceback fails the test by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("COLUMNS", "300")
        self._capsys = capsys

    def __call__(self, *arguments: object) -> tuple[object, str]:
        """Run it; give its exit code and what it has written."""
        with pytest.raises(SystemExit) as ended:
            main(["edge", *map(str, arguments)])
        return ended.value.code, "".join(self._capsys.readouterr())


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Here:
    """Give the command in this process."""
    return Here(monkeypatch, capsys)


def states(gateway: Gateway) -> list[AgentState]:
    """Give the states the agent has announced; the first may be what an earlier test has left."""
    return [decode(payload, AgentStatus).state for payload in gateway.of("status")]


def test_plays_a_capture(folder: Path, mosquitto: Mosquitto) -> None:
    """All frames arrive at the time asked for; the summary names what was not used."""
    with Gateway(mosquitto.host, mosquitto.port, MALL) as gateway:
        broker = f"mqtt://{mosquitto.host}:{mosquitto.port}"
        code, said = run(folder, "--start", "2026-05-01T12:00+08:00", broker=broker)
        wait_until(lambda: states(gateway)[-2:] == [AgentState.ONLINE, AgentState.OFFLINE])
    assert code == 0
    assert "31 frames, 30 observations" in said
    assert "1 not used: bad radiotap" in said
    assert "No --key" in said
    assert gateway.times == [1_777_608_000_000 + second * 1000 for second in range(SECONDS)]
    assert decode(gateway.of("health")[-1], NodeHealth).disk_free_bytes


def test_a_key_gives_the_same_pseudonyms_again(folder: Path, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Two runs with one key name a phone alike; a run without does not."""
    broker = f"mqtt://{mosquitto.host}:{mosquitto.port}"
    key = ("--key", tmp_path / "key")
    devices = []
    for more in ((*key, "--new-key"), key, ()):
        with Gateway(mosquitto.host, mosquitto.port, MALL) as gateway:
            assert run(folder, *more, broker=broker)[0] == 0
            wait_until(lambda: len(gateway.times) == SECONDS)  # asked at once
        devices.append({device for batch in gateway.batches for device in batch.device})
    assert devices[0] == devices[1]
    assert devices[0] != devices[2]


def test_ctrl_c_ends_a_slow_replay(folder: Path, mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Ctrl-C in the middle sends what was read, says goodbye and exits with 130."""
    arguments = (
        "--site",
        folder / "site.yaml",
        "--node",
        NODE,
        "--pcap",
        folder / "walk.pcap",
        "--speed",
        "1",
    )
    broker = f"mqtt://{mosquitto.host}:{mosquitto.port}"
    with (
        Gateway(mosquitto.host, mosquitto.port, MALL) as gateway,
        subprocess.Popen(
            command(*arguments, "--broker", broker), stderr=subprocess.PIPE, text=True
        ) as process,
    ):
        wait_until(lambda: len(gateway.times) >= 2)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
        wait_until(lambda: states(gateway)[-2:] == [AgentState.ONLINE, AgentState.OFFLINE])
    assert process.returncode == 130
    assert "Traceback" not in said
    assert 2 <= len(gateway.times) < SECONDS


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--speed", "fast"), "speed: expected a positive number or max"),
        (("--start", "yesterday"), "--start: expected 'now' or a time"),
        (("--broker", "http://broker"), "expected mqtt:// or mqtts://"),
        (("--pcap", "gone.pcap"), "gone.pcap: no such file"),
        (("--site", "gone.yaml"), "gone.yaml: cannot read the site file"),
        (("--key", "gone.key"), "gone.key: cannot read the mall's key"),
        (("--new-key",), "expected --key FILE"),
        (("--node", "n1O1"), "the site has no node 'n1O1'"),
    ],
)
def test_mistakes_exit_with_two(here: Here, folder: Path, more: tuple[str, ...], says: str) -> None:
    """A mistake of the caller is named, without a traceback."""
    code, said = here(*played(folder, "mqtt://127.0.0.1:1"), *more)
    assert code == 2
    assert says in said
    assert "Traceback" not in said


def test_no_broker_is_named(here: Here, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no broker listens, the command gives up after a while and says how to start one."""
    monkeypatch.setattr("edge_agent.cli.BROKER_TIMEOUT_S", 0.3)
    code, said = here(*played(folder, f"mqtt://127.0.0.1:{free_port()}"))
    assert code == 2
    assert "cannot be reached" in said
    assert "mosquitto" in said


def test_a_recording_of_a_camera_is_played_and_a_wrong_one_is_refused(
    here: Here, folder: Path, tmp_path: Path, mosquitto: Mosquitto
) -> None:
    """With the real reader, on a road without cars; mistakes are named with what to do."""
    base = ["--site", folder / "site.yaml", "--node", NODE, "--broker", f"mqtt://127.0.0.1:{mosquitto.port}"]
    recording = record(tmp_path / "ramp_2026-03-01_10-00-00.avi", [picture(noise=n + 1) for n in range(20)])
    with Gateway(mosquitto.host, mosquitto.port, MALL) as gateway:
        more = ("--camera", recording, "--keep-images", tmp_path / "look", "--for", "5m")
        done = subprocess.run(command(*base, *more), capture_output=True, text=True, timeout=120, check=False)
        assert (done.returncode, "batches sent" in done.stderr) == (0, True), done.stdout + done.stderr
        wait_until(lambda: len(gateway.of("observations")) >= 1)
    assert list((tmp_path / "look").iterdir()) == []
    for wrong, expected in (
        (["--camera", tmp_path / "nowhere.mp4"], "there is no such file"),
        (["--camera", recording, "--pcap", folder / "walk.pcap"], "one at a time"),
        (["--camera", recording, "--keep-images", tmp_path, "--for", "forever"], "expected minutes"),
        (["--pcap", folder / "walk.pcap", "--keep-images", tmp_path], "has no camera"),
        (["--camera", "rtsp://user:hunter2@"], "rtsp://host/path"),
    ):
        code, said = here(*base, *wrong)
        assert (code, expected in said) == (2, True), said
        assert "hunter2" not in said
