"""Who may ask: a password for people, a token for machines, and no page of somebody else's.

Without a password the gateway listens on the loopback address alone. There, too, it answers only requests
that name a loopback host and come from no other origin: else any web page open in the operator's browser
could read it (DNS rebinding) or write to it (cross-site requests).

What is known of members is for the CRM team alone: it has a password and a token of its own, which open the
rest, too, while those of the console do not open the CRM.
"""

import hashlib
import hmac
import secrets
import threading
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from contracts.errors import ConfigurationError

COOKIE = "mallsense_session"
SESSION_S = 12 * 3600
MIN_PASSWORD = 8
MIN_TOKEN = 20
ATTEMPTS = 5
"""Wrong passwords from one address within `ATTEMPTS_WITHIN_S`; ten times as many from all together."""
ATTEMPTS_WITHIN_S = 60.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Access(IntEnum):
    """What a request may see; each holds the ones before it."""

    NOTHING = 0
    CONSOLE = 1
    """Everything but members."""
    CRM = 2


@dataclass(frozen=True, slots=True)
class Credentials:
    """What lets people and machines in; all may be missing on the loopback address."""

    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    crm_password: str | None = field(default=None, repr=False)
    """Of the CRM team; None = with a password of the console, nobody sees members in the console."""
    crm_token: str | None = field(default=None, repr=False)
    """Of the machines of the CRM."""

    def check(self, host: str) -> None:
        """Refuse what would be open to the network, or is no secret. Raises `ConfigurationError`."""
        if self.password is None and host not in LOOPBACK:
            raise ConfigurationError(
                f"refusing to listen on {host} without a password",
                "Set MALLSENSE_PASSWORD or give --password-file, or listen on 127.0.0.1, the default.",
            )
        if self.password is None and self.crm_password is not None:
            raise ConfigurationError(
                "the CRM has a password and the console has none, so that everybody sees members",
                "Set MALLSENSE_PASSWORD or give --password-file as well.",
            )
        for whose, password, token in (
            ("", self.password, self.token), ("of the CRM ", self.crm_password, self.crm_token)
        ):  # fmt: skip
            if password is not None and len(password) < MIN_PASSWORD:
                raise ConfigurationError(
                    f"the password {whose}is shorter than {MIN_PASSWORD} characters", "Choose a longer one."
                )
            if token is not None and len(token) < MIN_TOKEN:
                raise ConfigurationError(
                    f"the token {whose}is shorter than {MIN_TOKEN} characters",
                    "Make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'",
                )
        for what, one, other in (
            ("password", self.password, self.crm_password), ("token", self.token, self.crm_token)
        ):  # fmt: skip
            if one is not None and one == other:
                raise ConfigurationError(
                    f"the {what} of the CRM is the one of the console, which would open members to all",
                    "Choose another one.",
                )


@dataclass(frozen=True, slots=True)
class _Password:
    """A password that opens sessions."""

    access: Access
    hash: bytes = field(repr=False)
    key: bytes = field(repr=False)
    """Signs its sessions. A new password makes a new key, so old sessions end."""

    @classmethod
    def of(cls, access: Access, password: str, secret: bytes) -> "_Password":
        hashed = _scrypt(password, secret)
        label = b"session" if access is Access.CONSOLE else b"session of the CRM"
        return cls(access, hashed, hmac.digest(secret, label + hashed, "sha256"))

    def session(self, expires_s: int) -> str:
        body = f"{expires_s}.{secrets.token_urlsafe(12)}"
        return f"{body}.{self._sign(body)}"

    def opened(self, session: str, now_s: float) -> bool:
        """Whether a session is one of this password, and not over."""
        body, _, signature = session.rpartition(".")
        expires, _, _ = body.partition(".")
        if not hmac.compare_digest(signature.encode(), self._sign(body).encode()):
            return False
        return int(expires) > now_s

    def _sign(self, body: str) -> str:
        return hmac.digest(self.key, body.encode(), "sha256").hex()


class Guard:
    """Decides about requests. Every method is given the time, in seconds of any steady clock since 1970."""

    def __init__(self, credentials: Credentials, secret: bytes) -> None:
        """Take credentials, and a secret of the store that keeps sessions valid over a restart."""
        self._credentials = credentials
        self._salt = secret
        self._passwords = [
            _Password.of(access, password, secret)
            for access, password in (
                (Access.CRM, credentials.crm_password),
                (Access.CONSOLE, credentials.password),
            )
            if password is not None
        ]
        self._tokens = [
            (access, token.encode())
            for access, token in ((Access.CRM, credentials.crm_token), (Access.CONSOLE, credentials.token))
            if token is not None
        ]
        self._wrong: dict[str, deque[float]] = {}
        self._all_wrong: deque[float] = deque()
        self._lock = threading.Lock()  # one scrypt at a time: 16 MB and 50 ms each

    @property
    def open(self) -> bool:
        """Whether no login is needed."""
        return self._credentials.password is None

    def wait_s(self, address: str, now_s: float) -> float:
        """How long this address has to wait before it may try a password; 0 = not at all."""
        with self._lock:
            recent = self._wrong.get(address, deque())
            return max(_wait(recent, ATTEMPTS, now_s), _wait(self._all_wrong, 10 * ATTEMPTS, now_s))

    def log_in(self, password: str, address: str, now_s: float) -> str | None:
        """A new session for a right password, None for a wrong one. Takes 50 ms: call it in a thread.

        Whose password it was decides what the session may see (`access`).
        """
        with self._lock:
            tried = _scrypt(password[:1024], self._salt)
            right = [known for known in self._passwords if hmac.compare_digest(tried, known.hash)]
            if self.open or not right:
                self._remember(address, now_s)
                return None
            self._wrong.pop(address, None)
        return right[0].session(int(now_s) + SESSION_S)

    def _remember(self, address: str, now_s: float) -> None:
        if len(self._wrong) > 10_000:  # an attacker with many addresses: the limit of all holds
            self._wrong.clear()
        self._wrong.setdefault(address, deque(maxlen=ATTEMPTS)).append(now_s)
        self._all_wrong.append(now_s)
        while len(self._all_wrong) > 10 * ATTEMPTS:
            self._all_wrong.popleft()

    def access(self, cookie_header: str, authorization: str, now_s: float) -> Access:
        """What a request with these headers may see."""
        if self.open:
            return Access.CRM
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and self._tokens:
            said = token.strip().encode()
            return max(
                (access for access, known in self._tokens if hmac.compare_digest(said, known)),
                default=Access.NOTHING,
            )
        session = _cookie(cookie_header)
        return max(
            (known.access for known in self._passwords if known.opened(session, now_s)),
            default=Access.NOTHING,
        )

    def admits(self, cookie_header: str, authorization: str, now_s: float) -> bool:
        """Whether a request with these headers may see anything of the API."""
        return self.access(cookie_header, authorization, now_s) > Access.NOTHING

    def trusts(self, host: str, origin: str | None) -> bool:
        """Whether the Host header, and the Origin header where there is one, are this gateway's own."""
        name = _name(f"//{host}")
        if self.open and name not in LOOPBACK:
            return False
        if origin is None:
            return True
        return urlsplit(origin).netloc.lower() == host.lower()


def _wait(times: deque[float], limit: int, now_s: float) -> float:
    return max(0.0, times[-limit] + ATTEMPTS_WITHIN_S - now_s) if len(times) >= limit else 0.0


def _scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


def _cookie(header: str) -> str:
    try:
        morsel = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
