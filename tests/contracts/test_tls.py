"""Every way in which TLS to the broker fails is explained: before connecting, or from what OpenSSL says."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.broker import BrokerAddress, TlsFiles
from contracts.errors import ConfigurationError
from contracts.tls import client_context, explain
from firmware_configs.broker.certificates import Issued, make_authority, make_client, make_server

NOW = datetime.now(UTC)
LONG_AGO = NOW - timedelta(days=6 * 365)


def write(folder: Path, name: str, issued: Issued) -> tuple[Path, Path]:
    """Write certificate and key."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    certificate.write_bytes(issued.certificate_pem)
    key.write_bytes(issued.key_pem)
    return certificate, key


@pytest.fixture
def root() -> Issued:
    """Return a mall's authority."""
    return make_authority("mall", now=LONG_AGO)


@contextmanager
def serving(certificate: Path, key: Path) -> Iterator[int]:
    """Shake hands with whoever comes; gives the port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with context.wrap_socket(connection, server_side=True):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)


def why(address: BrokerAddress, files: TlsFiles) -> str:
    """Connect and give why that failed."""
    context = client_context(files)
    with socket.create_connection(("127.0.0.1", address.port), timeout=30) as plain:
        try:
            context.wrap_socket(plain, server_hostname=address.host).close()
        except ssl.SSLError as error:
            assert context.failure is error
            return explain(error, address)
    return ""


@pytest.mark.parametrize(
    ("host", "made", "says"),
    [
        ("127.0.0.1", NOW, ""),
        ("localhost", NOW, ""),
        ("broker.mall", NOW, ""),
        ("other.mall", NOW, "not for the name other.mall"),
        ("127.0.0.2", NOW, "not for the name 127.0.0.2"),
        ("broker.mall", LONG_AGO, "has expired: is this machine's clock right?"),
        ("broker.mall", NOW + timedelta(days=9), "not valid yet: is this machine's clock right?"),
    ],
)
def test_the_brokers_certificate(tmp_path: Path, root: Issued, host: str, made: datetime, says: str) -> None:
    """A certificate for another name or out of its time is explained; a wrong clock is thought of."""
    ca, _ = write(tmp_path, "ca", root)
    server = write(tmp_path, "server", make_server(root, "mall", ["broker.mall"], now=made))
    with serving(*server) as port:
        said = why(BrokerAddress(host, port, tls=True), TlsFiles(ca))
    assert says in said
    assert bool(says) == bool(said)


def test_another_authority(tmp_path: Path, root: Issued) -> None:
    """A broker of another mall, and one that the system does not know, are not trusted."""
    other, _ = write(tmp_path, "other", make_authority("mall", now=NOW))
    server = write(tmp_path, "server", make_server(root, "mall", ["127.0.0.1"], now=NOW))
    for files in (TlsFiles(other), TlsFiles()):
        with serving(*server) as port:
            said = why(BrokerAddress("127.0.0.1", port, tls=True), files)
        assert "not from the authority that --ca names" in said


def test_files_that_cannot_be_used(tmp_path: Path, root: Issued) -> None:
    """What is wrong with a file is said before connecting: which file, what, and what to do."""
    ca, ca_key = write(tmp_path, "ca", root)
    certificate, key = write(tmp_path, "n1", make_client(root, "mall", "n1", now=NOW))
    _, other_key = write(tmp_path, "n2", make_client(root, "mall", "n2", now=NOW))
    locked = tmp_path / "locked.key"
    locked.write_bytes(b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGb\n-----END ENCRYPTED PRIVATE KEY-----\n")
    missing = tmp_path / "missing"
    for files, says in (
        (TlsFiles(missing), f"{missing}: cannot read the authority's certificate"),
        (TlsFiles(ca_key), f"{ca_key}: is no certificate"),
        (TlsFiles(ca, missing, key), f"{missing}: cannot read the certificate (--cert)"),
        (TlsFiles(ca, certificate, missing), f"{missing}: cannot read the certificate's private key"),
        (
            TlsFiles(ca, certificate, other_key),
            f"{other_key}: is not the key of the certificate {certificate}",
        ),
        (TlsFiles(ca, certificate, locked), "without a password"),
        (TlsFiles(ca, key, certificate), "expected a certificate and its private key"),
    ):
        with pytest.raises(ConfigurationError) as refused:
            client_context(files)
        assert says in refused.value.message
        assert refused.value.hint
        assert "PRIVATE KEY" not in str(refused.value)


def test_files_without_tls() -> None:
    """Certificates beside a plain address, or half of a pair, are refused with what to write."""
    with pytest.raises(ConfigurationError, match="mqtts://"):
        BrokerAddress.parse("mqtt://broker", ca=Path("ca.crt"))
    for half in ({"cert": Path("a")}, {"cert_key": Path("a")}):
        with pytest.raises(ConfigurationError, match="both or none"):
            BrokerAddress.parse("mqtts://broker", **half)


def test_unknown_reasons_are_told_as_they_are() -> None:
    """An error that nobody has words for is shown as OpenSSL or the system calls it."""
    address = BrokerAddress("b", 8883, tls=True)
    assert explain(None, address) == "the broker at mqtts://b:8883 cannot be reached"
    assert "no route" in explain(OSError(113, "no route to host"), address)
    assert "in time" in explain(TimeoutError(), address)
