"""`mallsense site`: exit codes, what is printed and what is written."""

from pathlib import Path

import pytest

from contracts.site import parse_site
from mallsense.cli import main
from tests.gateway.test_site_check import GOOD
from tests.recorded_folder import RecordedFolder


def run(*arguments: object) -> int:
    """Run the command; gives its exit code."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    return int(caught.value.code or 0)


@pytest.fixture
def site_file(tmp_path: Path) -> Path:
    """A good site file."""
    path = tmp_path / "mall.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_a_good_file_exits_with_0_and_is_drawn(site_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The check prints a summary and draws one file a floor."""
    out = site_file.with_name("plan.svg")
    assert run("site", "check", site_file, "--draw", out) == 0
    assert "0 errors, 0 warnings" in capsys.readouterr().out
    assert sorted(path.name for path in site_file.parent.glob("*.svg")) == ["plan-F1.svg", "plan-F2.svg"]


def test_errors_exit_with_1_and_name_the_line(site_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A crossing zone is an error at its line, with advice."""
    site_file.write_text(
        GOOD.replace("[[[9, 0], [20, 0], [20, 9]", "[[[9, 0], [20, 9], [20, 0]"), encoding="utf-8"
    )
    assert run("site", "check", site_file) == 1
    out = capsys.readouterr().out
    assert "mall.yaml:17: error: zone books is not a valid polygon" in out
    assert "1 error, 0 warnings" in out


@pytest.mark.parametrize("text", [None, "floors: [", "version: 1"])
def test_an_unreadable_file_exits_with_2(tmp_path: Path, text: str | None) -> None:
    """A file that is not there, is no YAML or no site is told apart from one with wrong geometry."""
    path = tmp_path / "mall.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    assert run("site", "check", path) == 2


def test_another_kind_of_drawing_is_refused(site_file: Path) -> None:
    """Only .svg and .png are drawn."""
    assert run("site", "check", site_file, "--draw", site_file.with_name("plan.bmp")) == 2


def test_what_cannot_be_written_is_an_error_one_can_mend(
    site_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drawing and a site file in a folder that is not there are refused by name."""
    gone = site_file.parent / "gone"
    assert run("site", "check", site_file, "--draw", gone / "plan.svg") == 2
    assert "plan-F1.svg: cannot be written: No such file" in capsys.readouterr().err
    folder = RecordedFolder().write(site_file.parent / "mall-F1")
    assert run("site", "import", folder, "--out", gone / "mall.yaml") == 2
    assert "mall.yaml: cannot be written: No such file" in capsys.readouterr().err


def test_a_png_is_drawn_under_its_own_name(tmp_path: Path) -> None:
    """A single floor is drawn to exactly the file that was named."""
    site_file, out = tmp_path / "site.yaml", tmp_path / "plan.png"
    assert run("site", "import", RecordedFolder().write(tmp_path / "mall-F1"), "--out", site_file) == 0
    assert run("site", "check", site_file, "--draw", out) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_an_import_is_a_site_file_and_overwrites_nothing(tmp_path: Path) -> None:
    """What is written is read back; a file that is there stays, unless forced."""
    folder, out = RecordedFolder().write(tmp_path / "mall-F1"), tmp_path / "site.yaml"
    assert run("site", "import", folder, "--out", out, "--receivers", "20") == 0
    assert len(parse_site(out.read_text(encoding="utf-8"), "x").nodes) == 4
    out.write_text("mine")
    assert run("site", "import", folder, "--out", out) == 2
    assert out.read_text() == "mine"
    assert run("site", "import", folder, "--out", out, "--force") == 0
    assert len(parse_site(out.read_text(encoding="utf-8"), "x").nodes) == 5
