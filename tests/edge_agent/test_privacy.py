"""No raw address leaves the process: not in the spool, not over MQTT, not in a log at its most talkative."""

import base64
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.broker import BrokerAddress
from contracts.control import EnrolledDevices
from contracts.messages import encode
from edge_agent import agent as agent_module
from edge_agent.agent import Progress, run_agent
from edge_agent.members import member_digest
from edge_agent.opt_out import key_id
from edge_agent.sources.pcap import PcapSource
from tests.edge_agent.helpers import (
    AP,
    KEY,
    ROTATION,
    T0_MS,
    Gateway,
    element,
    header,
    pcap,
    probe,
    radiotap,
    write,
)
from tests.support import Mosquitto, wait_until

PHONES = [bytes.fromhex(text) for text in ("9a3fc411d2e7", "40ec99a7b35c", "d6e1f0123b9d")]
NETWORK = b"Grandmother's Wi-Fi 42"


def spellings(secret: bytes) -> Iterator[bytes]:
    """Give every way in which these bytes might be written down."""
    yield secret
    yield secret[::-1]
    for order in (secret, secret[::-1]):
        for separator in ("", ":", "-", " ", ", "):
            yield separator.join(f"{byte:02x}" for byte in order).encode()
    yield base64.b64encode(secret)
    for lead in (
        1,
        2,
    ):  # inside a longer text that was encoded as a whole: the characters that hold nothing else
        first, last = -(-8 * lead // 6), 8 * (lead + len(secret)) // 6
        yield base64.b64encode(bytes(lead) + secret)[first:last]
    yield repr(secret)[2:-1].encode()
    yield ", ".join(map(str, secret)).encode()
    yield str(int.from_bytes(secret, "big")).encode()


def leaks(haystack: bytes) -> list[bytes]:
    """Give the spellings of a secret that occur in a text, whatever their case."""
    folded = haystack.lower()
    return [
        text for secret in (*PHONES, NETWORK, KEY) for text in spellings(secret) if text.lower() in folded
    ]


def capture(folder: Path) -> Path:
    """Write a capture in which every kind of frame names a phone, some of them torn."""
    packets = []
    for second in range(30):
        for phone in PHONES:
            named = element(221, b"\x00\x50\xf2\x04" + phone) + element(221, b"\x50\x6f\x9a\x09" + phone)
            frames = [
                probe(by=phone, ssid=NETWORK, more=element(1, b"\x82\x84") + named),
                radiotap() + header(0x48, direction=1, to=AP, by=phone, third=phone),
                radiotap() + header(0xB0, to=AP, by=phone, third=AP),
                radiotap() + header(0x88, direction=2, to=phone, by=AP, third=AP),
                probe(by=phone, ssid=NETWORK)[:-1],
                b"\x00\x00" + phone * 3,
            ]
            packets += [(T0_MS + second * 1000 + i, frame) for i, frame in enumerate(frames)]
    return write(folder / "phones.pcap", pcap(packets) + b"torn" + PHONES[0])


def test_the_search_would_find_a_leak() -> None:
    """The search finds an address in every spelling it is there to find."""
    for text in spellings(PHONES[0]):
        assert leaks(b"some text " + text.upper() + b" and more") or leaks(
            b"some text " + text + b" and more"
        )
    assert leaks(b'{"address":"9A:3F:C4:11:D2:E7"}')
    assert leaks(NETWORK)
    assert not leaks(b"nothing of the kind")


def test_nothing_leaves(
    tmp_path: Path,
    mosquitto_factory: Callable[..., Mosquitto],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Captured phones go through the whole agent, with and without a broker; no trace of them is found."""
    monkeypatch.setattr(agent_module, "DRAIN_ON_STOP_S", 0.1)
    caplog.set_level(logging.DEBUG)
    broker = mosquitto_factory(persistence=True, settings="log_type all")
    broker.stop()
    source = PcapSource("n1", [capture(tmp_path)])
    stop = threading.Event()

    def stop_when_read(now: Progress) -> None:
        if now.finished and not broker.running:
            stop.set()

    def run() -> object:
        return run_agent(
            source,
            mall="private",
            agent_id="a1",
            broker=BrokerAddress(broker.host, broker.port),
            spool_path=tmp_path / "spool",
            key=KEY,
            rotation=ROTATION,
            speed=None,
            stop=stop,
            progress=stop_when_read,
        )

    listed = EnrolledDevices(key=key_id(KEY), digests=[member_digest(KEY, PHONES[0])])
    (tmp_path / "spool.members").write_bytes(encode(listed))
    run()  # all stays in the spool
    spooled = b"".join(file.read_bytes() for file in tmp_path.glob("spool*"))
    stop.clear()
    broker.start()
    with Gateway(broker.host, broker.port, "private") as gateway:
        done = run()
        wait_until(lambda: len(gateway.of("status")) == 2)
        sent = b"".join(topic.encode() + payload for topic, payload in gateway.messages)
    broker.stop()
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("spool*"))
    logged = caplog.text.encode() + broker.log.encode() + broker.database.read_bytes()
    for text in (sent, spooled, kept, logged, repr(done).encode()):
        assert leaks(text) == []
    assert b'"device":["' in sent
    assert b'"device":["' in spooled
    assert sent.count(listed.digests[0].encode()) > 0  # the member is named, and nobody else
    assert b'"members":[{' in spooled
    assert not any(member_digest(KEY, phone).encode() in sent + spooled for phone in PHONES[1:])
    assert "DEBUG" in caplog.text or "INFO" in caplog.text
