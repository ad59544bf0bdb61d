"""No address and no network's name in anything that a mall writes, from the node to the gateway's store."""

import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contracts.broker import BrokerAddress
from contracts.control import OptOutList
from contracts.messages import encode
from contracts.topics import Topics
from edge_agent.agent import run_agent
from edge_agent.opt_out import key_id, opt_out_digest
from edge_agent.rotation import SaltRotation
from edge_agent.sources.pcap import PcapSource
from tests.edge_agent.helpers import KEY, T0_MS, Gateway
from tests.edge_agent.test_privacy import PHONES, capture, leaks
from tests.gateway.crowd import small_site
from tests.gateway.running import GatewayProcess, client
from tests.support import Mosquitto, wait_until

MALL, NODE = "hushed", "n10"


def test_nothing_that_is_written_names_a_phone_or_a_network(
    tmp_path: Path,
    mosquitto_factory: Callable[..., Mosquitto],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Phones are heard while the salt changes, one has opted out; every file, message and log is searched."""
    caplog.set_level(logging.DEBUG)
    broker = mosquitto_factory(persistence=True, settings="log_type all")
    topics, site = Topics(MALL), small_site(MALL)
    rotation = SaltRotation.of(site)
    gateway = GatewayProcess(site, tmp_path, "--broker", f"mqtt://127.0.0.1:{broker.port}")
    gateway.start()
    listed = encode(OptOutList(key=key_id(KEY), digests=[opt_out_digest(KEY, PHONES[2])]))
    with client(broker.port, "operator") as operator:
        operator.publish(topics.opt_out(), listed, qos=1, retain=True).wait_for_publish(5)
    copy = tmp_path / "spool.optout"
    copy.write_bytes(listed)
    (tmp_path / "frames").mkdir()
    source = PcapSource(NODE, [str(capture(tmp_path / "frames"))])
    source.shift_ms = rotation.period(T0_MS).end_ms - T0_MS - 15_000
    with Gateway(broker.host, broker.port, MALL) as listener:
        done = run_agent(
            source, mall=MALL, agent_id=NODE, broker=BrokerAddress(broker.host, broker.port),
            spool_path=tmp_path / "spool", key=KEY, rotation=rotation, speed=None,
        )  # fmt: skip
        wait_until(lambda: len(listener.of("status")) >= 2)
        sent = b"\n".join(topic.encode() + payload for topic, payload in list(listener.messages))
    gateway.end()
    broker.stop()
    assert done.skipped["opted_out"] > 0
    assert b'"formerly":["' in sent
    stored = b"\n".join(everything(tmp_path / "store.db"))
    assert b'"formerly":["' in stored
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    assert {"spool", "spool.optout", "store.db"} <= set(written)
    logged = "".join((caplog.text, *capfd.readouterr(), broker.log)).encode()
    for text in (sent, stored, logged, broker.database.read_bytes(), repr(done).encode(), *written.values()):
        assert leaks(text) == []


def everything(store: Path) -> Iterator[bytes]:
    """Give every value in a database, unpacked where it is packed."""
    with sqlite3.connect(store) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f"SELECT * FROM {table}"):  # from the schema
                yield repr(row).encode()
                for value in row:
                    if isinstance(value, bytes):
                        yield value
                        try:
                            yield zlib.decompress(value)
                        except zlib.error:
                            continue
    database.close()
