"""A mall with a broker as it is rendered: TLS, certificates, access list; a gateway, and an honest node."""

import os
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from contracts.broker import BrokerAddress
from contracts.messages import ObservationBatch
from contracts.site import Broker, Site
from contracts.tls import ClientContext, client_context, explain
from contracts.topics import Topics
from edge_agent.agent import run_agent
from edge_agent.guidance import Guidance
from edge_agent.reporting import Progress
from edge_agent.sources import Heard
from firmware_configs.broker import GATEWAY, Authority, Issued, render_broker
from tests.edge_agent.helpers import KEY, ROTATION, heard
from tests.gateway.crowd import small_site
from tests.support import free_port, listens, wait_until

HONEST = "n10"


class SecureMall:
    """The small mall, its authority, and a real mosquitto that runs with what was rendered for it."""

    def __init__(self, program: str, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.site: Site = small_site().model_copy(
            update={
                "broker": Broker(host="127.0.0.1", port=self.port, readers=["crm"], crm_readers=["members"])
            }
        )
        self.topics = Topics(self.site.mall.id)
        self.authority = Authority.create(folder / "authority", mall=self.site.mall.id, now=datetime.now(UTC))
        self._program = program
        self._log = folder / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    def render(self) -> None:
        """Write the broker's folder, as `mallsense broker render` does."""
        installed = self.folder / "broker"
        (self.folder / "persistence").mkdir(exist_ok=True)
        render_broker(
            self.site, self.authority, installed, now=datetime.now(UTC), installed=PurePosixPath(installed)
        )
        configuration = installed / "mosquitto.conf"
        text = configuration.read_text(encoding="utf-8")
        text = text.replace("/var/lib/mosquitto/", f"{self.folder}/persistence/")
        text = text.replace(f"listener {self.port}", f"listener {self.port} 127.0.0.1")
        if os.geteuid() == 0:
            text += "user root\n"  # else it gives up its rights and cannot read the folder
        configuration.write_text(text, encoding="utf-8")

    def start(self) -> None:
        """Start the broker and wait until it listens."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", self.folder / "broker" / "mosquitto.conf"], stderr=log
            )
        wait_until(lambda: listens(self.port), what=f"mosquitto does not listen:\n{self.log}")

    def reload(self) -> None:
        """Have the broker read its files again; it does so between two messages, soon."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """Stop the broker."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=10)

    @property
    def log(self) -> str:
        """What the broker has written."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def address(self, name: str, *, issued: Issued | None = None, ca: Path | None = None) -> BrokerAddress:
        """The broker's address for whoever has this name's certificate, or another one instead."""
        folder = self.authority.folder / "issued"
        if issued is None:
            self.authority.client(name, now=datetime.now(UTC))
        else:
            folder = self.folder / f"other-{issued.certificate.serial_number:x}"
            folder.mkdir(exist_ok=True)
            (folder / f"{name}.crt").write_bytes(issued.certificate_pem)
            (folder / f"{name}.key").write_bytes(issued.key_pem)
        return BrokerAddress.parse(
            f"mqtts://127.0.0.1:{self.port}",
            ca=ca or self.authority.folder / "ca.crt",
            cert=folder / f"{name}.crt",
            cert_key=folder / f"{name}.key",
        )

    def gateway_address(self) -> BrokerAddress:
        """The broker's address for the gateway."""
        return self.address(GATEWAY)


class Attacker:
    """An MQTT client of whoever holds a certificate, which notes what the broker says."""

    def __init__(self, address: BrokerAddress, *, client_id: str = "attacker") -> None:
        self.address = address
        self.connected = threading.Event()
        self.ended = threading.Event()
        self.answers: list[str] = []
        self.subscribed: list[str] = []
        self.heard: list[tuple[str, bytes]] = []
        self.context: ClientContext | None = None
        self.client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        if address.tls:
            self.context = client_context(address.files)
            self.client.tls_set_context(self.context)
        self.client.on_connect = lambda *_: self.connected.set()
        self.client.on_disconnect = lambda *_: self.ended.set()
        self.client.on_publish = lambda _c, _d, _mid, reason, _p: self.answers.append(str(reason))
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = lambda _c, _d, message: self.heard.append(
            (message.topic, bytes(message.payload))
        )

    def _on_subscribe(self, _c: Client, _d: Any, _mid: int, reasons: list[Any], _p: Any) -> None:
        self.subscribed += [str(reason) for reason in reasons]

    def publish(self, topic: str, payload: bytes) -> str:
        """Publish and give what the broker says of it."""
        before = len(self.answers)
        self.client.publish(topic, payload, qos=1)
        wait_until(lambda: len(self.answers) > before or self.ended.is_set())
        return self.answers[-1] if len(self.answers) > before else "disconnected"


@contextmanager
def attacker(address: BrokerAddress, *, client_id: str = "attacker") -> Iterator[Attacker]:
    """Connect with a certificate, or try to."""
    made = Attacker(address, client_id=client_id)
    try:
        made.client.connect(address.host, address.port)
    except ssl.SSLError:
        made.ended.set()
    made.client.loop_start()
    try:
        yield made
    finally:
        made.client.disconnect()
        made.client.loop_stop()


def refusal(address: BrokerAddress) -> str:
    """Try to log in with a certificate that is refused; gives why, as a node would log it.

    The broker closes right behind its alert. Where the client writes in that moment the alert is lost, and it
    has to try again to hear it, as a node does.
    """
    for _ in range(20):
        with attacker(address) as made:
            assert made.ended.wait(30)
            assert not made.connected.is_set()
            if made.context is not None and made.context.failure is not None:
                return explain(made.context.failure, address)
    raise TimeoutError("the broker never says why it hangs up")


class Endless:
    """An honest node's source: a second of event time ten times a second, until it is stopped."""

    def __init__(self, node: str, start_ms: int) -> None:
        self.nodes = (node,)
        self._start_ms = start_ms
        self.stop = threading.Event()

    def blocks(self) -> Iterator[Heard]:
        """Give a phone a second."""
        second = 0
        while not self.stop.wait(0.1):
            block = heard(self.nodes[0], second)
            moved = self._start_ms - (block.complete_to_ms - 1000) + 1000 * second
            block.complete_to_ms += moved
            block.t_ms = [t_ms + moved for t_ms in block.t_ms]
            yield block
            second += 1


class HonestNode:
    """The real agent of a node, in a thread of this process."""

    def __init__(
        self, mall: SecureMall, node: str, *, start_ms: int, wall: Callable[[], float] = time.time
    ) -> None:
        self._wall = wall
        self.source = Endless(node, start_ms)
        self.progress: Progress | None = None
        self.done: Progress | None = None
        self.troubles: set[str] = set()
        self._thread = threading.Thread(target=self._run, args=(mall, node))

    def _run(self, mall: SecureMall, node: str) -> None:
        self.done = run_agent(
            self.source,
            mall=mall.site.mall.id,
            agent_id=node,
            broker=mall.address(node),
            spool_path=mall.folder / f"{node}.spool",
            key=KEY,
            rotation=ROTATION,
            speed=None,
            live=True,
            progress=self._note,
            guidance=Guidance(node, self.source, wall=self._wall),
        )

    def _note(self, progress: Progress) -> None:
        self.progress = progress
        if progress.sent:
            self.troubles.add(progress.trouble)

    def start(self) -> None:
        """Start it and wait until something of it is stored."""
        self._thread.start()
        wait_until(lambda: self.progress is not None and self.progress.sent > 0)

    def stop(self) -> Progress:
        """End it, as its source would."""
        self.source.stop.set()
        self._thread.join(30)
        assert self.done is not None
        return self.done


def batch_of(node: str, *, seq: int = 0, t_ms: int, boot: str = "00000000000000bb") -> ObservationBatch:
    """An empty batch."""
    return ObservationBatch(node=node, boot=boot, seq=seq, watermark_ms=t_ms)
