"""No password and no key is written where it does not belong: talkative logs, stores, errors."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from contracts.broker import BrokerAddress
from contracts.errors import ConfigurationError
from contracts.tls import client_context
from edge_agent.connection import Connection
from firmware_configs.broker import Authority
from gateway.runtime import Gateway, Settings
from tests.edge_agent.helpers import KEY
from tests.edge_agent.test_privacy import spellings
from tests.edge_agent.test_reconnect import connection
from tests.gateway.crowd import START_MS
from tests.security.mall import HonestNode, SecureMall, refusal
from tests.support import find_program, wait_until

PASSWORD = "correct-horse-battery-staple"


def secrets_of(folder: Path) -> Iterator[bytes]:
    """Give what must not be seen: the mall's key, a password, every private key, as PEM and as a number."""
    yield from spellings(KEY)
    yield PASSWORD.encode()
    for path in folder.rglob("*.key"):
        pem = path.read_bytes()
        yield from (line for line in pem.splitlines() if not line.startswith(b"-----"))
        key = load_pem_private_key(pem, password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        yield from spellings(key.private_numbers().private_value.to_bytes(32, "big"))


def test_the_search_would_find_a_secret(tmp_path: Path) -> None:
    """Keys are found in what is searched for, as they lie in their files and otherwise."""
    authority = Authority.create(tmp_path, mall="small", now=datetime.now(UTC))
    key = authority.client("n10", now=datetime.now(UTC)).key_pem
    wanted = list(secrets_of(tmp_path))
    assert any(secret in b"log: " + key for secret in wanted)
    assert any(secret in f"password {PASSWORD}".encode() for secret in wanted)
    assert any(secret in KEY.hex().encode() for secret in wanted)


def test_nothing_secret_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A secured mall runs, certificates and passwords are wrong in every way; no secret is found."""
    caplog.set_level(logging.DEBUG)
    program = find_program("mosquitto")
    if program is None:
        pytest.skip("mosquitto is not installed: 'make test' installs it where it may")
    mall = SecureMall(program, tmp_path)
    mall.render()
    with (tmp_path / "broker" / "mosquitto.conf").open("a", encoding="utf-8") as configuration:
        configuration.write("log_type all\n")
    mall.start()
    said = [repr(mall.authority), repr(mall.authority.client("n10", now=datetime.now(UTC)))]
    settings = Settings(site=mall.site, store=tmp_path / "store.db", broker=mall.gateway_address(), port=0)
    with Gateway(settings) as gateway:
        honest = HonestNode(mall, "n10", start_ms=START_MS)
        honest.start()
        said.append(gateway.health().model_dump_json())
        said += refused(mall)
        honest.stop()
    logging.getLogger("edge_agent").debug("a detail that only somebody who looks for errors wants")
    mall.stop()
    written = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and not secret(path)}
    output = capfd.readouterr()
    texts = [*written.values(), caplog.text.encode(), output.out.encode(), output.err.encode()]
    texts += [text.encode() for text in said]
    for wanted in secrets_of(tmp_path):
        for text in texts:
            assert wanted.lower() not in text.lower()
    assert {"mosquitto.log", "store.db", "n10.spool", "mosquitto.db"} <= {path.name for path in written}
    assert "a detail that only somebody who looks for errors wants" in caplog.text


def secret(path: Path) -> bool:
    """Tell whether a file is one that holds a private key by right."""
    return path.suffix == ".key"


def refused(mall: SecureMall) -> list[str]:
    """Try passwords and files that are wrong; gives what was said."""
    said = [
        refusal(BrokerAddress.parse(f"mqtts://127.0.0.1:{mall.port}", ca=mall.authority.folder / "ca.crt"))
    ]
    files = mall.address("n11").files
    other = mall.address("n12").files
    for cert, key, ca in (
        (files.certificate, other.key, files.ca),
        (files.key, files.key, files.ca),
        (files.certificate, files.key, files.key),
    ):
        address = BrokerAddress.parse(
            f"mqtts://me:{PASSWORD}@127.0.0.1:{mall.port}", ca=ca, cert=cert, cert_key=key
        )
        with pytest.raises(ConfigurationError) as wrong:
            client_context(address.files)
        said += [str(wrong.value), repr(wrong.value), repr(address), str(address)]
    said.append(no_login(connection(BrokerAddress.parse(f"mqtt://me:{PASSWORD}@127.0.0.1:{mall.port}"))))
    for text in (f"mqtt://me:{PASSWORD}@b:x", f"mqtt://me:{PASSWORD}@b/c", f"http://me:{PASSWORD}@b"):
        with pytest.raises(ConfigurationError) as wrong:
            BrokerAddress.parse(text)
        said.append(str(wrong.value))
    return said


def no_login(node: Connection) -> str:
    """Try to log in; gives why not."""
    node.start()
    wait_until(lambda: node.trouble)
    node.stop()
    return node.trouble
