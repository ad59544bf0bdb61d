"""A receiver for those who write one: checks signatures, and hands over what it is sent."""

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from contracts.errors import ConfigurationError

MAX_BODY = 1 << 20
PREFIX = "whsec_"


class Listener(ThreadingHTTPServer):
    """Answers 204 to what is signed with the secret and not older than five minutes, 401 to all else."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, secret: str, host: str, port: int, take: Callable[[str, bytes], None]) -> None:
        """Listen on `port`, 0 for any; `take` is given each `webhook-id` and body, in threads.

        Raises `ConfigurationError` where the secret is none or the port is not to be had.
        """
        self.check, self.take = checker(secret), take
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host}:{port}: {error.strerror}", "Choose another port with --port."
            ) from error


def checker(secret: str) -> Callable[[dict[str, str], bytes], str | None]:
    """Return what checks a request: given headers in lower case and the body, why it is not genuine, or None.

    Raises `ConfigurationError` where the secret is none.
    """
    try:
        webhook = Webhook(secret if secret.startswith(PREFIX) else "")
    except Exception as error:  # the library raises what base64 does, and its own
        raise ConfigurationError(
            f"a secret looks like {PREFIX}..., as it was shown when the webhook was made",
            "A new one: mallsense crm webhooks secret NAME.",
        ) from error

    def check(headers: dict[str, str], body: bytes) -> str | None:
        try:
            webhook.verify(body, headers, json_parse=False)
        except WebhookVerificationError as error:
            return str(error)
        except ValueError:  # what is no base64, or no UTF-8, the library lets through to here
            return "Malformed signature or body"
        return None

    return check


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY:
            self.close_connection = True
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "a body of up to 1 MiB, with its length")
            return
        body = self.rfile.read(int(length))
        headers = {name.lower(): value for name, value in self.headers.items()}
        problem = self.server.check(headers, body)
        if problem is None:
            self.server.take(headers["webhook-id"], body)
        self._answer(HTTPStatus.NO_CONTENT if problem is None else HTTPStatus.UNAUTHORIZED, problem or "")

    def _answer(self, status: HTTPStatus, text: str) -> None:
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("content-length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Write no access log: whoever listens is shown the events."""
