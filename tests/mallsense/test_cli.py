"""The command imports what it calls, and tells expected errors from faults."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mallsense import __version__, cli

_FAKE = '''
from typing import Annotated
import typer
from contracts.errors import MallsenseError

print("imported")

def greet(name: Annotated[str, typer.Argument(help="Whom to greet.")], *, loudly: bool = False) -> None:
    """Greet somebody."""
    print(f"Hello {name}" + ("!" if loudly else ""))

def refuse() -> None:
    raise MallsenseError("mall.yaml, line 3: no [floors]", "Add at least one floor.")

def interrupted() -> None:
    raise KeyboardInterrupt

def broken() -> None:
    raise ZeroDivisionError

app = typer.Typer()

@app.command()
def one() -> None:
    print("one")

@app.command()
def two() -> None:
    print("two")
'''


@pytest.fixture(autouse=True)
def _commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a table of commands of our own in place of the real one, and logging back as it was."""
    (tmp_path / "fake_commands.py").write_text(_FAKE, encoding="utf-8")
    (tmp_path / "fake_lacking.py").write_text("import package_nobody_has.part\n", encoding="utf-8")
    (tmp_path / "fake_faulty.py").write_text("import mallsense.module_nobody_wrote\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    table = {
        name: cli.Entry(f"fake_commands:{name}", "gateway", f"What {name} does.")
        for name in ("greet", "refuse", "interrupted", "broken", "app")
    }
    table["lacking"] = cli.Entry("fake_lacking:run", "edge", "Lacks a package.")
    table["faulty"] = cli.Entry("fake_faulty:run", "edge", "Lacks a module of our own.")
    monkeypatch.setattr(cli, "COMMANDS", table)
    monkeypatch.delitem(sys.modules, "fake_commands", raising=False)
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def _run(*arguments: str) -> int | str | None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    return stopped.value.code


def test_help_names_commands_without_importing_them(capsys: pytest.CaptureFixture[str]) -> None:
    """`--help` shows every command's line, of those that cannot be imported too."""
    assert _run("--help") == 0
    shown = capsys.readouterr().out
    assert "What greet does." in shown
    assert "Lacks a package." in shown
    assert "imported" not in shown


def test_a_function_is_called_with_its_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is a function gets its arguments and options as its annotations say."""
    assert _run("greet", "Li", "--loudly") == 0
    assert capsys.readouterr().out == "imported\nHello Li!\n"


def test_a_commands_own_help_comes_from_its_function(capsys: pytest.CaptureFixture[str]) -> None:
    """`mallsense greet --help` shows the function's docstring and its full name."""
    assert _run("greet", "--help") == 0
    shown = capsys.readouterr().out
    assert "Greet somebody." in shown
    assert "mallsense greet" in shown


def test_a_group_has_its_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is a Typer app brings its subcommands."""
    assert _run("app", "two") == 0
    assert capsys.readouterr().out == "imported\ntwo\n"


def test_a_missing_extra_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A command whose third-party package is missing says how to install it."""
    assert _run("lacking") == 2
    shown = capsys.readouterr().err
    assert "package_nobody_has" in shown
    assert "pip install 'mallsense[edge]'" in shown


def test_a_package_that_cannot_be_loaded_is_said(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package that is there and misses a library of the system: which, and what to do."""
    (tmp_path / "package_nobody_has.py").write_text("raise ImportError('libGL.so.1: no such file')")
    monkeypatch.syspath_prepend(tmp_path)
    assert _run("lacking") == 2
    shown = capsys.readouterr().err
    assert "libGL.so.1" in shown
    assert "pip install --force-reinstall 'mallsense[edge]'" in shown


def test_a_missing_module_of_our_own_is_a_fault() -> None:
    """No extra brings a module of our own: the error is shown as it is."""
    with pytest.raises(ModuleNotFoundError, match="module_nobody_wrote"):
        cli.main(["faulty"])


def test_an_expected_error_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    """An expected error shows message and hint, without a traceback, brackets and all, and exits with 2."""
    assert _run("refuse") == 2
    assert capsys.readouterr().err == "error: mall.yaml, line 3: no [floors]\nAdd at least one floor.\n"


def test_verbose_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--verbose` an expected error shows where it came from."""
    assert _run("--verbose", "refuse") == 2
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends a command with 130 and no traceback."""
    assert _run("interrupted") == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_fault_keeps_its_traceback() -> None:
    """An error nobody expected is not hidden."""
    with pytest.raises(ZeroDivisionError):
        cli.main(["broken"])


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped command is refused with the nearest name."""
    assert _run("gret") == 2
    assert "greet" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` tells the version."""
    assert _run("--version") == 0
    assert capsys.readouterr().out == f"mallsense {__version__}\n"


def test_the_real_help_imports_nothing_heavy() -> None:
    """`mallsense --help` as a process loads neither numpy nor a web server nor an MQTT client."""
    script = (
        "import sys\nfrom mallsense.cli import main\n"
        "try:\n    main(['--help'])\n"
        "finally:\n    print({'numpy', 'fastapi', 'paho', 'scapy', 'shapely', 'pydantic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "Run a node" in done.stdout
    assert done.stdout.splitlines()[-1] == "set()"
