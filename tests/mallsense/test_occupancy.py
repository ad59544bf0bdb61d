"""The commands that count people in a room: from captures to a table, and what they say where they cannot."""

import csv
import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from contracts.errors import ConfigurationError
from mallsense.occupancy import app
from mallsense.occupancy_folder import find_days, read_counts, read_fixed, read_windows
from positioning.people.heard import LEVELS_DBM
from tests.edge_agent.helpers import element, pcap, probe

DAYS = ("2024-05-01", "2024-05-02", "2024-05-03", "2024-05-04", "2024-05-05")
WINDOW_S = 600
START_S = 1_714_557_600
WINDOWS = 6
PRINTER = bytes.fromhex("00ff00123456")


def start_s(day: int, window: int) -> int:
    """Return when a window starts."""
    return START_S + day * 86_400 + window * WINDOW_S


def people_in(day: int, window: int) -> int:
    """Return how many people sit in the room: two groups a day."""
    return (3 + 2 * day) if window < WINDOWS // 2 else 12 - day


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder of captures: a printer, and people whose phones are of different models."""
    path = tmp_path_factory.mktemp("room")
    rng = random.Random(1)
    with (path / "people.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("day", "window_start_unix_s", "people_mean"))
        for day, name in enumerate(DAYS):
            packets = []
            for window in range(WINDOWS):
                table.writerow((name, start_s(day, window), people_in(day, window)))
                for second in range(0, WINDOW_S, 30):
                    t_ms = (start_s(day, window) + second) * 1000
                    packets.append((t_ms, probe(by=PRINTER, signal_dbm=-50)))
                    for person in range(people_in(day, window)):
                        address = bytes((2, *rng.randbytes(5)))
                        model = element(1, bytes((2, 4, 11, person)))
                        packets.append((t_ms + person, probe(by=address, more=model, signal_dbm=-50)))
            data = pcap(packets)
            (path / f"{name}.pcap.gz").write_bytes(gzip.compress(data, 1))
    return path


def run(*arguments: str | Path) -> None:
    """Run `mallsense occupancy` with these arguments."""
    get_command(app)(list(map(str, arguments)), standalone_mode=False)


def table_of(path: Path) -> list[dict[str, str]]:
    """Read a table."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_days_left_out_are_estimated_well(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fitted on four days, the people of the fifth are found; the report names error, bias and coverage."""
    model, out = tmp_path / "model.json", tmp_path / "out.csv"
    run("fit", folder, "--days", *DAYS[:4], "--model", model)
    told = capsys.readouterr().out
    assert "from 24 windows of 600 s on 4 days" in told
    assert "mean absolute" in told
    assert "estimate minus count" in told
    run("predict", folder, "--model", model, "--days", DAYS[4], "--out", out)
    rows = table_of(out)
    assert list(rows[0]) == ["day", "window_start_unix_s", "people", "low", "high"]
    assert [int(row["window_start_unix_s"]) for row in rows] == [start_s(4, w) for w in range(WINDOWS)]
    for window, row in enumerate(rows):
        assert row["day"] == DAYS[4]
        assert float(row["people"]) == pytest.approx(people_in(4, window), abs=2.5)
        assert float(row["low"]) <= float(row["people"]) <= float(row["high"])


def test_prediction_looks_at_no_counts(folder: Path, tmp_path: Path) -> None:
    """Without people.csv the same windows come out with the same numbers."""
    model, with_counts, without = (tmp_path / name for name in ("m.json", "a.csv", "b.csv"))
    run("fit", folder, "--model", model)
    run("predict", folder, "--model", model, "--days", DAYS[1], "--out", with_counts)
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / f"{DAYS[1]}.pcap").write_bytes(gzip.decompress((folder / f"{DAYS[1]}.pcap.gz").read_bytes()))
    run("predict", bare, "--model", model, "--out", without)
    assert table_of(with_counts) == table_of(without)


def test_model_holds_no_address(folder: Path, tmp_path: Path) -> None:
    """Neither the address that is there every day nor its hash is in the model, only numbers are."""
    model = tmp_path / "m.json"
    run("fit", folder, "--model", model)
    text = model.read_text(encoding="utf-8")
    assert PRINTER.hex() not in text.replace(":", "")
    data = json.loads(text)
    assert set(data) == {
        "format", "version", "kind", "made_at", "made_from", "window_s", "index", "response", "turnover",
    }  # fmt: skip


def test_listed_addresses_are_left_out(folder: Path, tmp_path: Path) -> None:
    """An address in the file of fixed devices is not heard, named whole or by its first bytes."""
    days, counts = find_days(folder, DAYS[:1]), read_counts(folder)
    listed = tmp_path / "fixed.txt"
    for text in ("00:ff:00:12:34:56 # printer\n\n", "00-FF-00"):
        listed.write_text(text, encoding="utf-8")
        without = read_windows(days, counts, WINDOW_S, read_fixed(listed)).heard
        everything = read_windows(days, counts, WINDOW_S).heard
        assert everything[:, len(LEVELS_DBM)] == pytest.approx(np.ones(WINDOWS), abs=0.01)
        assert not without[:, len(LEVELS_DBM) :].any()
        assert (without[:, : len(LEVELS_DBM)] == everything[:, : len(LEVELS_DBM)]).all()


