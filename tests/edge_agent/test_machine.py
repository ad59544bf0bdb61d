"""What the machine says of itself is read where it says it, in the words that real ones use."""

import ctypes
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.messages import Throttling
from edge_agent.capture import commands
from edge_agent.machine import clock_synchronised, parse_throttled, read_throttled, read_versions
from tests.edge_agent.helpers import write


def test_throttling_now_and_since_boot(tmp_path: Path) -> None:
    """The kernel's file and vcgencmd say the same in two ways; the bits are as Raspberry Pi documents."""
    for text in ("50005\n", "throttled=0x50005\n"):
        throttled = parse_throttled(text)
        assert throttled is not None
        assert throttled.now == [Throttling.UNDER_VOLTAGE, Throttling.THROTTLED]
        assert throttled.since_boot == [Throttling.UNDER_VOLTAGE, Throttling.THROTTLED]
    hot = read_throttled(write(tmp_path / "get_throttled", b"80008"))
    assert hot is not None
    assert hot.now == hot.since_boot == [Throttling.SOFT_TEMPERATURE_LIMIT]
    assert parse_throttled("throttled=0x0") == ([], [])


@given(st.text())
def test_other_words_are_no_throttling(text: str) -> None:
    """Whatever else is said is no answer."""
    found = parse_throttled(text + "g")
    assert found is None


def test_vcgencmd_is_asked_where_the_kernel_does_not_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in for vcgencmd, which only a Pi has, gives what a real one has printed."""
    program = tmp_path / "vcgencmd"
    program.write_text(
        "#!/bin/sh\ncase $1 in get_throttled) echo throttled=0x20000;;\n"
        "version) printf 'Jan  5 2023 10:48:31 \\nCopyright (c) 2012 Broadcom\\n';; esac\n"
    )
    assert read_throttled(tmp_path / "gone") is None
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    throttled = read_throttled(tmp_path / "gone")
    assert throttled is not None
    assert (throttled.now, throttled.since_boot) == ([], [Throttling.FREQUENCY_CAPPED])
    assert read_versions("1.2")["firmware"].strip() == "Jan  5 2023 10:48:31"


def test_the_clock_is_what_the_kernel_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a service may not ask the kernel, what systemd-timesyncd leaves behind is looked at."""
    assert clock_synchronised() in (True, False)

    class Refuses:
        """The C library of a service that may not ask (`ProtectClock=`)."""

        @staticmethod
        def adjtimex(_: object) -> int:
            """Refuse."""
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Refuses)
    assert clock_synchronised(tmp_path / "gone") is None
    assert clock_synchronised(tmp_path) is False
    (tmp_path / "synchronized").touch()
    assert clock_synchronised(tmp_path) is True


def test_versions_name_what_runs() -> None:
    """Program, Python, kernel and machine are named."""
    versions = read_versions("1.2.3")
    assert versions["mallsense"] == "1.2.3"
    assert all(versions[name] for name in ("python", "kernel", "machine"))


def test_a_tool_that_is_missing_fails_or_hangs_is_an_answer(tmp_path: Path) -> None:
    """No tool makes the agent fail."""
    assert commands.run("no-such-tool-anywhere") == (False, "no-such-tool-anywhere is not installed", True)
    assert commands.run("sh", "-c", "echo out; echo no good. >&2; exit 3") == (False, "no good", False)
    assert commands.run("sh", "-c", "exit 3").text == "sh failed (3)"
    assert "did not answer" in commands.run("sleep", "5", timeout_s=0.1).text
    assert commands.run("sh", "-c", "printf '\\377'").text == "\ufffd"
