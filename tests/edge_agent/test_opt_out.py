"""Who asked not to be observed is not reported by any node, with or without a broker."""

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.broker import BrokerAddress
from contracts.control import OptOutList
from contracts.errors import ConfigurationError
from contracts.messages import encode
from edge_agent import agent as agent_module
from edge_agent import retained_list
from edge_agent.agent import run_agent
from edge_agent.opt_out import OptOut, key_id, opt_out_digest
from edge_agent.opt_out_cli import app, parse_address
from edge_agent.pseudonym import Pseudonyms
from simulators.mall import site as demo_site
from tests.edge_agent.helpers import KEY, PHONE, ROTATION, T0_MS, Gateway, ScriptedSource, heard
from tests.support import Mosquitto, free_port, wait_until

SPARED = bytes.fromhex("40ec99a7b35c")


def the_list(*addresses: bytes, key: bytes = KEY) -> bytes:
    """Give a list as it is published."""
    return encode(OptOutList(key=key_id(key), digests=[opt_out_digest(key, a) for a in addresses]))


def test_frames_of_the_list_are_left_out_and_counted(tmp_path: Path) -> None:
    """Of a block only the rows of others remain, in every column; how many are gone is all that is kept."""
    opt_out = OptOut(KEY, tmp_path / "copy")
    block = heard(addresses=[PHONE, SPARED, PHONE, SPARED, SPARED])
    assert opt_out.apply(block) is block
    opt_out.take(the_list(SPARED))
    left = opt_out.apply(block)
    assert left.address == [PHONE, PHONE]
    assert left.t_ms == [T0_MS, T0_MS + 2]
    assert {len(getattr(left, name)) for name in ("rssi_dbm", "channel", "sequence", "elements")} == {2}
    assert (left.skipped, left.frames) == ({"opted_out": 3}, 5)
    opt_out.take(the_list())
    assert opt_out.apply(block) is block


def test_the_copy_on_disk_holds_no_address(tmp_path: Path) -> None:
    """An agent that starts without a broker has the list; its copy is the owner's and says nothing."""
    path = tmp_path / "copy"
    OptOut(KEY, path).take(the_list(SPARED))
    assert path.stat().st_mode & 0o777 == 0o600
    kept = path.read_bytes()
    assert SPARED not in kept
    assert SPARED.hex().encode() not in kept.lower()
    again = OptOut(KEY, path)
    assert len(again) == 1
    assert again.apply(heard(addresses=[SPARED])).address == []


def test_damaged_lists_change_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What is no list is passed over, and the one before holds on; a torn copy stops no agent."""
    path = tmp_path / "copy"
    opt_out = OptOut(KEY, path)
    opt_out.take(the_list(SPARED))
    for damaged in (b"", b"{}", the_list(SPARED)[:-5]):
        opt_out.take(damaged)
    assert len(opt_out) == 1
    path.write_bytes(b"torn")
    assert len(OptOut(KEY, path)) == 0
    assert "the next one mends it" in caplog.text


def test_a_list_of_another_key_is_noticed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A list that was made with another key spares nobody; the log says why."""
    opt_out = OptOut(KEY, tmp_path / "copy")
    opt_out.take(the_list(SPARED, key=bytes(32)))
    assert opt_out.apply(heard(addresses=[SPARED])).address == [SPARED]
    assert "made with another key" in caplog.text


@pytest.mark.parametrize(
    "text", ["40:ec:99:a7:b3:5c", "40-EC-99-A7-B3-5C", "40ec.99a7.b35c", " 40ec99a7b35c "]
)
def test_addresses_are_read_as_phones_show_them(text: str) -> None:
    """Colons, dashes, dots or nothing."""
    assert parse_address(text) == SPARED


@pytest.mark.parametrize("text", ["", "40:ec:99:a7:b3", "40:ec:99:a7:b3:5g", "n1"])
def test_what_is_no_address_is_refused_without_repeating_it(text: str) -> None:
    """The message says what is expected."""
    with pytest.raises(ConfigurationError, match="expected 12 hex digits"):
        parse_address(text)


def test_the_command_reaches_running_agents(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address on the list is not heard of any more, also from an agent that starts offline later."""
    monkeypatch.setattr(agent_module, "DRAIN_ON_STOP_S", 0.1)
    monkeypatch.setattr(retained_list, "RETAINED_S", 0.3)
    (tmp_path / "site.yaml").write_text("")
    site = demo_site().model_dump_json()
    (tmp_path / "site.yaml").write_text(site)
    (tmp_path / "key").write_text(KEY.hex())
    (tmp_path / "key").chmod(0o600)
    mall = demo_site().mall.id
    options = ["--site", str(tmp_path / "site.yaml"), "--broker", f"mqtt://127.0.0.1:{mosquitto.port}"]
    key = ["--key", str(tmp_path / "key")]
    run = CliRunner()
    assert run.invoke(app, ["show", *options]).output == "nobody is on the list\n"
    assert run.invoke(app, ["add", "40:ec:99:a7:b3:5c", "40:ec:99:00:00:01", *options, *key]).exit_code == 0
    done = run.invoke(app, ["remove", "40:ec:99:00:00:01", *options, *key])
    assert done.output == "1 on the list (-1)\n"
    shown = run.invoke(app, ["show", *options]).output
    assert json.loads(shown)["digests"] == [opt_out_digest(KEY, SPARED)]
    (tmp_path / "list.json").write_text(shown)
    assert run.invoke(app, ["restore", str(tmp_path / "list.json"), *options]).output == "1 on the list\n"

    def play(port: int, stop: threading.Event | None = None) -> None:
        blocks = [heard(second=second, addresses=[PHONE, SPARED]) for second in range(20)]
        run_agent(
            ScriptedSource(blocks), mall=mall, agent_id="a1", broker=BrokerAddress("127.0.0.1", port),
            spool_path=tmp_path / "spool", key=KEY, rotation=ROTATION, speed=100.0, stop=stop,
        )  # fmt: skip

    hidden = Pseudonyms(KEY, ROTATION).columns([T0_MS], [SPARED], [b""])[0][0]
    copy = tmp_path / "spool.optout"
    with Gateway(mosquitto.host, mosquitto.port, mall) as gateway:
        play(mosquitto.port)
        assert copy.exists()
        wait_until(lambda: gateway.times)
        gateway.messages.clear()
        stop = threading.Event()
        offline = threading.Timer(0.5, stop.set)
        offline.start()
        play(free_port(), stop)
        play(mosquitto.port)
        wait_until(lambda: len(gateway.times) >= 20)
        assert hidden.encode() not in b"".join(gateway.of("observations"))


def test_another_key_cannot_extend_a_list(
    tmp_path: Path, mosquitto_factory: Callable[..., Mosquitto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adding with another key than the list was made with is refused: no node could read both."""
    monkeypatch.setattr(retained_list, "RETAINED_S", 0.3)
    broker = mosquitto_factory()
    (tmp_path / "site.yaml").write_text(demo_site().model_dump_json())
    options = ["--site", str(tmp_path / "site.yaml"), "--broker", f"mqtt://127.0.0.1:{broker.port}"]
    outcomes = []
    for name, secret in (("one", KEY), ("other", bytes(32))):
        (tmp_path / name).write_text(secret.hex())
        (tmp_path / name).chmod(0o600)
        outcomes.append(
            CliRunner().invoke(app, ["add", "40ec99a7b35c", *options, "--key", str(tmp_path / name)])
        )
    assert outcomes[0].exit_code == 0
    assert isinstance(outcomes[1].exception, ConfigurationError)
