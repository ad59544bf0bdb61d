"""TLS to the mall's broker: the context of a client, and why a connection was refused, in words.

Beside `contracts.site.read` the one place in `contracts` that opens files: nodes, gateway and tools make the
same mistakes with certificates, and have to be told the same about them.
"""

import ssl
from pathlib import Path
from typing import Any

from contracts.broker import BrokerAddress, TlsFiles
from contracts.errors import ConfigurationError

_ISSUE = "Issue one with: mallsense broker certificate NAME"
_CLOCK = "is this machine's clock right? A node without time cannot tell whether a certificate holds"

_UNTRUSTED = "its certificate is not from the authority that --ca names: is it another mall's broker?"
_OTHER_NAME = (
    "its certificate is not for the name {host}: call it by the host in the site file's broker section, or "
    "change that and render the broker's folder again"
)
_BY_VERIFICATION = {
    9: f"its certificate is not valid yet: {_CLOCK}",
    10: f"its certificate has expired: {_CLOCK}; else render the broker's folder again",
    18: _UNTRUSTED,
    19: _UNTRUSTED,
    20: _UNTRUSTED,
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
"""By OpenSSL's X509_V_ERR number (openssl/x509_vfy.h): what is wrong with the broker's certificate."""

_BY_ALERT = {
    "UNKNOWN_CA": "it does not trust this certificate: it is from another mall's authority",
    "CERTIFICATE_EXPIRED": "this certificate has expired: issue and install a new one",
    "CERTIFICATE_REVOKED": "this certificate has been revoked: issue and install a new one",
    "BAD_CERTIFICATE": "this certificate is damaged or not valid yet there: are both clocks right?",
    "CERTIFICATE_REQUIRED": "it wants a certificate: name one with --cert and --cert-key",
    "UNSUPPORTED_CERTIFICATE": "this certificate is not made for logging in: issue one for this name",
    "HANDSHAKE_FAILURE": "it wants a certificate, or other ciphers: name one with --cert and --cert-key",
    "PROTOCOL_VERSION": "it speaks another version of TLS: 1.2 or newer is expected",
    "WRONG_VERSION_NUMBER": "it does not speak TLS on this port: use mqtt:// or another port",
    "HTTP_REQUEST": "it does not speak TLS on this port: use mqtt:// or another port",
}
"""By the name that OpenSSL gives an alert (RFC 8446, section 6.2) or error: what the broker says."""


class ClientContext(ssl.SSLContext):
    """A context that remembers why a connection was refused.

    With TLS 1.3 a broker refuses a client's certificate after the client's handshake is done, in an alert
    that paho takes for a broken connection like any other. The sockets of this context keep it in `failure`.
    """

    failure: ssl.SSLError | None = None
    """What has ended the newest connection; None while nothing of TLS has."""


class _Socket(ssl.SSLSocket):
    """A socket that tells its context why it failed."""

    context: Any

    def do_handshake(self, block: bool = False) -> None:
        self.context.failure = None
        try:
            super().do_handshake(block)
        except ssl.SSLError as error:
            self._remember(error)
            self.close()  # nobody else would while `failure` holds on to what was raised here
            raise

    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        try:
            return super().recv(buflen, flags)
        except ssl.SSLError as error:
            self._remember(error)
            raise

    def _remember(self, error: ssl.SSLError) -> None:
        if not isinstance(error, ssl.SSLWantReadError | ssl.SSLWantWriteError):
            self.context.failure = error


def client_context(files: TlsFiles) -> ClientContext:
    """The TLS context of a client: TLS 1.2 or newer, the broker's certificate and name are verified.

    Without a CA of one's own the system's are trusted.

    Raises:
        ConfigurationError: a file cannot be read, holds no certificate or key, or key and certificate differ.

    """
    context = ClientContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _Socket
    if files.ca is None:
        context.load_default_certs()
    else:
        _load_ca(context, files.ca)
    if files.certificate is not None and files.key is not None:
        _load_own(context, files.certificate, files.key)
    return context


def _load_ca(context: ssl.SSLContext, ca: Path) -> None:
    _readable(ca, "the authority's certificate (--ca)", "It is ca.crt of the mall's authority.")
    try:
        context.load_verify_locations(ca)
    except ssl.SSLError as error:
        raise ConfigurationError(
            f"{ca}: is no certificate (--ca expects PEM)", "It is ca.crt of the mall's authority."
        ) from error


def _load_own(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    _readable(certificate, "the certificate (--cert)", _ISSUE)
    _readable(key, "the certificate's private key (--cert-key)", _ISSUE)
    try:
        # A password is asked for at the terminal unless there is one, and a node has no terminal.
        context.load_cert_chain(certificate, key, password="")
    except ssl.SSLError as error:
        if error.reason in ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH"):
            raise ConfigurationError(
                f"{key}: is not the key of the certificate {certificate}",
                "They are issued together and have the same name: NAME.crt and NAME.key.",
            ) from error
        raise ConfigurationError(
            f"{certificate}, {key}: expected a certificate and its private key, PEM, without a password",
            _ISSUE,
        ) from error


def _readable(path: Path, what: str, hint: str) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        if isinstance(error, PermissionError):
            hint = "It has to be readable by the user that this runs as, and by nobody else."
        raise ConfigurationError(f"{path}: cannot read {what}: {error.strerror}", hint) from error


def explain(error: BaseException | None, address: BrokerAddress) -> str:
    """Say in words why there is no connection to a broker; `error` is what was raised, None = not known."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = _BY_VERIFICATION.get(
            error.verify_code, f"its certificate does not hold: {error.verify_message}"
        )
        return f"the broker at {address} is not trusted: {why.format(host=address.host)}"
    if isinstance(error, ssl.SSLError):
        reason = error.reason or ""
        why = next(
            (text for name, text in _BY_ALERT.items() if reason.endswith(name)), f"TLS failed: {reason}"
        )
        return f"the broker at {address} refuses the connection: {why}"
    if isinstance(error, TimeoutError):
        return f"the broker at {address} does not answer in time"
    if isinstance(error, OSError) and error.strerror:
        return f"the broker at {address} cannot be reached: {error.strerror}"
    return f"the broker at {address} cannot be reached"
