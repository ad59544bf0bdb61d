"""The demo: one command, and a mall is live; nothing of it is left behind."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mallsense.cli import main
from tests.support import free_port, listens, wait_until


@contextmanager
def demo(*arguments: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A running demo without a browser; killed at the end if it is still there."""
    command = [sys.executable, "-m", "mallsense", "demo", "--no-browser", *arguments]
    environment = {**os.environ, "TMPDIR": f"{folder}"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def listen(server: socket.socket) -> int:
    """Let a socket listen; gives its port."""
    server.bind(("127.0.0.1", 0))
    server.listen()
    port: int = server.getsockname()[1]
    return port


def get(url: str) -> Any:
    """What the API answers."""
    with urllib.request.urlopen(url, timeout=60) as answer:
        return json.load(answer)


def moving(url: str) -> bool:
    """Whether phones are on the map; a gateway that starts, or has heard nothing yet, has none to show."""
    try:
        return len(get(f"{url}/api/v1/live?floor=F1")["dots"]["id"]) > 10
    except OSError:  # refused, hung up on, or an answer that says so
        return False


def test_the_demo_shows_moving_phones_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Phones and members appear; Ctrl-C ends all of it with exit code 130 and an empty temporary folder."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with demo("--port", f"{port}", "--shoppers", "80", "--history", "1", folder=tmp_path) as process:
        wait_until(lambda: moving(url), timeout_s=120)
        first = get(f"{url}/api/v1/live?floor=F1")
        wait_until(lambda: get(f"{url}/api/v1/live?floor=F1")["dots"] != first["dots"], timeout_s=30)
        wait_until(lambda: bool(get(f"{url}/api/v1/crm/here")["members"]), timeout_s=60)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert "Traceback" not in (process.stdout.read() if process.stdout else "")
    assert not listens(port)
    assert list(tmp_path.iterdir()) == []


def test_the_demo_ends_by_itself_after_the_time_asked_for(tmp_path: Path) -> None:
    """`--for` is for scripts: exit code 0, and the files that --keep asked for are there."""
    kept = tmp_path / "kept"
    arguments = ("--for", "1", "--shoppers", "20", "--history", "0", "--port", f"{free_port()}")
    with demo(*arguments, "--keep", f"{kept}", folder=tmp_path) as process:
        assert process.wait(90) == 0
    written = {path.name for path in kept.iterdir()}
    assert {"site.yaml", "mall.db"} <= written


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Start the demo in this process, which refuses; gives what it has written, on one line."""
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--no-browser", *arguments])
    assert ended.value.code == 2
    return re.sub(r"\s+", " ", "".join(capsys.readouterr()))


def test_a_folder_with_an_earlier_demo_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A second demo into the same folder is refused, and the first one's store stays as it was."""
    (tmp_path / "mall.db").write_text("history")
    assert "holds the store of an earlier demo" in refused(capsys, "--keep", f"{tmp_path}")
    assert (tmp_path / "mall.db").read_text() == "history"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--speed", "fast"), "speed: expected a positive number or max, found 'fast'"),
        (("--shoppers", "0"), "greater than or equal to 1"),
    ],
)
def test_wrong_options_are_refused_with_what_was_expected(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one message, before anything starts."""
    assert message in refused(capsys, *arguments)


def test_a_port_that_is_taken_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A second demo on the same port says which port, and how to choose another one."""
    with socket.socket() as taken:
        port = listen(taken)
        output = refused(capsys, "--port", f"{port}")
        assert f"cannot listen on 127.0.0.1:{port}" in output
        assert "--port" in output
