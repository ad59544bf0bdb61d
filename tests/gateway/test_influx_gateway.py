"""A gateway whose history is in a real InfluxDB, which goes away and comes back."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from contracts.broker import BrokerAddress
from contracts.site import dump_site
from gateway.runtime import Gateway, Settings
from gateway.store.influx.address import InfluxAddress
from gateway.store.influx.client import InfluxClient
from tests.gateway.crowd import small_site, stream
from tests.gateway.running import ROOT, announce, client, play
from tests.influx import Influxd
from tests.support import Mosquitto, wait_until

PEOPLE, SECONDS = 8, 130


def test_live_goes_on_while_the_history_is_away(
    mosquitto: Mosquitto, influxd_factory: Callable[..., Influxd], tmp_path: Path
) -> None:
    """Killed (-9) in the middle, the server costs answers about the past, and none of what belongs there."""
    server = influxd_factory()
    server.make_database("riverside", "raw", "visits", "rollups")
    server.make_database("riverside_figures", "live", "long")
    site = small_site("influx-gateway")
    messages = stream(site, people=PEOPLE, seconds=SECONDS)
    half = len(messages) // 2
    settings = Settings(
        site=site, store=tmp_path / "journal.db", influx=InfluxAddress.parse(server.address("riverside")),
        broker=BrokerAddress("127.0.0.1", mosquitto.port), port=0,
    )  # fmt: skip
    with Gateway(settings) as gateway, client(mosquitto.port, "influx-edge") as edge:

        def reaches(t_ms: int) -> None:
            wait_until(lambda: (gateway.health().t_ms or 0) >= t_ms, 60, "the gateway stands still")

        def past() -> int:
            end_ms = messages[-1][1].watermark_ms
            return status(f"{gateway.url}api/v1/footfall?from_ms={end_ms - 600_000}&to_ms={end_ms}")

        announce(edge, site)
        play(edge, messages[:half])
        reaches(messages[half - 1][1].watermark_ms)
        assert past() == 200
        server.kill()
        play(edge, messages[half:])
        reaches(messages[-1][1].watermark_ms)
        assert past() == 503
        assert status(f"{gateway.url}api/v1/nodes") == 200

        def waiting() -> int:
            history = gateway.health().history
            assert history is not None
            return history.waiting_points

        wait_until(lambda: waiting() > 100, what="nothing waits for a server that is away")
        health = json.load(urllib.request.urlopen(f"{gateway.url}api/v1/health"))
        assert health["status"] == "degraded"
        assert health["history"]["place"] == f"influx://127.0.0.1:{server.port}/riverside"
        assert health["history"]["waiting_since_ms"] > 1_700_000_000_000
        assert any("refused" in problem for problem in health["problems"])
        server.start()
        wait_until(lambda: past() == 200)
        wait_until(lambda: not waiting(), 60, "it is not posted although the server is back")
        wait_until(lambda: gateway.health().status == "ok")
    assert snapshots(server) >= (SECONDS - 20) // 10
    assert {*figures(server)} == {"occupancy", "cell", "node", "freshness"}
    server.stop()


def test_command_line_ends_at_once_where_it_cannot_work(influxd: Influxd, tmp_path: Path) -> None:
    """With a store in the site file that has no such database, it says so, and shows no secret."""
    site = small_site("influx-command").model_copy(update={"store": influxd.address("nowhere")})
    (tmp_path / "mall.yaml").write_text(dump_site(site), encoding="utf-8")
    (tmp_path / "login").write_text("anna:s3cret-w0rd\n", encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "mallsense",
        "gateway",
        "--site",
        str(tmp_path / "mall.yaml"),
        "--port",
        "0",
    ]
    command += ["--store-token-file", str(tmp_path / "login"), "--journal", str(tmp_path / "journal.db")]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert "database not found: nowhere" in ended.stderr
    assert "mallsense store init" in ended.stderr
    assert "s3cret-w0rd" not in ended.stdout + ended.stderr


def snapshots(server: Influxd) -> int:
    """Count the moments that positions were written of."""
    influx = InfluxClient(InfluxAddress.parse(server.address("riverside")))
    found = influx.query('SELECT "x_m" FROM "raw"."position"', database="riverside")
    influx.close()
    return len({row[0] // 10_000 for series in found for row in series.values})


def figures(server: Influxd) -> list[str]:
    """The tables of figures that have a row."""
    influx = InfluxClient(InfluxAddress.parse(server.address("riverside")))
    found = [
        series.name
        for policy in ("live", "long")
        for series in influx.query(f'SELECT * FROM "{policy}"./.*/', database="riverside_figures")
    ]
    influx.close()
    return found


def status(url: str) -> int:
    """Ask for something; gives the status of the answer."""
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            found: int = answer.status
    except urllib.error.HTTPError as error:
        with error:
            assert error.code != 503 or error.headers["Retry-After"] == "5"
            return error.code
    return found
