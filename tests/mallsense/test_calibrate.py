"""`mallsense calibrate`: what it reads, the file it writes, and that a gateway takes that file."""

import json
from pathlib import Path

import numpy as np
import pytest

from contracts.errors import ConfigurationError
from contracts.messages import AddressKind, FrameKind, ObservationBatch, encode
from contracts.site import Site, dump_site
from gateway.engine import Calibration
from gateway.runtime import Gateway, Settings
from gateway.site.import_folder import import_folder
from gateway.sources import read_calibration, read_site
from gateway.store.records import Input
from gateway.store.sqlite import SqliteStore
from mallsense.calibrate_material import read_labelled
from mallsense.cli import main
from mallsense.stored_traffic import stored_traffic
from positioning.radio import RadioModel
from positioning.radiomap import SurveyedMap
from simulators.recorded import RecordedDataset
from tests.recorded_folder import RECEIVERS, RecordedFolder


def run(*arguments: object) -> int:
    """Run the command; gives its exit code."""
    with pytest.raises(SystemExit) as caught:
        main(["calibrate", *map(str, arguments)])
    return int(caught.value.code or 0)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """A recorded floor with enough walks for every method."""
    return RecordedFolder(train=10).write(tmp_path / "mall-F1")


@pytest.fixture
def site(recorded: Path, tmp_path: Path) -> Path:
    """The site file of that floor."""
    path = tmp_path / "site.yaml"
    path.write_text(dump_site(import_folder(recorded).site))
    return path


def points_csv(recorded: Path, path: Path, *, walked: bool = False) -> Path:
    """Write the training readings as labelled ones: at ten places, or all of them as walks."""
    data = RecordedDataset.read(recorded)
    lines = ["x_m,y_m,receiver,rssi_dbm,walk,t_s"] if walked else ["x_m,y_m,receiver,rssi_dbm"]
    heard, truth = data.readings.of(data.split("train")), data.truth
    for walk, t_s, receiver, level in zip(heard.walk, heard.t_s, heard.receiver, heard.rssi_dbm, strict=True):
        mine = truth.walk == walk
        x, y = (np.interp(t_s, truth.t_s[mine], truth.xyz_m[mine, axis]) for axis in (0, 1))
        if walked:
            lines.append(f"{x:.2f},{y:.2f},{data.receivers[receiver]},{level:.0f},{walk},{t_s:.2f}")
        elif t_s < 1.0:
            lines.append(f"{x:.2f},{y:.2f},{data.receivers[receiver]},{level:.0f}")
    path.write_text("\n".join(lines) + "\n")
    return path


def store_of(recorded: Path, site: Site, path: Path) -> Path:
    """Write the training readings into a gateway's store, as the nodes' batches."""
    data = RecordedDataset.read(recorded)
    heard = data.readings.of(data.split("train"))
    store = SqliteStore(path)
    for number, node in enumerate(site.nodes):
        mine = heard.receiver == number
        count = int(mine.sum())
        batch = ObservationBatch(
            node=node.id,
            boot="0123456789abcdef",
            seq=1,
            watermark_ms=2_000_000,
            t_ms=[1_000_000 + round(1000 * t_s) for t_s in heard.t_s[mine].tolist()],
            device=[f"{walk:016x}" for walk in heard.walk[mine].tolist()],
            address_kind=[AddressKind.RANDOM] * count,
            rssi_dbm=[round(level) for level in heard.rssi_dbm[mine].tolist()],
            channel=[1] * count,
            frame_kind=[FrameKind.PROBE] * count,
            sequence=[-1] * count,
            elements=[""] * count,
        )
        store.append([Input(batch, encode(batch))])
    store.close()
    return path


