"""Webhooks: one POST for each event, signed as in Standard Webhooks (https://www.standardwebhooks.com)."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import httpx
from standardwebhooks import Webhook

from contracts.errors import ConfigurationError
from gateway.crm.delivery.addresses import check_address, check_url
from gateway.crm.delivery.backoff import read_retry_after
from gateway.crm.delivery.subscribers import Subscriber
from gateway.crm.delivery.transport import TAKEN, Answer, Letter, Verdict

# It logs every request with its URL, which may have a token in it.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

TIMEOUT_S = 15.0
"""For the whole of an attempt, from looking up the name to the end of the answer."""
CONNECT_S = 5.0
MAX_ANSWER = 4096
"""Bytes of an answer that are read at most; nothing of it is kept."""
CONTENT_TYPE = "application/cloudevents+json"
_ASKS_FOR_A_PAUSE = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.REQUEST_TIMEOUT}


class Webhooks:
    """Sends letters to webhooks. Belongs to the event loop it is used in."""

    def __init__(self, version: str, *, timeout_s: float = TIMEOUT_S) -> None:
        """Trust what the system trusts; take nothing else from the environment, no proxy and no login."""
        self._timeout_s = timeout_s
        self._client = httpx.AsyncClient(
            verify=ssl.create_default_context(),
            timeout=httpx.Timeout(timeout_s, connect=min(CONNECT_S, timeout_s)),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=30),
            follow_redirects=False,
            trust_env=False,
            headers={"user-agent": f"mallsense/{version}", "content-type": CONTENT_TYPE},
        )

    async def send(self, to: Subscriber, letter: Letter) -> Answer:
        """Try once. Redirects are never followed: they could lead anywhere."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._post(to, letter)
        except TimeoutError:
            return Answer(Verdict.AWAY, f"no answer within {self._timeout_s:g} s")
        except httpx.TimeoutException:
            return Answer(Verdict.AWAY, "no answer in time")
        except ConfigurationError as error:
            return Answer(Verdict.AWAY, error.message)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, OSError, ValueError) as error:
            return Answer(Verdict.AWAY, _explained(error))

    async def _post(self, to: Subscriber, letter: Letter) -> Answer:
        url = httpx.URL(check_url(to.url or "", private=to.private))
        await _check_addresses(url, private=to.private)
        headers = signed(to.keys(time.time_ns() // 1_000_000), letter, time.time())
        watched = {"trace": partial(_connected, to.private, url.scheme == "https")}
        async with self._client.stream(
            "POST", url, content=letter.payload, headers=headers, extensions=watched
        ) as answer:
            self._client.cookies.clear()
            read = 0
            async for part in answer.aiter_raw():
                read += len(part)
                if read > MAX_ANSWER:
                    break
        return judged(answer.status_code, answer.headers.get("retry-after"), time.time())

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def signed(keys: tuple[bytes, ...], letter: Letter, now_s: float) -> dict[str, str]:
    """Return the headers of an attempt: a signature for each secret that is valid now."""
    moment, text = datetime.fromtimestamp(now_s, UTC), letter.payload.decode()
    signatures = [Webhook(key).sign(letter.name, moment, text) for key in keys]
    return {
        "webhook-id": letter.name,
        "webhook-timestamp": str(int(now_s)),
        "webhook-signature": " ".join(signatures),
    }


def judged(status: int, retry_after: str | None, now_s: float) -> Answer:
    """Tell what a status means.

    2xx: taken. 410: the receiver wants no more (Standard Webhooks). 408, 429, 5xx, and redirects: the
    receiver as a whole is not there. Other 4xx: it does not want this event.
    """
    if 200 <= status < 300:
        return TAKEN
    reason, wait_s = f"answered {status}", read_retry_after(retry_after, now_s)
    if status == HTTPStatus.GONE:
        return Answer(Verdict.GONE, f"{reason} (gone)")
    if 300 <= status < 400:
        return Answer(Verdict.AWAY, f"{reason}: redirects are not followed, give the address they lead to")
    if 400 <= status < 500 and status not in _ASKS_FOR_A_PAUSE:
        return Answer(Verdict.REFUSED, reason, wait_s)
    return Answer(Verdict.AWAY, reason, wait_s)


async def _check_addresses(url: httpx.URL, *, private: bool) -> None:
    """Raise where a name leads to an address that is not allowed; `OSError` where it leads nowhere."""
    found = await asyncio.get_running_loop().getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
    for *_, where in found:
        check_address(ip_address(str(where[0]).partition("%")[0]), private=private, tls=url.scheme == "https")


async def _connected(private: bool, tls: bool, event: str, info: Mapping[str, Any]) -> None:
    """Hold a new connection to what a name may lead to: looked up again, it may lead elsewhere."""
    if event != "connection.connect_tcp.complete":
        return
    stream = info["return_value"]
    where = stream.get_extra_info("server_addr")
    if where is None:  # it has been closed since
        await stream.aclose()
        raise httpx.ReadError("closed")
    try:
        check_address(ip_address(where[0].partition("%")[0]), private=private, tls=tls)
    except ConfigurationError:
        await stream.aclose()
        raise


def _explained(error: Exception) -> str:
    """What happened, in a line. Messages of libraries are left out where they may quote the receiver."""
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, httpx.ConnectError):
        secure = "CERTIFICATE" in str(error) or "SSL" in str(error)
        return "its certificate is not trusted, or it speaks no TLS" if secure else "nobody listens there"
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError):
        return "closed the connection, or answered something that is no HTTP"
    return f"failed: {type(error).__name__}"
