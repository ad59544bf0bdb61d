"""The address of an MQTT broker, as people write it: mqtt://user:password@host:1883."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, unquote, urlsplit

from contracts.errors import ConfigurationError

PLAIN_PORT = 1883
TLS_PORT = 8883
_HINT = "Write it like mqtt://127.0.0.1:1883, mqtt://user:password@broker.example or, with TLS, mqtts://host."


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Whom a client trusts, and how it shows who it is: PEM files."""

    ca: Path | None = None
    """The authority that the broker's certificate is from; None = those that the system trusts."""
    certificate: Path | None = None
    key: Path | None = None
    """The private key of `certificate`."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens and how to log in. Neither `str` nor `repr` shows the password."""

    host: str
    port: int = PLAIN_PORT
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    files: TlsFiles = TlsFiles()

    @classmethod
    def parse(
        cls, text: str, *, ca: Path | None = None, cert: Path | None = None, cert_key: Path | None = None
    ) -> Self:
        """Read `mqtt://[user[:password]@]host[:port]`, or `mqtts://` for TLS; a bare host will do.

        Percent-encoded characters in user and password are decoded; an IPv6 address stands in brackets. The
        files of TLS are named beside it, as on the command line.

        Raises:
            ConfigurationError: it is no such address, or the files do not go with it. The message never
                repeats the password.

        """
        url = _split(text.strip() if "://" in text else f"mqtt://{text.strip()}")
        if url.scheme not in ("mqtt", "mqtts"):
            raise ConfigurationError(
                f"broker address: expected mqtt:// or mqtts://, found {url.scheme}://", _HINT
            )
        if url.path not in ("", "/") or url.query or url.fragment:
            raise ConfigurationError("broker address: nothing is expected after the port", _HINT)
        if not url.hostname or any(c.isspace() for c in url.hostname):
            raise ConfigurationError("broker address: the host is missing", _HINT)
        if url.password and not url.username:
            raise ConfigurationError("broker address: a password without a user", _HINT)
        tls = url.scheme == "mqtts"
        if not tls and (ca or cert or cert_key):
            raise ConfigurationError(
                "broker address: --ca, --cert and --cert-key are for TLS, and this address is without",
                "Write mqtts:// instead of mqtt://, or leave the certificates out.",
            )
        if (cert is None) != (cert_key is None):
            raise ConfigurationError(
                "--cert and --cert-key: expected both or none: a certificate and its private key",
                "They are issued together: NAME.crt and NAME.key.",
            )
        return cls(
            host=url.hostname,
            port=_port(url) or (TLS_PORT if tls else PLAIN_PORT),
            user=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            tls=tls,
            files=TlsFiles(ca, cert, cert_key),
        )

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{self.user}@" if self.user else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{user}{host}:{self.port}"


def _split(text: str) -> SplitResult:
    try:
        return urlsplit(text)
    except ValueError as error:
        raise ConfigurationError(f"broker address: {error}", _HINT) from None


def _port(url: SplitResult) -> int | None:
    try:
        port = url.port
    except ValueError:
        port = 0
    if port == 0:
        raise ConfigurationError("broker address: the port is a number from 1 to 65535", _HINT)
    return port
