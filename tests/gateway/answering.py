"""A server that answers what a test tells it to, byte by byte: what no real InfluxDB does on purpose."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Answer = bytes | None | Callable[[bytes], bytes]
"""What is sent for a request, or made of it; None = nothing at all, for as long as the client waits."""


def http(status: str, body: bytes = b"", *headers: str) -> bytes:
    """Make an answer of HTTP; it says that its connection closes, so that no client sends into it again."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def answering(*answers: Answer) -> Iterator[tuple[int, list[bytes]]]:
    """Answer one request a connection: the answers in order, the last one again and again.

    Gives the port, and the requests as they come.
    """
    requests: list[bytes] = []
    over = threading.Event()

    def serve(server: socket.socket) -> None:
        while not over.is_set():
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                requests.append(_read(connection))
                answer = answers[min(len(requests), len(answers)) - 1]
                if callable(answer):
                    answer = answer(requests[-1])
                if answer is None:
                    over.wait(10)
                else:
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1], requests
        over.set()
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def _read(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and (more := connection.recv(65_536)):
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    wanted = next(
        (
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length")
        ),
        0,
    )
    while len(body) < wanted and (more := connection.recv(65_536)):
        body += more
    return head + b"\r\n\r\n" + body
