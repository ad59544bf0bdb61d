"""The address of an InfluxDB, as people write it: influx://user:password@host:8086/DATABASE."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from contracts.errors import ConfigurationError

DEFAULT_PORT = 8086
FIGURES = "_figures"
"""What the name of the database that people may see ends in."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_HINT = (
    "Write it like influx://127.0.0.1:8086/mall, influx://user:password@host/mall or, with TLS, "
    "influxs://host/mall?org=ORG; special characters in user and password as %XX."
)


@dataclass(frozen=True, slots=True)
class InfluxAddress:
    """Where an InfluxDB is and how to log in. Neither `str` nor `repr` shows password and token."""

    host: str
    database: str
    """The private database; only the gateway may read it."""
    port: int = DEFAULT_PORT
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    """2.x and 3.x log in with a token."""
    org: str | None = None
    """The organisation, in 2.x."""
    tls: bool = False
    ca: Path | None = None
    """The authority that the server's certificate is from; None = those that the system trusts."""

    @classmethod
    def parse(cls, text: str, *, token: str | None = None, ca: Path | None = None) -> Self:
        """Read `influx://[user:password@]host[:port]/DATABASE[?org=ORG]`, or `influxs://` for TLS.

        Token and the authority's certificate are given beside it, as on the command line. For a 1.x the token
        is `user:password`, as `mallsense store init` writes it into a file.

        Raises:
            ConfigurationError: it is no such address, or what is beside it does not go with it. The message
                repeats neither password nor token.

        """
        if any(c.isspace() or not c.isprintable() for c in text.strip()):
            raise _mistake("white space inside", "%20 stands for a blank")
        url = _split(text.strip())
        tls = url.scheme == "influxs"
        if ca is not None and not tls:
            raise ConfigurationError(
                "store address: a certificate of an authority is for TLS, and this address is without",
                "Write influxs:// instead of influx://, or leave the certificate out.",
            )
        user, password = _login(url, token)
        if token and ":" in token:  # no token of 2.x or 3.x has a colon
            (user, _, password), token = token.partition(":"), None
        return cls(
            host=url.hostname or "",
            database=_database(url.path),
            port=_port(url),
            user=user,
            password=password,
            token=token or None,
            org=_org(url.query),
            tls=tls,
            ca=ca,
        )

    @property
    def url(self) -> str:
        """Where its HTTP API is, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}"

    @property
    def figures(self) -> str:
        """The database of what people may see."""
        return f"{self.database}{FIGURES}"

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        return f"{'influxs' if self.tls else 'influx'}://{user}{self.url.partition('://')[2]}/{self.database}"


def is_address(text: str) -> bool:
    """Tell whether this is meant as an address, right or wrong, and not as the path of a file."""
    return "://" in text


def _split(text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        host = url.hostname
    except ValueError as error:
        raise ConfigurationError(f"store address: {error}", _HINT) from None
    if url.scheme not in ("influx", "influxs"):
        raise _mistake("expected influx:// or influxs://", f"found {url.scheme or 'no'}://")
    if url.fragment or text.endswith("#"):
        raise _mistake("a # in it", "write %23 where it is part of the password")
    if not host:
        raise _mistake("the host is missing")
    return url


def _login(url: SplitResult, token: str | None) -> tuple[str | None, str | None]:
    user, password = url.username or None, url.password or None
    if (user is None) != (password is None):
        raise _mistake("expected both a user and a password, or neither")
    if user is not None and token:
        raise _mistake(
            "a user and a token", "1.x logs in with user and password, 2.x and 3.x with a token: use one"
        )
    if user is None or password is None:
        return None, None
    user, password = unquote(user), unquote(password)
    if ":" in user:
        raise _mistake("a colon in the user's name", "HTTP cannot send such a name")
    return user, password


def _port(url: SplitResult) -> int:
    try:
        port = url.port
    except ValueError:
        port = 0
    if port == 0:
        raise _mistake("the port is a number from 1 to 65535")
    return DEFAULT_PORT if port is None else port


def _database(path: str) -> str:
    name = unquote(path.removeprefix("/"))
    if not name:
        raise _mistake("the database is missing", "its name stands after the host: influx://host/mall")
    if "/" in name:
        raise _mistake("more than a database after the host", "retention policies get their own names")
    if not _NAME.fullmatch(name):
        raise _mistake(
            f"a database cannot be called {name!r}", "use up to 64 letters, digits, - and _, a letter first"
        )
    if name.endswith(FIGURES):
        raise _mistake(
            f"{name!r} is a database that people may see",
            f"name the private one, {name.removesuffix(FIGURES)!r}; the other is made beside it",
        )
    return name


def _org(query: str) -> str | None:
    org: str | None = None
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key == "token":
            raise _mistake(
                "a token does not belong into it", "give it by --store-token-file or MALLSENSE_STORE_TOKEN"
            )
        if key != "org":
            raise _mistake(f"found ?{key}=", "only ?org=ORG is known")
        if not value or org is not None:
            raise _mistake("expected one organisation after ?org=")
        org = value
    if query and org is None:
        raise _mistake("nothing that is known after the ?", "only ?org=ORG is")
    return org


def _mistake(what: str, more: str = "") -> ConfigurationError:
    return ConfigurationError(f"store address: {what}{f': {more}' if more else ''}", _HINT)
