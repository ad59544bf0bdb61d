"""What an InfluxDB's answers mean for who asked: wait, ask a person, or send no more of it.

| answer | is | because |
| --- | --- | --- |
| no connection, no HTTP, no JSON, 429, 5xx | `UnavailableError` | it may work later |
| 401, 403, an unknown database, policy, bucket | `ConfigurationError` | a person has to do something |
| 413 | `TooLargeError` | it works in parts |
| 400, 422 of a write, in InfluxDB's own words | `RefusedError` | it will be the same every time |

Sources: "Troubleshoot issues writing data" of InfluxDB OSS 2 and 3 Core (docs.influxdata.com), and the
answers of a real 1.6.7, which says 500 where a retention policy is missing.
"""

import re
from http import HTTPStatus

import msgspec

from contracts.errors import ConfigurationError, MallsenseError, UnavailableError

AWAY = "Start it, or check the store's address."
LOGIN = "Check the login that it was given: a token, of a 1.x user:password (--store-token-file)."
STRANGER = "What answers there is no InfluxDB, or a proxy answers in its place."

_INIT = "'mallsense store init' makes what is missing, 'mallsense store init --check' tells what that is."
_MISSING = re.compile(
    r"(retention policy|database|bucket|organization|table).*not found|unknown bucket", re.IGNORECASE
)
_WRITES = frozenset({"/write", "/api/v2/write"})


class RefusedError(MallsenseError):
    """The server has read these points and will never take them all: sending them again is of no use."""

    def __init__(self, message: str, hint: str = "", *, dropped: int | None = None) -> None:
        super().__init__(message, hint)
        self.dropped = dropped
        """How many points it did not take; None = it does not say."""


class CutOffError(UnavailableError):
    """The server gives only a part of an answer: ask for less at once."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where}: the server cut its answer off",
            "Set max-row-limit = 0 in the [http] section of its configuration.",
        )


class TooLargeError(MallsenseError):
    """The body is larger than the server, or a proxy before it, accepts: send it in parts."""


class _Problem(msgspec.Struct, frozen=True):
    error: str | None = None  # 1.x and 3.x
    message: str | None = None  # 2.x


def said(body: bytes) -> str | None:
    """Give the server's own words in the body of an error; None where they are not InfluxDB's."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return problem.message or problem.error


def explain(where: str, status: int, words: str | None, path: str) -> MallsenseError:
    """Turn an answer that is none into an error; `words` = what `said` gives."""
    message = f"{where}: {words or f'status {status} for {path}'}"
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TooLargeError(message)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return ConfigurationError(message, LOGIN)
    if words is not None and (status == HTTPStatus.NOT_FOUND or _MISSING.search(words)):
        return ConfigurationError(message, _INIT)
    if words is not None and status in (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY):
        if path in _WRITES:
            return _refused(message, words)
        return ConfigurationError(message, "The server does not understand the question.")
    return UnavailableError(message, AWAY)


def _refused(message: str, words: str) -> RefusedError:
    dropped = re.search(r"dropped=(\d+)", words)
    if "retention" in words:
        hint = "They are older than is kept there: they waited too long, or a clock or the policy is wrong."
    elif "type conflict" in words:
        hint = "Another program writes to this database, or an older mallsense has: use a new database."
    else:
        hint = "Look into the server's log, and at the limits in its configuration."
    return RefusedError(message, hint, dropped=int(dropped[1]) if dropped else None)


def unreachable(where: str, error: BaseException) -> UnavailableError:
    """Say that there was no whole answer, and why."""
    return UnavailableError(f"{where}: {_reason(str(error.__cause__ or error))}", AWAY)


def no_tls(where: str, reason: str) -> MallsenseError:
    """Say why there is no TLS with this server; `reason` = OpenSSL's words."""
    message = f"{where}: {_reason(reason)}"
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        hint = "Give the certificate of the authority that the server's is from: --store-ca."
        return ConfigurationError(message, hint)
    if "WRONG_VERSION_NUMBER" in reason:
        hint = "The server does not speak TLS there: write influx:// instead of influxs://."
        return ConfigurationError(message, hint)
    return UnavailableError(message, AWAY)


def _reason(text: str) -> str:
    """Give a broken connection's reason in a few words, without the library's names and addresses."""
    for pattern in (
        r"\[Errno -?\d+\] ([^'\")]+)",
        r"Error\(\d+, '([^']+)'",
        r"RemoteDisconnected\('([^']+)'",
    ):
        if words := re.search(pattern, text):
            return words[1]
    return re.sub(r"<[^>]*>:? ?|\(?HTTPS?Connection(Pool)?\([^)]*\):? ?|^SSLError\s", "", text)
