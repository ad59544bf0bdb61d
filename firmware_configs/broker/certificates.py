"""X.509 certificates of a mall: its authority's, the broker's, one for every node. Pure: the time is given.

P-256 keys: the smallest that every TLS library takes, and quick on a Raspberry Pi. What stands in a
certificate follows RFC 5280, so that strict verifiers (Python 3.13's default) take it, too.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=20 * 365)
CERTIFICATE_LIFE = timedelta(days=5 * 365)
"""Long: a node under a ceiling that stops for its age costs a ladder, and one that is lost can be revoked."""
RENEW_BEFORE = timedelta(days=90)
"""A certificate with less left is not kept when it is asked for again."""
BACKDATED = timedelta(days=1)
"""Certificates are valid from a little before they were made: a node's clock may be behind."""
_EVERYWHERE = ("localhost", "127.0.0.1", "::1")
"""Names of the broker for what runs beside it, such as the gateway."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key, as PEM. Its `repr` does not show the key."""

    name: str
    certificate_pem: bytes = field(repr=False)
    key_pem: bytes = field(repr=False)

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate, parsed."""
        return x509.load_pem_x509_certificate(self.certificate_pem)

    @property
    def is_pair(self) -> bool:
        """Whether the key is the certificate's. Raises `ValueError` where either is damaged."""
        return bool(_private(self).public_key() == self.certificate.public_key())


def make_authority(mall: str, *, now: datetime) -> Issued:
    """Make a mall's own authority: a certificate that signs itself, and others."""
    key = _key()
    name = _name(f"{mall} authority", mall)
    certificate = (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _issued(f"{mall} authority", certificate, key)


def make_server(authority: Issued, mall: str, hosts: Sequence[str], *, now: datetime) -> Issued:
    """Make the broker's certificate for its names and addresses, and those of its own machine.

    It cannot be used to log in: a stolen one is no node.
    """
    alternatives = x509.SubjectAlternativeName(_names((*hosts, *_EVERYWHERE)))
    return _leaf(
        authority, hosts[0], mall, ExtendedKeyUsageOID.SERVER_AUTH, now=now, alternatives=alternatives
    )


def make_client(authority: Issued, mall: str, name: str, *, now: datetime) -> Issued:
    """Make the certificate that a node, the gateway or a reader logs in with; it cannot be a broker's."""
    return _leaf(authority, name, mall, ExtendedKeyUsageOID.CLIENT_AUTH, now=now)


def make_revocations(authority: Issued, revoked: Iterable[tuple[int, datetime]], *, now: datetime) -> bytes:
    """Make the list of revoked certificates, (serial number, when), as PEM.

    It names no earlier end than the authority's: past the end of its list a broker refuses everybody.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(now - BACKDATED)
        .next_update(authority.certificate.not_valid_after_utc)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(_issuer(authority), critical=False)
    )
    for serial, when in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(_private(authority), hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _leaf(
    authority: Issued,
    name: str,
    mall: str,
    use: x509.ObjectIdentifier,
    *,
    now: datetime,
    alternatives: x509.SubjectAlternativeName | None = None,
) -> Issued:
    key = _key()
    builder = (
        _builder(_name(name, mall), authority.certificate.subject, key.public_key(), now, CERTIFICATE_LIFE)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_issuer(authority), critical=False)
    )
    if alternatives is not None:
        builder = builder.add_extension(alternatives, critical=False)
    return _issued(name, builder.sign(_private(authority), hashes.SHA256()), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + life)
    )


def _name(name: str, mall: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, mall), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )


def _names(hosts: Iterable[str]) -> list[x509.GeneralName]:
    return [_general_name(host) for host in dict.fromkeys(hosts)]


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issuer(authority: Issued) -> x509.AuthorityKeyIdentifier:
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _private(authority: Issued) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(authority.key_pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("expected the key of an elliptic curve")
    return key


def _issued(name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Issued:
    return Issued(
        name,
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