@pytest.mark.parametrize(("method", "kind"), [("zero", RadioModel), ("survey", SurveyedMap)])
def test_a_recorded_folder_is_calibrated_with_and_without_its_truth(
    recorded: Path, site: Path, tmp_path: Path, method: str, kind: type, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file says how it was made and what is believed of each node, and fits the site."""
    out = tmp_path / "calibration.json"
    assert run(recorded, "--method", method, "--out", out) == 0
    calibration = Calibration.from_dict(read_calibration(out), read_site(site))
    assert calibration.method == method
    assert calibration.made_from == str(recorded)
    assert calibration.made_at.endswith("+00:00")
    assert isinstance(calibration.radio, kind)
    assert [belief.node for belief in calibration.nodes] == list(RECEIVERS)
    printed = capsys.readouterr().out
    assert "dBm at 1 m" in printed
    assert str(out.name) in printed.replace("\n", "")


def test_the_best_method_is_the_default_and_a_gateway_takes_its_file(
    recorded: Path, site: Path, tmp_path: Path
) -> None:
    """A folder with truth is a survey; a gateway starts with what was made of it."""
    out = tmp_path / "calibration.json"
    assert run(recorded, "--out", out) == 0
    calibration = read_calibration(out)
    assert calibration["method"] == "survey"
    settings = Settings(
        site=read_site(site), store=tmp_path / "store.db", calibration=calibration, broker_port=0, port=0
    )
    with Gateway(settings) as gateway:
        gateway.wait(0)


def test_a_site_file_is_calibrated_on_its_gateways_store(
    recorded: Path, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Raw traffic that the store keeps is enough for the zero method; labelled points make it better."""
    store = store_of(recorded, read_site(site), tmp_path / "mall.db")
    out = tmp_path / "calibration.json"
    assert run(site, "--from-store", store, "--out", out, "--json") == 0
    assert read_calibration(out)["method"] == "zero"
    assert len(json.loads(capsys.readouterr().out)) == len(RECEIVERS)
    points = points_csv(recorded, tmp_path / "points.csv")
    assert run(site, "--from-store", store, "--points", points, "--out", out) == 0
    assert read_calibration(out)["method"] == "points"


def test_stored_traffic_is_the_traffic_that_was_stored(recorded: Path, site: Path, tmp_path: Path) -> None:
    """No reading of a device heard well is lost, and a limit leaves whole devices."""
    plan = read_site(site)
    store = store_of(recorded, plan, tmp_path / "mall.db")
    nodes = {node.id: i for i, node in enumerate(plan.nodes)}
    data = RecordedDataset.read(recorded)
    heard = data.readings.of(data.split("train"))
    crowd = stored_traffic(store, nodes)
    assert sorted(crowd.rssi_dbm) == sorted(heard.rssi_dbm)
    assert len(np.unique(crowd.device)) == 10
    few = stored_traffic(store, nodes, limit=len(heard) // 2)
    assert 0 < len(few) <= len(heard) // 2
    assert set(np.bincount(few.device)[np.unique(few.device)]) <= set(np.bincount(heard.walk))


def test_a_walk_of_labelled_readings_is_a_survey(recorded: Path, site: Path, tmp_path: Path) -> None:
    """Readings with walk and time are walks: moments and clock can be told."""
    survey, notes = read_labelled(points_csv(recorded, tmp_path / "walked.csv", walked=True), read_site(site))
    assert survey.moves
    assert notes == ()
    still, _ = read_labelled(points_csv(recorded, tmp_path / "points.csv"), read_site(site))
    assert not still.moves


def test_bad_rows_are_counted_and_left_out(site: Path, tmp_path: Path) -> None:
    """Rows that cannot be used are told with their first line; where none can, that is an error."""
    path = tmp_path / "points.csv"
    path.write_text("x_m,y_m,floor,receiver,rssi_dbm\n1,2,,A,-50\n1,2,,X,-50\n1,2,99,A,-50\n1,2,,A,-500\n")
    survey, notes = read_labelled(path, read_site(site))
    assert len(survey) == 1
    assert len(notes) == 3
    path.write_text("x_m,y_m,receiver,rssi_dbm\n1,2,X,-50\n")
    with pytest.raises(ConfigurationError, match=r"no row can be used: .*no node of the site"):
        read_labelled(path, read_site(site))


def test_mistakes_are_told_with_what_to_do(
    recorded: Path, site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Options that do not go together, missing data and files that cannot be written end with a hint."""
    empty = RecordedFolder(train=0).write(tmp_path / "empty")
    for arguments, told in (
        ((site,), "--from-store"),
        ((recorded, "--points", "x.csv"), "go with a site file"),
        ((site, "--receivers", "40"), "go with a folder"),
        ((site, "--from-store", tmp_path / "no.db"), "no such file"),
        ((site, "--from-store", site), "cannot be read"),
        ((empty,), "nothing to calibrate on"),
        ((recorded, "--out", tmp_path / "no" / "such.json"), "cannot be written"),
    ):
        assert run(*arguments) == 2
        assert told in capsys.readouterr().err


def test_a_site_file_may_know_the_nodes_better(recorded: Path, site: Path, tmp_path: Path) -> None:
    """Corrected places are used; a site of other nodes is refused."""
    moved = tmp_path / "moved.yaml"
    moved.write_text(site.read_text().replace("x_m: 20", "x_m: 24"))
    out = tmp_path / "calibration.json"
    assert run(recorded, "--site", moved, "--out", out) == 0
    assert read_calibration(out)["radio"]["base"]["receiver_xyz_m"][4][0] == 24.0
    other = tmp_path / "other.yaml"
    other.write_text(site.read_text().replace("id: E", "id: Z"))
    assert run(recorded, "--site", other, "--out", out) == 2


def test_a_calibration_of_another_version_is_refused(recorded: Path, site: Path, tmp_path: Path) -> None:
    """An older file, or another kind of file, is named as what it is, with the way out."""
    out = tmp_path / "calibration.json"
    assert run(recorded, "--out", out) == 0
    data, plan = read_calibration(out), read_site(site)
    for change, told in (
        ({"version": 1}, "version 1, this mallsense reads version 2"),
        ({"format": "mallsense-radio-map"}, "this is no calibration"),
        ({"nodes": [{"node": "A"}]}, "missing or unknown entry"),
        ({"room_weight": 0}, "must be positive"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            Calibration.from_dict({**data, **change}, plan)
    with pytest.raises(ConfigurationError, match="lacks its entry 'made_from'"):
        Calibration.from_dict({key: value for key, value in data.items() if key != "made_from"}, plan)
