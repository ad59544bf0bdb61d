"""Asking a running gateway over its HTTP API."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

from contracts.errors import ConfigurationError, UnavailableError


def ask(
    url: str,
    token: str | None,
    method: str,
    path: str,
    body: dict[str, Any] | bytes | None = None,
    *,
    kind: str = "application/json",
    query: Sequence[tuple[str, str]] = (),
    timeout_s: float = 10.0,
) -> Any:
    """Send a request to the API of the gateway at `url`; gives its answer, None where that is empty.

    JSON is read; CSV is given as text.

    Bytes are sent as they are, and said to be of this `kind`.

    Raises `UnavailableError` when nobody answers there, `ConfigurationError` when it refuses.
    """
    address = f"{url.rstrip('/')}/api/v1/{quote(path)}"
    if not address.startswith(("http://", "https://")):
        raise ConfigurationError(
            f"expected http:// or https://, found {url}", "Write it like http://127.0.0.1:8000."
        )
    if query:
        address += f"?{urlencode(query)}"
    headers = {"Content-Type": kind}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(address, data, headers, method=method)  # noqa: S310  # checked above
    try:
        with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
            text, answered = answer.read(), answer.headers.get_content_type()
        if answered == "text/csv":
            return text.decode()
        return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            raise _refusal(url, error, crm=path.startswith("crm/"), said=bool(token)) from error
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"no gateway answers at {url}: {getattr(error, 'reason', error)}",
            "Start one with 'mallsense gateway', or give its address with --url.",
        ) from error


def _refusal(url: str, error: urllib.error.HTTPError, *, crm: bool, said: bool) -> ConfigurationError:
    if error.code == HTTPStatus.UNAUTHORIZED:
        name, whose = ("MALLSENSE_CRM_TOKEN", "token of the CRM") if crm else ("MALLSENSE_TOKEN", "token")
        return ConfigurationError(
            f"the gateway at {url} wants a login" + (f", and the one in {name} is not it" if said else ""),
            f"Set {name} to the gateway's {whose}.",
        )
    reason = _reason(error)
    if error.code == HTTPStatus.FORBIDDEN:
        return ConfigurationError(
            f"the gateway at {url} refuses: {reason}",
            "Set MALLSENSE_CRM_TOKEN to the token of the CRM."
            if "CRM" in reason
            else "Give the gateway's own address with --url, like http://127.0.0.1:8000.",
        )
    return ConfigurationError(f"the gateway at {url} refuses: {reason}")


def _reason(error: urllib.error.HTTPError) -> str:
    """What the answer says is wrong, in a line."""
    try:
        detail = json.load(error)["detail"]
        if isinstance(detail, str):
            return detail
        return "; ".join(f"{'.'.join(map(str, part['loc'][1:]))}: {part['msg']}" for part in detail)
    except (ValueError, KeyError, TypeError):  # no answer of a gateway's
        return f"{error.code} {error.reason}"
