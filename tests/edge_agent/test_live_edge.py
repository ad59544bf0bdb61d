"""`mallsense edge` listens: from the interface through kernel and spool to the broker."""

import json
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from contracts.messages import AgentState, AgentStatus, FrameKind, NodeHealth, decode
from contracts.site.parse import dump_site
from edge_agent.cli import edge
from edge_agent.key import create_key_file
from edge_agent.sources import live
from simulators.mall import site as demo_site
from tests.edge_agent.helpers import AP, Gateway, header, probe, radiotap
from tests.edge_agent.tap import FakeIw, MonitorTap
from tests.edge_agent.test_privacy import NETWORK, PHONES, spellings
from tests.support import Mosquitto, free_port, wait_until

NAME = "msedge0"
NODE, MALL = demo_site().nodes[0].id, demo_site().mall.id


def site_file(folder: Path) -> Path:
    """Write a site whose first node listens with one radio."""
    text = dump_site(demo_site())
    radios = f"radios: [{{interface: {NAME}, channels: [11]}}]"
    path = folder / "site.yaml"
    path.write_text(text.replace(f"{{id: {NODE},", f"{{id: {NODE}, {radios},"), encoding="utf-8")
    assert radios in path.read_text(encoding="utf-8")
    return path


def hear(tap: MonitorTap) -> None:
    """Let phones look for networks and talk, and an access point send what nobody needs."""
    for number, phone in enumerate(PHONES):
        tap.hear(
            probe(by=phone, ssid=NETWORK, sequence=number),
            radiotap() + header(0x48, direction=1, to=AP, by=phone, third=AP),
            radiotap() + header(0x80, by=AP, third=AP),
            probe(by=phone)[:-2],
        )


def test_a_node_listens(mosquitto: Mosquitto, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Phones become observations, health and metrics tell of the radio, the doctor is content."""
    site, key, spool = site_file(tmp_path), tmp_path / "mall.key", tmp_path / "spool.sqlite"
    create_key_file(key)
    port = free_port()
    named = ("--site", site, "--node", NODE, "--key", key, "--spool", spool, "--metrics-port", port)
    broker = ("--broker", f"mqtt://{mosquitto.host}:{mosquitto.port}")
    log = tmp_path / "log"
    with (
        MonitorTap(NAME) as tap,
        FakeIw(tmp_path, monkeypatch, tap) as iw,
        Gateway(mosquitto.host, mosquitto.port, MALL) as gateway,
        log.open("wb") as out,
        subprocess.Popen(mallsense("-v", "edge", *named, *broker), stdout=out, stderr=out) as process,
    ):
        try:
            wait_until(lambda: gateway.of("observations"))
            hear(tap)
            wait_until(lambda: len([t for batch in gateway.batches for t in batch.t_ms]) == 6)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                metrics = answer.read()
            (iw.folder / "reg").write_text("country CN: DFS-FCC\n")
            (iw.folder / "phy").write_text("")
            examined = subprocess.run(
                mallsense("doctor", "--json", *named, *broker), capture_output=True, check=False
            )
        finally:
            process.send_signal(signal.SIGTERM)
        process.wait(20)
        wait_until(lambda: decode(gateway.of("status")[-1], AgentStatus).state is AgentState.OFFLINE)
    assert process.returncode == 0

    batches = gateway.batches
    assert len({device for batch in batches for device in batch.device}) == len(PHONES)
    kinds = [kind for batch in batches for kind in batch.frame_kind]
    assert kinds == [FrameKind.PROBE, FrameKind.DATA] * 3
    assert {channel for batch in batches for channel in batch.channel} == {6}
    times = [t for batch in batches for t in batch.t_ms]
    assert all(abs(time.time() * 1000 - t) < 60_000 for t in times)
    marks = [batch.watermark_ms for batch in batches]
    assert marks == sorted(marks)

    health = decode(gateway.of("health")[-1], NodeHealth)
    (radio,) = health.radios
    assert (radio.interface, radio.channel, radio.trouble) == (NAME, 11, None)
    assert health.versions["mallsense"]
    assert b'mallsense_node_radio_frames_total{channel="6",interface="msedge0",node="n101"} 6.0' in metrics
    assert b'mallsense_node_frames_skipped_total{cause="corrupt",node="n101"} 3.0' in metrics

    findings = {finding["about"]: finding for finding in json.loads(examined.stdout)}
    for about in ("site file", "mall's key", "spool", f"radio {NAME}", "country", "broker", "agent"):
        assert findings[about]["state"] == "ok", findings[about]
    assert findings[f"hearing {NAME}"]["what"].startswith("On channel 11; ")
    assert "login" not in findings  # it would have pushed the agent out

    sent = b"".join(topic.encode() + payload for topic, payload in gateway.messages)
    written = [sent, metrics, examined.stdout, examined.stderr, log.read_bytes()]
    written += [path.read_bytes() for path in tmp_path.glob("spool*")]
    for text in written:
        for secret in (*PHONES, NETWORK):
            assert not [spelling for spelling in spellings(secret) if spelling.lower() in text.lower()]


def mallsense(*arguments: object) -> list[str]:
    """Give a command line."""
    return [sys.executable, "-m", "mallsense", *map(str, arguments)]


def test_without_radios_it_says_what_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that has nothing to listen with, and an option for captures alone, are mistakes one can mend."""
    monkeypatch.setattr(live, "monitor_interfaces", list)  # tests beside this one may have some
    path = tmp_path / "site.yaml"
    path.write_text(dump_site(demo_site()), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="no interface is in monitor mode"):
        edge(site=path, node=NODE)
    with pytest.raises(ConfigurationError, match="--start: is for captures"):
        edge(site=path, node=NODE, start="now")
