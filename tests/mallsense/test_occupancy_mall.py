"""`mallsense occupancy fit` on the store of a mall, beside counts at its doors."""

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.main import get_command

from contracts.errors import ConfigurationError
from gateway.people import read_people
from gateway.store.records import MINUTE_MS, WHOLE_MALL, Checkpoint, Outputs, ZoneMinute
from gateway.store.sqlite import SqliteStore
from mallsense.occupancy import app

START_S = 1_714_557_600
PHONES = 0.9
HOURS = 8
DAYS = 4


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a store of four days and a table of counts: 0.9 devices a person, counters wrong by 3 %."""
    folder = tmp_path_factory.mktemp("mall")
    rng = np.random.default_rng(1)
    minutes, counts = [], []
    for day in range(DAYS):
        share = PHONES * (1 + rng.normal(0, 0.03))
        for window in range(HOURS * 2):
            start_s = START_S + day * 86_400 + window * 1800
            people = float(rng.uniform(50, 300))
            found = float(rng.poisson(share * people))
            came = people / 2
            minutes += [
                ZoneMinute(
                    start_s * 1000 + m * MINUTE_MS,
                    WHOLE_MALL,
                    found,
                    found + 1,
                    9.0,
                    round(came * share / 30),
                )
                for m in range(30)
            ]
            counts.append((start_s, 1800, round(people * rng.normal(1, 0.03)), "present"))
            counts.append((start_s, 1800, round(came), "entered"))
    store = SqliteStore(folder / "mall.db")
    newest_ms = minutes[-1].minute_ms + MINUTE_MS
    store.commit(Outputs(zone_minutes=minutes), Checkpoint(0, newest_ms, 1, "", b"", b""))
    store.close()
    counts.append((START_S + 90 * 86_400, 1800, 10, "present"))
    table = folder / "counts.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("window_start_unix_s", "window_s", "people", "what"))
        writer.writerows(counts)
    return folder / "mall.db", table


def run(*arguments: str | Path) -> None:
    """Run `mallsense occupancy` with these arguments."""
    get_command(app)(list(map(str, arguments)), standalone_mode=False)


def test_phones_a_person_are_learnt(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The devices a person come out right, with diagnostics; a count of an unknown time is named."""
    store, counts = files
    model = tmp_path / "people.json"
    run("fit", store, "--counts", counts, "--model", model)
    told = " ".join(capsys.readouterr().out.split())
    learnt = read_people(model)
    assert learnt.present.phones == pytest.approx(PHONES, abs=0.04)
    assert learnt.entered.phones == pytest.approx(PHONES, abs=0.06)
    assert "1 counts are of times that the store knows nothing of" in told
    assert "present: 0." in told
    assert "(64 counts, 4 days)" in told
    assert "from those of other days" in told
    assert "inside the" in told
    assert "explained" in told
    assert "More counts would" in told


def test_few_counts_are_enough_to_begin(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three counts give a model that cannot be checked; six of one day are left out by thirds."""
    store, counts = files
    lines = counts.read_text(encoding="utf-8").splitlines()
    present = [line.removesuffix(",present") for line in lines if line.endswith("present")]
    few = tmp_path / "few.csv"
    for number, left_out in ((3, False), (6, True)):
        few.write_text("\n".join([lines[0].removesuffix(",what"), *present[:number]]), encoding="utf-8")
        run("fit", store, "--counts", few, "--model", tmp_path / "m.json")
        told = " ".join(capsys.readouterr().out.split())
        assert f"({number} counts, 1 days)" in told
        assert ("from those of other times" in told) is left_out


def test_refusals_of_a_mall_say_what_to_do(files: tuple[Path, Path], tmp_path: Path) -> None:
    """No counts, counts of another time, wrong rows, a file that is no store, options that do not fit."""
    store, _ = files
    table = tmp_path / "counts.csv"
    with pytest.raises(ConfigurationError, match="needs counts of people"):
        run("fit", store)
    with pytest.raises(ConfigurationError, match="go with a folder"):
        run("fit", store, "--counts", table, "--days", "2024-05-01")
    with pytest.raises(ConfigurationError, match="goes with a store"):
        run("fit", tmp_path, "--counts", table)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        run("fit", store, "--counts", table)
    for row, words in (
        ("30,600,5,present", "whole minutes"),
        ("60,600,-5,present", "0 or more"),
        ("60,600,5,left", "expected present or entered, found 'left'"),
        ("60,600,5,present", "nothing of the time of the 1 counts"),
    ):
        table.write_text(f"window_start_unix_s,window_s,people,what\n{row}\n", encoding="utf-8")
        with pytest.raises(ConfigurationError, match=words):
            run("fit", store, "--counts", table)
    with pytest.raises(ConfigurationError, match="no such file"):
        run("fit", tmp_path / "none.db", "--counts", table)
    (tmp_path / "bad.db").write_text("x" * 5000, encoding="utf-8")
    with pytest.raises(ConfigurationError, match="cannot be read as a gateway's store"):
        run("fit", tmp_path / "bad.db", "--counts", table)
