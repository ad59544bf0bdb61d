"""`mallsense members digest`: digests as nodes make them; wrong rows are named without what is in them."""

import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from contracts.errors import ConfigurationError
from edge_agent.enrolled import enrolled_digest
from edge_agent.members import member_digest
from edge_agent.members_cli import app
from edge_agent.opt_out import key_id
from tests.edge_agent.helpers import KEY

PHONE = bytes.fromhex("40ec99a7b35c")
RANDOM = bytes.fromhex("da3fc411d2e7")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with the mall's key."""
    made = tmp_path_factory.mktemp("members")
    (made / "key").write_text(KEY.hex())
    (made / "key").chmod(0o600)
    return made


def digest(folder: Path, data: bytes) -> tuple[Result, list[dict[str, str]]]:
    """Run the command on a file; gives what it said, and the rows that it wrote."""
    (folder / "in.csv").write_bytes(data)
    out = folder / "out.csv"
    out.unlink(missing_ok=True)
    done = CliRunner().invoke(
        app, ["digest", str(folder / "in.csv"), "--key", str(folder / "key"), "--out", str(out)]
    )
    return done, list(csv.DictReader(out.read_text().splitlines())) if out.exists() else []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_addresses_and_plates_become_what_nodes_call_them(folder: Path, encoding: str) -> None:
    """However they are written, in whatever encoding; other columns that the gateway knows are passed on."""
    text = (
        "reference,kind,value,evidence,t_ms,name\n"
        "m-1,wifi,40-EC-99-A7-B3-5C,login,5,张三\nm-2,plate,浙a·12345,form,,\n\n"
        "m-3, wifi ,40ec.99a7.b35c,,,\n"
    )
    done, rows = digest(folder, text.encode(encoding))
    assert (done.exit_code, done.stdout) == (0, f"{folder}/out.csv: 1 plate, 2 wifi\n")
    phone, car = member_digest(KEY, PHONE), enrolled_digest(KEY, "浙A12345")
    assert [(row["reference"], row["kind"], row["digest"]) for row in rows] == [
        ("m-1", "wifi", phone), ("m-2", "plate", car), ("m-3", "wifi", phone),
    ]  # fmt: skip
    assert rows[0] == {
        "reference": "m-1", "kind": "wifi", "digest": phone, "key": key_id(KEY), "evidence": "login",
        "confidence": "", "t_ms": "5",
    }  # fmt: skip
    assert (folder / "out.csv").stat().st_mode & 0o777 == 0o600


def test_an_address_that_a_phone_has_chosen_is_taken_with_a_word_of_warning(folder: Path) -> None:
    """In the mall's own network most are like that; what happens when the phone changes it is said once."""
    done, rows = digest(folder, f"reference,kind,value\nm-1,wifi,{RANDOM.hex()}\n".encode())
    assert [row["digest"] for row in rows] == [member_digest(KEY, RANDOM)]
    assert "chosen by phones" in done.stderr


def test_wrong_rows_are_named_by_line_and_column_and_left_out(folder: Path) -> None:
    """The others are written; no message repeats a value."""
    secrets = ["40:ec:99:a7:b3", "浙A1234I", "13800138000", "01:00:5e:00:00:01", "x" * 40]
    kinds = ["wifi", "plate", "phone", "wifi", "plate"]
    lines = [f"m-{i},{kind},{value}" for i, (kind, value) in enumerate(zip(kinds, secrets, strict=True))]
    text = "\n".join(["reference,kind,value", *lines, "m-9,wifi,a,b", "m-8,wifi,40ec99a7b35c"])
    done, rows = digest(folder, text.encode())
    assert (done.exit_code, [row["reference"] for row in rows]) == (1, ["m-8"])
    told = [line.removeprefix(f"{folder}/in.csv:").split(": ")[:2] for line in done.stderr.splitlines()[:6]]
    assert told == [
        ["2", "value"], ["3", "value"], ["4", "kind"], ["5", "value"], ["6", "value"], ["7", "the row"],
    ]  # fmt: skip
    assert not any(secret in done.output for secret in secrets)


def test_an_address_in_a_wrong_column_stays_here_too(folder: Path) -> None:
    """Columns that are copied hold what belongs in them, and a reference says nothing to others."""
    wrong = [
        ("13800138000", "reference", ""), ("40-ec-99-a7-b3-5c", "reference", ""),
        ("浙A12345", "reference", ""), ("m-1", "evidence", "40:ec:99:a7:b3:5c"),
        ("m-1", "confidence", "40ec99a7b35c"), ("m-1", "t_ms", "浙A12345"),
    ]  # fmt: skip
    lines = ["reference,kind,value,evidence,confidence,t_ms"]
    for reference, column, text in wrong:
        more = [text if column == name else "" for name in ("evidence", "confidence", "t_ms")]
        lines.append(",".join([reference, "wifi", "40ec99a7b35c", *more]))
    lines.append("m-2,wifi,40ec99a7b35c,login,0.9,1772330400000")
    done, rows = digest(folder, "\n".join(lines).encode())
    assert [(row["reference"], row["confidence"]) for row in rows] == [("m-2", "0.9")]
    told = [line.split(": ")[1] for line in done.stderr.splitlines()[: len(wrong)]]
    assert told == [column for _, column, _ in wrong]
    everything = done.output + (folder / "out.csv").read_text()
    assert not any(
        text in everything for text in ("40:ec", "40-ec", "40ec99a7b35c", "浙A12345", "13800138000")
    )


def test_a_file_without_a_header_is_refused_without_repeating_it(folder: Path) -> None:
    """Its first line is somebody's address."""
    done, rows = digest(folder, b"m-1,wifi,40ec99a7b35c\n")
    assert isinstance(done.exception, ConfigurationError)
    assert "no column reference, kind, value" in done.exception.message
    assert "40ec" not in str(done.exception)
    assert rows == []


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"reference,kind,value\n{t}".encode()))
def test_any_file_is_digested_or_refused(folder: Path, data: bytes) -> None:
    """Whatever the file is, what is wrong is said, and nothing breaks."""
    done, _ = digest(folder, data)
    assert done.exit_code in (0, 1)
    assert done.exception is None or isinstance(done.exception, ConfigurationError | SystemExit)
