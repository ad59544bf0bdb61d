"""The mall's certificates and the broker's folder: kept, renewed, revoked, never readable by others."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from typer.testing import CliRunner

from contracts.errors import ConfigurationError
from contracts.site import Broker, Site, dump_site
from contracts.topics import Topics
from firmware_configs.broker import Authority, acl, client_names, configuration, render_broker
from firmware_configs.broker.certificates import CERTIFICATE_LIFE, RENEW_BEFORE
from firmware_configs.broker.cli import app
from tests.gateway.crowd import small_site

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def site(*readers: str, host: str = "broker.mall") -> Site:
    """Return the small mall with a broker."""
    return small_site().model_copy(update={"broker": Broker(host=host, readers=list(readers))})


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return a new authority."""
    return Authority.create(tmp_path / "authority", mall="small", now=NOW)


def test_certificates_are_kept_while_they_are_good(authority: Authority) -> None:
    """Asking again gives the same certificate; near its end, on demand, or damaged, a new one."""
    first = authority.client("n1", now=NOW)
    again = Authority.open(authority.folder, mall="small").client("n1", now=NOW + timedelta(days=400))
    assert again == first
    late = NOW + CERTIFICATE_LIFE - RENEW_BEFORE + timedelta(days=1)
    assert authority.client("n1", now=late).certificate_pem != first.certificate_pem
    assert authority.client("n1", now=NOW, renew=True).certificate_pem != first.certificate_pem
    newest = authority.client("n1", now=NOW)
    for end, content in ((".key", first.key_pem), (".crt", b"torn"), (".crt", first.certificate_pem)):
        (authority.folder / "issued" / f"n1{end}").write_bytes(content)
        mended = authority.client("n1", now=NOW)
        assert mended.is_pair
        assert mended != newest
    server = authority.server(["a.mall"], now=NOW)
    assert authority.server(["a.mall"], now=NOW) == server
    assert authority.server(["b.mall"], now=NOW) != server


def test_what_stands_in_certificates(authority: Authority) -> None:
    """Name, use, time and signature are what OpenSSL and strict verifiers want."""
    root = x509.load_pem_x509_certificate(authority.ca_pem)
    client = authority.client("n1", now=NOW).certificate
    server = authority.server(["broker.mall", "10.0.0.1"], now=NOW).certificate
    for certificate in (client, server):
        certificate.verify_directly_issued_by(root)
        assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.mall", "localhost"]
    assert [str(ip) for ip in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "127.0.0.1", "::1"]
    assert client.subject.rfc4514_string() == "CN=n1,O=small"


def test_revocation(authority: Authority) -> None:
    """Every certificate of a name that is good is revoked and in the list; the next one is new and good."""
    numbers = {authority.client("n1", now=NOW, renew=True).certificate.serial_number for _ in range(2)}
    other = authority.client("n2", now=NOW)
    assert authority.revoke("n1", now=NOW) == 2
    listed = x509.load_pem_x509_crl(Authority.open(authority.folder).revocations_pem(now=NOW))
    assert {entry.serial_number for entry in listed} == numbers
    assert listed.next_update_utc == x509.load_pem_x509_certificate(authority.ca_pem).not_valid_after_utc
    assert authority.client("n1", now=NOW).certificate.serial_number not in numbers
    assert authority.client("n2", now=NOW) == other
    with pytest.raises(ConfigurationError, match="no certificate that could be revoked"):
        authority.revoke("n3", now=NOW)


def test_two_at_once_lose_nothing(authority: Authority) -> None:
    """What several commands issue at the same time is all in the register, so that all can be revoked."""

    def issue(number: int) -> int:
        ours = Authority.open(authority.folder)
        return ours.client(f"n{number}", now=NOW).certificate.serial_number

    with ThreadPoolExecutor(8) as pool:
        numbers = set(pool.map(issue, range(24)))
    listed = {int(entry.serial, 16) for entry in Authority.open(authority.folder).entries}
    assert listed == numbers
    assert len(numbers) == 24


