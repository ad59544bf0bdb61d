"""The operator changes from afar what a node does, and the mall sees how far its clock is off."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from typer.testing import CliRunner

from contracts.control import ConfigurationApplied
from contracts.errors import MessageError, UnavailableError
from contracts.messages import decode
from contracts.site import dump_site
from edge_agent import reporting
from firmware_configs.broker import OPERATOR
from firmware_configs.cli import app
from gateway import advice as words
from tests.gateway.crowd import START_MS
from tests.security.conftest import Attacked
from tests.security.mall import HONEST, Attacker, HonestNode, attacker
from tests.support import wait_until


@contextmanager
def node(attacked: Attacked, name: str, *, ahead_s: float = 0.0) -> Iterator[HonestNode]:
    """Run another node, whose clock is ahead."""
    start_ms = (attacked.gateway.health().t_ms or START_MS) // 1000 * 1000
    made = HonestNode(attacked.mall, name, start_ms=start_ms, wall=lambda: time.time() + ahead_s)
    made.start()
    yield made
    made.stop()


def configure(attacked: Attacked, name: str, *options: str, cert: str = OPERATOR, wait_s: float = 30) -> str:
    """Run `mallsense node configure`; gives its exit code and what it prints."""
    site = attacked.mall.folder / "mall.yaml"
    site.write_text(dump_site(attacked.mall.site), encoding="utf-8")
    files = attacked.mall.address(cert).files
    result = CliRunner().invoke(
        app,
        ["configure", name, "--site", str(site), "--ca", str(files.ca), "--cert", str(files.certificate),
         "--cert-key", str(files.key), "--wait", str(wait_s), *options],
        catch_exceptions=False,
    )  # fmt: skip
    return f"{result.exit_code} {result.output}"


def test_a_configuration_is_applied_and_acknowledged(attacked: Attacked) -> None:
    """What the operator wants takes effect and is acknowledged; taken back, it is as before."""
    with node(attacked, "n11") as at:
        assert configure(attacked, "n11").startswith("0 n11 shall: work as it was installed")
        said = configure(attacked, "n11", "--least-rssi", "-50", "--batch", "1")
        assert "least_rssi_dbm -50; batch_s 1.0 (revision 1)" in said
        assert said.startswith("0 ")
        assert "works by revision 1" in said
        wait_until(lambda: at.progress is not None and at.progress.skipped.get("weak", 0) > 3)
        said = configure(attacked, "n11", "--frames", "probe,data")
        assert "least_rssi_dbm -50; frame_kinds probe,data; batch_s 1.0 (revision 2)" in said
        said = configure(attacked, "n11", "--as-installed")
        assert "work as it was installed (revision 3)" in said
        assert "works by revision 3" in said
        weak = at.progress.skipped["weak"] if at.progress else 0
        before = at.progress.observations if at.progress else 0
        wait_until(lambda: at.progress is not None and at.progress.observations > before + 3)
        assert at.progress is not None
        assert at.progress.skipped["weak"] <= weak + 3


def test_a_refused_configuration_says_why(attacked: Attacked) -> None:
    """What the node cannot do is refused by the node, field and reason; what nobody can do, before that."""
    said = configure(attacked, HONEST, "--channels", "wlan1=1,6")
    assert said.startswith("1 ")
    assert "refuses radios: this node has no radios" in said
    with pytest.raises(MessageError, match="batch_s"):
        configure(attacked, HONEST, "--batch", "60")


def test_a_node_that_is_off_takes_it_when_it_is_back(attacked: Attacked) -> None:
    """The broker keeps a configuration for a node that is not there, and hands it over at every start."""
    assert "has not answered" in configure(attacked, "n12", "--health-every", "5", wait_s=0.1)
    for _ in range(2):
        with node(attacked, "n12"):
            wait_until(lambda: "works by revision 1" in configure(attacked, "n12"))


def test_nobody_else_configures_nodes(attacked: Attacked) -> None:
    """The certificate of another node or of a reader is not the operator's."""
    for name in ("n13", "crm"):
        with pytest.raises(UnavailableError, match="Not authorized"):
            configure(attacked, HONEST, "--batch", "1", cert=name)