def test_refusals_say_what_to_do(folder: Path, tmp_path: Path) -> None:
    """A day without capture, a folder without any, counts that are missing or wrong, a list that is none."""
    model = tmp_path / "m.json"
    with pytest.raises(ConfigurationError, match=r"no capture of 1999-01-01(.|\n)*2024-05-01"):
        run("fit", folder, "--days", "1999-01-01", "--model", model)
    with pytest.raises(ConfigurationError, match="a capture a day"):
        find_days(tmp_path, ())
    with pytest.raises(ConfigurationError, match="at least 3 days, found 2"):
        run("fit", folder, "--days", *DAYS[:2], "--model", model)
    (tmp_path / f"{DAYS[0]}.pcap").write_bytes(pcap([]))
    with pytest.raises(ConfigurationError, match="expected counts of people for 2024-05-01"):
        run("fit", tmp_path, "--model", model)
    (tmp_path / "people.csv").write_text(
        "day,window_start_unix_s,people\n2024-05-01,0,-3\n", encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match=r"people\.csv:2: people: expected 0 or more, found -3"):
        read_counts(tmp_path)
    (tmp_path / "fixed.txt").write_text("the printer\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"fixed\.txt:1: expected an address"):
        read_fixed(tmp_path / "fixed.txt")


def test_counts_that_have_nothing_to_do_with_it(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Counts that follow something else, or change on one day alone, are fitted, and so it is told."""
    room, model = tmp_path / "room", tmp_path / "m.json"
    room.mkdir()
    for day in DAYS:
        (room / f"{day}.pcap.gz").symlink_to(folder / f"{day}.pcap.gz")
    header = "day,window_start_unix_s,people\n"
    windows = [(day, window) for day in range(len(DAYS)) for window in range(WINDOWS)]
    against = [f"{DAYS[d]},{start_s(d, w)},{20 - people_in(d, w) if w % 2 else 5}\n" for d, w in windows]
    (room / "people.csv").write_text(header + "".join(against), encoding="utf-8")
    run("fit", room, "--model", model)
    assert "inside the" in capsys.readouterr().out
    once = [f"{DAYS[d]},{start_s(d, w)},{9 if (d, w) == (0, 0) else 4}\n" for d, w in windows]
    (room / "people.csv").write_text(header + "".join(once), encoding="utf-8")
    run("fit", room, "--model", model)
    assert "Without one of the days: the counts are the same" in " ".join(capsys.readouterr().out.split())


def test_models_that_are_none(folder: Path, tmp_path: Path) -> None:
    """A missing file, no JSON, another format, version or kind, and a damaged model are told apart."""
    model = tmp_path / "m.json"
    with pytest.raises(ConfigurationError, match="cannot be read"):
        run("predict", folder, "--model", model)
    good = {"format": "mallsense-people", "version": 1, "kind": "room"}
    for text, words in (
        ("{", "no JSON"),
        ("[]", "no model of people"),
        (json.dumps({"format": "mallsense-calibration"}), "no model of people"),
        (json.dumps({**good, "version": 99}), "has version 99"),
        (json.dumps({**good, "kind": "mall"}), "model of a mall"),
        (json.dumps(good), "cannot be used"),
    ):
        model.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigurationError, match=words):
            run("predict", folder, "--model", model)


def test_recorded_room(recorded_data: Path, tmp_path: Path) -> None:
    """On recorded days, every third left out, the error is below 1.9 people and intervals hold."""
    folder = recorded_data / "probes" / "occupancy"
    days = list(find_days(folder, ()))
    out_days = days[::3]
    model, out = tmp_path / "m.json", tmp_path / "o.csv"
    run("fit", folder, "--days", *(day for day in days if day not in out_days), "--model", model)
    run("predict", folder, "--model", model, "--days", *out_days, "--out", out)
    truth = {
        (row["day"], row["window_start_unix_s"]): float(row["people_mean"])
        for row in table_of(folder / "people.csv")
    }
    rows = table_of(out)
    counted = [truth[row["day"], row["window_start_unix_s"]] for row in rows]
    wrong = [abs(float(row["people"]) - count) for row, count in zip(rows, counted, strict=True)]
    inside = [
        float(row["low"]) <= count <= float(row["high"]) for row, count in zip(rows, counted, strict=True)
    ]
    assert sum(wrong) / len(wrong) < 1.9
    assert 0.8 <= sum(inside) / len(inside) <= 0.99