def test_only_the_owner_reads_keys(authority: Authority, tmp_path: Path) -> None:
    """Every file with a private key is readable by its owner alone; one that is not is refused."""
    authority.client("n1", now=NOW)
    render_broker(site(), authority, tmp_path / "broker", now=NOW)
    keys = [path for path in tmp_path.rglob("*") if path.is_file() and b"PRIVATE" in path.read_bytes()]
    assert {path.name for path in keys} == {"ca.key", "n1.key", "server.key"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
    assert "PRIVATE" not in repr(authority) + repr(authority.client("n1", now=NOW))
    (authority.folder / "ca.key").chmod(0o644)
    with pytest.raises(ConfigurationError, match="others may read"):
        Authority.open(authority.folder)


def test_authorities_are_not_mixed_up(authority: Authority, tmp_path: Path) -> None:
    """One is never written over, and neither another mall's nor a damaged one is used."""
    with pytest.raises(ConfigurationError, match="already"):
        Authority.create(authority.folder, mall="small", now=NOW)
    with pytest.raises(ConfigurationError, match="of the mall small, expected large"):
        Authority.open(authority.folder, mall="large")
    with pytest.raises(ConfigurationError, match="cannot read the authority"):
        Authority.open(tmp_path / "nowhere")
    with pytest.raises(ConfigurationError, match="no name"):
        authority.client("../ca", now=NOW)
    (authority.folder / "register.json").write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        Authority.open(authority.folder)


def test_names_decide_rights() -> None:
    """Two that share a name could speak as each other: a site like that is refused."""
    assert client_names(site("crm"))[:3] == ("gateway", "operator", "n10")
    for reader in ("n10", "gateway", "operator", "server"):
        with pytest.raises(ConfigurationError, match=reader):
            acl(site(reader))


def test_rights_of_a_node() -> None:
    """A node's part of the access list names its own topics and no pattern."""
    text = acl(site("crm"))
    part = text.partition("user n10\n")[2].partition("\n\n")[0]
    writes = [line.removeprefix("topic write ") for line in part.splitlines() if "write" in line]
    assert all("/n10/" in topic for topic in writes)
    assert not set("+#%") & set(part)
    reader = text.partition("user crm\n")[2]
    assert "write" not in reader
    assert "/node/" not in reader
    assert "/crm/" not in reader


def test_who_may_read_members() -> None:
    """Readers of the CRM's events are named for it; they read what other readers do, too."""
    named = site("wall").model_copy(
        update={"broker": Broker(host="broker.mall", readers=["wall", "crm"], crm_readers=["crm"])}
    )
    users = dict(part.split("\n", 1) for part in acl(named).split("user ")[1:])
    reading = [name for name, rules in users.items() if "topic read" in rules and "/crm/events/#" in rules]
    assert reading == ["gateway", "crm"]
    assert f"topic write {Topics(named.mall.id).all_crm_events}" in users["gateway"]
    assert "/positions" in users["crm"]
    assert client_names(named)[-2:] == ("wall", "crm")


def test_a_site_without_a_broker() -> None:
    """What to write into the site file is said."""
    with pytest.raises(ConfigurationError, match=r"broker: \{host: NAME\}"):
        configuration(small_site())


def test_rendering_again_changes_nothing(authority: Authority, tmp_path: Path) -> None:
    """The folder is the same when it is rendered again: what changed can be seen in a diff."""
    files = render_broker(site(), authority, tmp_path / "broker", now=NOW)
    before = {path: path.read_bytes() for path in files if path.name != "revoked.pem"}
    render_broker(site(), authority, tmp_path / "broker", now=NOW + timedelta(days=30))
    assert {path: path.read_bytes() for path in before} == before


def test_commands(tmp_path: Path) -> None:
    """From a site file to a broker's folder, certificates, a revocation and a list."""
    mall, ours = tmp_path / "mall.yaml", str(tmp_path / "authority")
    mall.write_text(dump_site(site("crm")), encoding="utf-8")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--authority", ours], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "mosquitto.conf" in run("render", "--site", str(mall), "--out", str(tmp_path / "broker"))
    assert "n11.crt" in run("certificate", "--site", str(mall))
    assert "n10.crt" in run("certificate", "n10", "--site", str(mall), "--renew")
    assert "2 of n10 revoked" in run("revoke", "n10")
    assert "revoked" in run("list")
    with pytest.raises(ConfigurationError, match="knows no n99"):
        run("certificate", "n99", "--site", str(mall))
