"""A proxy before an InfluxDB that treats requests badly: late, broken off, answered by somebody else."""

import contextlib
import random
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

GARBAGE = (
    b"220 mail.example ESMTP\r\n",
    b"\x16\x03\x01\x00\xff\xfe",
    b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n<html>please pay!",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 12\r\n\r\n<html>a mess",
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
    b"",
)


@dataclass
class Proxy:
    """Every request is a connection. `treat` names what may be done to one; all else goes through."""

    target: int
    treat: tuple[str, ...] = ()
    """`garbage`: answered by somebody else, half of them after the server has taken it; `cut`: the request or
    the answer breaks off; `slow`: the answer comes `slow_s` late."""
    slow_s: float = 1.5
    share: float = 0.5
    """Of the requests that are treated so."""
    seed: int = 1
    treated: Counter[str] = field(default_factory=Counter)
    port: int = 0

    def _serve(self, server: socket.socket) -> None:
        draw = random.Random(self.seed)
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            how = draw.choice(self.treat) if self.treat and draw.random() < self.share else ""
            thread = threading.Thread(
                target=self._connection,
                args=(connection, how, draw.random(), draw.choice(GARBAGE)),
                daemon=True,
            )
            thread.start()

    def _connection(self, connection: socket.socket, how: str, chance: float, garbage: bytes) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            request = read_message(connection)
            self.treated[how or "through"] += 1
            if how == "garbage":
                if chance < 0.5:
                    self._forward(request)
                connection.sendall(garbage)
            elif how == "cut" and chance < 0.5:
                self._half(request[: int(len(request) * chance * 2)])
            else:
                answer = self._forward(request)
                if how == "cut":
                    answer = answer[: int(len(answer) * (chance - 0.5))]
                if how == "slow":
                    threading.Event().wait(self.slow_s)
                connection.sendall(answer)

    def _forward(self, request: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.target), 30) as server:
            server.sendall(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            return b"".join(iter(lambda: server.recv(65_536), b""))

    def _half(self, request: bytes) -> None:
        with socket.create_connection(("127.0.0.1", self.target), 30) as server:
            server.sendall(request)

    @contextmanager
    def running(self) -> Iterator["Proxy"]:
        """Listen on a free port of the loopback address."""
        with socket.create_server(("127.0.0.1", self.port)) as server:
            self.port = server.getsockname()[1]
            threading.Thread(target=self._serve, args=(server,), daemon=True).start()
            yield self
            server.shutdown(socket.SHUT_RDWR)


def read_message(connection: socket.socket) -> bytes:
    """Read one request of HTTP, with its body."""
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65_536)):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        line.split(b":")[1] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    wanted = int(lengths[0]) if lengths else 0
    while len(body) < wanted and (more := connection.recv(65_536)):
        body += more
    return head + b"\r\n\r\n" + body
