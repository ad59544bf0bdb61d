"""Asks a network camera what is wrong, where OpenCV only says that it cannot open it.

A few lines of RTSP (RFC 2326) or HTTP: is anybody there, what is the status, which codec does the description
name (SDP, RFC 4566)?
"""

import base64
import re
import socket
import ssl
from hashlib import md5
from urllib.parse import unquote, urlsplit

from edge_agent.camera.address import CameraAddress
from edge_agent.camera.troubles import CameraError, gone, no_such_stream, refused, wrong_codec

TIMEOUT_S = 5.0
_MOST_BYTES = 65_536
_CODEC = re.compile(r"^a=rtpmap:\d+ ([A-Za-z0-9.+-]+)/90000", re.MULTILINE)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


def explain(address: CameraAddress) -> CameraError:
    """Find out why no picture comes out of a stream that was tried to be opened."""
    where = str(address)
    try:
        status, body = _ask(address)
    except OSError as error:
        return gone(where, error.strerror or str(error) or "no answer in time")
    except ValueError:
        return wrong_codec(where, "no RTSP")
    number = status.partition(" ")[0]
    if number in ("401", "403"):
        return refused(where, status)
    if not number.startswith("2"):
        return no_such_stream(where, status)
    codec = _CODEC.search(body)
    return wrong_codec(where, codec[1] if codec else "")


def _ask(address: CameraAddress) -> tuple[str, str]:
    """Give status line (without the version) and body of the camera's answer.

    Raises:
        OSError: nobody answers.
        ValueError: the answer is none.

    """
    status, head, body = _request(address, "")
    if status.startswith("401") and address.has_password and (login := _login(address, head)):
        status, head, body = _request(address, login)
    return status, body


def _request(address: CameraAddress, login: str) -> tuple[str, str, str]:
    """Ask once, over a connection of its own: many cameras hang up on who has no login."""
    with socket.create_connection(address.endpoint, TIMEOUT_S) as plain:
        plain.settimeout(TIMEOUT_S)
        if urlsplit(address.raw).scheme.lower() not in ("rtsps", "https"):
            return _exchange(plain, address, login)
        # It is only asked what is wrong; the password went through OpenCV's own connection.
        context = ssl._create_unverified_context()  # noqa: S323, SLF001
        with context.wrap_socket(plain) as link:
            return _exchange(link, address, login)


def _asked(address: CameraAddress) -> tuple[str, str]:
    """Give the method and the URI that are asked for, which a login repeats."""
    parts = urlsplit(address.raw)
    host, port = address.endpoint
    path = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
    rtsp = parts.scheme.lower().startswith("rtsp")
    return ("DESCRIBE", f"rtsp://{host}:{port}{path}") if rtsp else ("GET", path)


def _exchange(link: socket.socket, address: CameraAddress, login: str) -> tuple[str, str, str]:
    host, port = address.endpoint
    method, target = _asked(address)
    if method == "DESCRIBE":
        first = f"{method} {target} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n"
    else:
        first = f"{method} {target} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    link.sendall(f"{first}{login}\r\n".encode())
    received = b""
    while b"\r\n\r\n" not in received and len(received) < _MOST_BYTES:
        received += _receive(link)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length:\s*(\d+)", head)
    while length and len(body) < min(int(length[1]), _MOST_BYTES):
        body += _receive(link)
    line, _, rest = head.decode("latin-1").partition("\r\n")
    version, _, status = line.partition(" ")
    if not version.startswith(("RTSP/", "HTTP/")):
        raise ValueError("not an answer")
    return status, rest, body.decode("latin-1")


def _receive(link: socket.socket) -> bytes:
    part = link.recv(4096)
    if not part:
        raise ConnectionResetError(104, "it hung up")
    return part


def _login(address: CameraAddress, head: str) -> str:
    """Answer a challenge: Digest (RFC 2617, without qop, as cameras do) or Basic; else nothing."""
    parts = urlsplit(address.raw)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    digest = re.search(r"(?i)www-authenticate:\s*digest (.*)", head)
    if digest is None:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        return f"Authorization: Basic {token}\r\n" if re.search(r"(?i)authenticate:\s*basic", head) else ""
    challenge = dict(_CHALLENGE.findall(digest[1]))
    realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
    method, uri = _asked(address)
    secret = _md5(f"{user}:{realm}:{password}")
    answer = _md5(f"{secret}:{nonce}:{_md5(f'{method}:{uri}')}")
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}",'
        f' response="{answer}"\r\n'
    )


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
