"""Network cameras for tests: RTSP with MJPEG (RFC 2326, 2435) and MJPEG over HTTP, on the loopback address.

No RTSP server can be installed from PyPI, and Debian's needs a hundred packages: this one speaks as much as
FFmpeg asks for, over TCP. What is real is the client: OpenCV's FFmpeg, as on a node.
"""

import socket
import struct
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import cv2
import numpy.typing as npt

Pictures = Callable[[int], npt.NDArray[Any] | bytes]
"""The n-th picture: an image, or bytes that are sent in place of a JPEG."""
_SDP = (
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\n"
    "m=video 0 RTP/AVP {number}\r\n{map}a=control:video\r\n"
)
_CLOCK_HZ = 90_000


class CameraServer:
    """One camera; `stop` unplugs it, `start` plugs it in again at the same port."""

    fps = 20.0

    def __init__(self, pictures: Pictures, *, login: str = "", codec: str = "") -> None:
        """Ask for `login` (user:password) where it is given; describe `codec` instead of MJPEG."""
        self._pictures, self._login, self._codec = pictures, login, codec
        self.port = 0
        self.clients = 0
        self._listener: socket.socket | None = None
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._in_thread(self._accept, self._listener)

    def stop(self) -> None:
        """Hang up on everybody."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        for link in self._open:
            with_suppress(link)
        for thread in self._threads:
            thread.join(10)
        self._open.clear()
        self._threads.clear()

    def serve(self, link: socket.socket) -> None:
        """Talk to one client until it hangs up."""
        raise NotImplementedError

    def jpeg(self, number: int) -> bytes:
        """Give the n-th picture as JPEG, or what it is replaced with."""
        found = self._pictures(number)
        return found if isinstance(found, bytes) else cv2.imencode(".jpg", found)[1].tobytes()

    def allowed(self, request: str) -> bool:
        """Tell whether a request has the login."""
        if not self._login:
            return True
        given = [
            line.split()[-1]
            for line in request.splitlines()
            if line.lower().startswith("authorization: basic")
        ]
        return any(b64decode(token).decode() == self._login for token in given)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                link, _ = listener.accept()
            except OSError:
                return
            self.clients += 1
            self._open.append(link)
            self._in_thread(self._serve, link)

    def _serve(self, link: socket.socket) -> None:
        try:
            self.serve(link)
        except OSError:
            pass  # the client has gone, or the camera was unplugged
        finally:
            link.close()

    def _in_thread(self, target: Callable[[socket.socket], None], what: socket.socket) -> None:
        thread = threading.Thread(target=target, args=(what,), daemon=True)
        self._threads.append(thread)
        thread.start()


def with_suppress(link: socket.socket) -> None:
    """Shut a connection down that may be closed already."""
    try:
        link.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class HttpCamera(CameraServer):
    """MJPEG as most cheap cameras send it: multipart/x-mixed-replace."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}/video"

    def serve(self, link: socket.socket) -> None:
        """Answer a request, then send pictures for ever."""
        if not self.allowed(_head(link)):
            link.sendall(
                b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n'
            )
            return
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n")
        for number in range(10**9):
            picture = self.jpeg(number)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            link.sendall(head.encode() + picture + b"\r\n")
            time.sleep(1 / self.fps)


class RtspCamera(CameraServer):
    """RTP over the connection itself (RTSP interleaved), as nodes ask for it."""

    @property
    def url(self) -> str:
        """Where it is."""
        return f"rtsp://127.0.0.1:{self.port}/main"

    def serve(self, link: socket.socket) -> None:
        """Answer requests; after PLAY, send pictures."""
        while request := _head(link):
            method = request.partition(" ")[0]
            number = next(line.split()[1] for line in request.splitlines() if line.lower().startswith("cseq"))
            if not self.allowed(request) and method != "OPTIONS":
                link.sendall(
                    _answer("401 Unauthorized", number, 'WWW-Authenticate: Basic realm="camera"\r\n')
                )
            elif method == "OPTIONS":
                link.sendall(_answer("200 OK", number, "Public: DESCRIBE, SETUP, PLAY, TEARDOWN\r\n"))
            elif method == "DESCRIBE" and "/main" not in request.partition("\r\n")[0]:
                link.sendall(_answer("404 Not Found", number))
            elif method == "DESCRIBE":
                link.sendall(
                    _answer("200 OK", number, "Content-Type: application/sdp\r\n", self._description())
                )
            elif method == "SETUP":
                transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7\r\n"
                link.sendall(_answer("200 OK", number, transport))
            elif method == "PLAY":
                link.sendall(_answer("200 OK", number, "Session: 7\r\n"))
                self._play(link)
            else:
                link.sendall(_answer("200 OK", number))

    def _description(self) -> str:
        if not self._codec:
            return _SDP.format(number=26, map="a=rtpmap:26 JPEG/90000\r\n")
        return _SDP.format(number=96, map=f"a=rtpmap:96 {self._codec}/90000\r\n")

    def _play(self, link: socket.socket) -> None:
        sequence = 0
        for number in range(10**9):
            for packet in _rtp_jpeg(self.jpeg(number), sequence, int(number / self.fps * _CLOCK_HZ)):
                link.sendall(b"$\x00" + struct.pack(">H", len(packet)) + packet)
                sequence += 1
            time.sleep(1 / self.fps)


def _head(link: socket.socket) -> str:
    received = b""
    while not received.endswith(b"\r\n\r\n"):
        part = link.recv(1)
        if not part:
            return ""
        received += part
    return received.decode("latin-1")


def _answer(status: str, number: str, head: str = "", body: str = "") -> bytes:
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    return f"RTSP/1.0 {status}\r\nCSeq: {number}\r\n{head}{length}\r\n{body}".encode()


def _rtp_jpeg(jpeg: bytes, sequence: int, stamp: int) -> list[bytes]:
    """Cut a baseline JPEG (4:2:0, no restart markers) into RTP packets with its own quantisation tables."""
    tables, size, scan = b"", (0, 0), b""
    at = 2
    while jpeg[at : at + 2] != b"\xff\xda":
        if at + 4 > len(jpeg) or jpeg[at] != 0xFF:  # no JPEG at all: it is sent as what it is
            tables, size, scan = bytes([16] * 128), (40, 22), jpeg
            break
        length = struct.unpack(">H", jpeg[at + 2 : at + 4])[0]
        segment = jpeg[at + 4 : at + 2 + length]
        if jpeg[at + 1] == 0xDB:
            tables += b"".join(segment[i + 1 : i + 65] for i in range(0, len(segment), 65))
        elif jpeg[at + 1] == 0xC0:
            height, width = struct.unpack(">HH", segment[1:5])
            size = (width // 8, height // 8)
        at += 2 + length
    else:
        scan = jpeg[at + 2 + struct.unpack(">H", jpeg[at + 2 : at + 4])[0] : -2]
    packets: list[bytes] = []
    offset = 0
    while offset < len(scan) or not packets:
        head = struct.pack(">B", 0) + offset.to_bytes(3, "big") + bytes([1, 255, *size])
        if offset == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        part = scan[offset : offset + 1200]
        offset += 1200
        last = 0x80 if offset >= len(scan) else 0
        rtp = struct.pack(">BBHII", 0x80, last | 26, sequence + len(packets) & 0xFFFF, stamp & 0xFFFFFFFF, 7)
        packets.append(rtp + head + part)
    return packets