def test_garbage_is_refused_and_the_node_goes_on(attacked: Attacked) -> None:
    """Whatever the operator's tool might leave on the topic, the node says that it is refused."""
    topics = attacked.mall.topics
    stored = len(attacked.journal(HONEST))
    with attacker(attacked.mall.address(OPERATOR)) as operator:
        operator.client.subscribe(topics.configuration_applied(HONEST), 1)
        operator.publish(topics.configuration(HONEST), b'{"v":1,"node":"n10","revision":9,"volume":11}')
        wait_until(lambda: any(b"volume" in payload for _, payload in operator.heard))
        answer = decode(operator.heard[-1][1], ConfigurationApplied)
        operator.client.publish(topics.configuration(HONEST), b"", qos=1, retain=True)
    assert (answer.state, answer.revision, answer.active) == ("refused", 9, 0)
    wait_until(lambda: len(attacked.journal(HONEST)) > stored + 3)


def test_a_clock_that_is_off_is_seen(attacked: Attacked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node whose clock is five seconds ahead reports it, and the console says what to do."""
    monkeypatch.setattr(reporting, "HEALTH_EVERY_S", 0.2)
    with node(attacked, "n14", ahead_s=5.0):
        wait_until(lambda: attacked.node("n14")["clock_offset_ms"] is not None)
        seen = attacked.node("n14")
    assert seen["clock_offset_ms"] == pytest.approx(-5000, abs=500)
    assert seen["advice"]["en"] == words.CLOCK_OFFSET.en


def test_a_reader_reads_findings_alone(attacked: Attacked) -> None:
    """A CRM gets events and positions, and nothing of single nodes; it publishes nothing."""
    topics = attacked.mall.topics
    stored = len(attacked.journal(HONEST))
    with attacker(attacked.mall.address("crm")) as reader:
        assert reader.connected.wait(30)
        reader.client.subscribe("#", 1)
        wait_until(lambda: reader.heard)
        for topic in (topics.event("visit.started", "S10"), topics.configuration(HONEST), topics.opt_out()):
            assert reader.publish(topic, b"x") == "Not authorized"
        wait_until(lambda: len(attacked.journal(HONEST)) > stored + 3)
        assert {topic.split("/")[3] for topic, _ in reader.heard} <= {"gateway", "floor", "events"}


def test_the_gateway_writes_the_lists_of_members_and_nodes_read_them(attacked: Attacked) -> None:
    """Whose phones nodes name is the gateway's to say; an operator says plates alone, a reader nothing."""
    topics = attacked.mall.topics
    devices, plates = topics.enrolled_devices(), topics.enrolled_plates()
    with ExitStack() as stack:
        clients = {
            name: stack.enter_context(attacker(attacked.mall.address(name), client_id=f"lists {name}"))
            for name in ("crm", "n13", OPERATOR)
        }
        for one in clients.values():
            assert one.connected.wait(30)
            one.client.subscribe([(devices, 1), (plates, 1)])
        assert (
            clients["crm"].publish(devices, b"x") == clients["crm"].publish(plates, b"x") == "Not authorized"
        )
        assert clients[OPERATOR].publish(devices, b"x") == "Not authorized"
        answers: list[str | None] = []
        for topic in (devices, plates):
            attacked.gateway._link.publish_followed(topic, b"{}", answers.append)
        wait_until(lambda: answers == [None, None])
        wait_until(lambda: _told(clients["n13"], devices) and _told(clients["n13"], plates))
        assert not any(_told(clients["crm"], topic) for topic in (devices, plates))


def test_events_that_name_members_are_for_who_may_read_them(attacked: Attacked) -> None:
    """Other readers, nodes and the operator are not given them, whatever they subscribe to."""
    topic = attacked.mall.topics.crm_event("visit.started", "S10")
    with ExitStack() as stack:
        clients = {
            name: stack.enter_context(attacker(attacked.mall.address(name), client_id=f"reads {name}"))
            for name in ("members", "crm", "n13", OPERATOR)
        }
        for one in clients.values():
            assert one.connected.wait(30)
            one.client.subscribe([("#", 1), (topic, 1)])
        assert clients["members"].publish(topic, b"x") == "Not authorized"
        answers: list[str | None] = []
        attacked.gateway._link.publish_followed(topic, b"m-1", answers.append)
        wait_until(lambda: answers == [None] and _told(clients["members"], topic))
        for name in ("crm", "n13", OPERATOR):  # what was on its way has come by the time of this answer
            clients[name].publish("nothing", b"x")
        assert not any(_told(clients[name], topic) for name in ("crm", "n13", OPERATOR))


def _told(one: Attacker, topic: str) -> bool:
    return any(heard == topic for heard, _ in one.heard)
