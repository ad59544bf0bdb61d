"""The supervisor hears that the agent is ready and alive; an agent that hangs says where, and ends."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.reporting import Progress
from edge_agent.service_manager import ServiceManager


class _Supervisor:
    """Listens as systemd does."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """Everything said since the last call."""
        messages = []
        while True:
            try:
                messages.append(self._socket.recv(4096).decode())
            except BlockingIOError:
                return messages

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def address(tmp_path: Path) -> str:
    """Give a path for a socket."""
    return str(tmp_path / "notify")


@pytest.fixture
def supervisor(address: str) -> Iterator[_Supervisor]:
    """Listen there."""
    listener = _Supervisor(address)
    yield listener
    listener.close()


def _progress(observations: int = 0, trouble: str = "") -> Progress:
    return Progress(1, 5, observations, sent=2, spooled=3, dropped=0, trouble=trouble)


def test_the_first_sign_of_life_says_ready(address: str, supervisor: _Supervisor) -> None:
    """Nothing is said before there is progress; then that it is ready, and at the end that it stops."""
    with ServiceManager(address) as manager:
        assert supervisor.heard() == []
        manager.watch()(_progress(1234, "no route"))
        assert supervisor.heard() == [
            "READY=1\nWATCHDOG=1\nSTATUS=1,234 observations, 2 batches sent, 3 wait: no route"
        ]
    assert supervisor.heard() == ["STOPPING=1"]


def test_it_speaks_when_due(address: str, supervisor: _Supervisor) -> None:
    """Many calls make few messages: four in the time it has, or one a second."""
    now_s = 0.0
    with ServiceManager(address, timeout_s=40.0, clock=lambda: now_s) as manager:
        for _ in range(100):
            manager.alive()
            now_s += 0.1
    said = supervisor.heard()
    assert 9 <= len(said) <= 12
    assert sum("READY=1" in message for message in said) == 1
    assert all("WATCHDOG=1" in message for message in said[:-1])


def test_an_abstract_socket_is_understood() -> None:
    """Containers hand over sockets without a file: their names begin with @."""
    name = f"mallsense-test-{id(object())}"
    listener = _Supervisor(f"\0{name}")
    with ServiceManager(f"@{name}") as manager:
        manager.alive()
    assert listener.heard()[0].startswith("READY=1")
    listener.close()


def test_a_supervisor_that_is_gone_is_named_once(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens at the address: said once, and the agent goes on."""
    with ServiceManager(address) as manager:
        manager.alive()
    assert len([record for record in caplog.records if "supervisor" in record.message]) == 1


@pytest.mark.parametrize(
    ("environment", "limited"),
    [
        ({}, False),
        ({"WATCHDOG_USEC": "60000000"}, True),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "often"}, False),
        ({"WATCHDOG_USEC": "0"}, False),
    ],
)
def test_the_environment_says_how_long(environment: dict[str, str], limited: bool) -> None:
    """The limit is the supervisor's, and meant for this process alone."""
    manager = ServiceManager.from_environment(environment)
    assert (manager._timeout_s == 60.0) is limited


def test_an_agent_that_hangs_says_where_and_ends() -> None:
    """No sign of life for the time that WATCHDOG_USEC gives: a traceback of every thread, exit code 1."""
    script = (
        "import time\n"
        "from edge_agent.service_manager import ServiceManager\n"
        "def a_driver_that_never_answers():\n    time.sleep(60)\n"
        "with ServiceManager.from_environment() as manager:\n"
        "    manager.alive()\n    a_driver_that_never_answers()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={"WATCHDOG_USEC": "500000", "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 1
    assert "a_driver_that_never_answers" in done.stderr
