"""No clear plate leaves a node, unless enrolled: spool, messages, logs, files are searched for them."""

import base64
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from typer.testing import CliRunner

from contracts.broker import BrokerAddress
from contracts.control import EnrolledPlates
from contracts.errors import ConfigurationError
from contracts.messages import ObservationBatch, decode, encode
from contracts.plates import PlateChange, PlateRegion
from contracts.topics import Topics
from edge_agent import agent as agent_module
from edge_agent.agent import Progress, run_agent
from edge_agent.camera.address import CameraAddress
from edge_agent.camera.keeping import Keeping, parse_minutes
from edge_agent.camera.kept_images import KeptImages, clear_left
from edge_agent.camera.recorded_source import RecordedCameras
from edge_agent.camera.recording import Recording
from edge_agent.enrolled import enrolled_digest
from edge_agent.opt_out import key_id
from edge_agent.plate_hashes import PlateHashes
from mallsense.plates_group import app
from simulators.car_park.layout import car_park_site
from tests.edge_agent.camera_parts import CAMERA, PLATES, MarkReader, picture, reading
from tests.edge_agent.helpers import KEY, ROTATION, Gateway
from tests.edge_agent.test_camera_recording import write
from tests.edge_agent.test_plate_hashes import sighting
from tests.support import Mosquitto, wait_until

STRANGER, MEMBER = PLATES[:2]
SHORTEST = 5


def spellings(plate: str) -> Iterator[bytes]:
    """Give every way in which a plate, or all of it but its province, might be written down."""
    for text in (plate, plate[1:], plate[2:], f"{plate[:2]}·{plate[2:]}", f"{plate[:2]}-{plate[2:]}"):
        if len(text) >= SHORTEST:
            yield from (text.encode(code) for code in ("utf-8", "utf-16-le", "gb18030"))
            yield json.dumps(text).strip('"').encode()
            yield text.encode().hex().encode()
            yield repr(text.encode())[2:-1].encode()
            for lead in range(3):  # inside a longer text that was encoded as a whole
                inner = base64.b64encode(b"x" * lead + text.encode())[4 if lead else 0 : -4]
                yield from [inner] if len(inner) > SHORTEST else []


def leaks(haystack: bytes, plate: str) -> list[bytes]:
    """Give the spellings of a plate that occur in a text, whatever their case."""
    folded = haystack.lower()
    return [text for text in spellings(plate) if len(text) >= SHORTEST and text.lower() in folded]


def test_the_search_would_find_a_plate() -> None:
    """In every spelling it is there to find, and in what JSON and logs make of it."""
    for text in spellings(STRANGER):
        assert leaks(b"some " + text + b" text", STRANGER)
    assert leaks(json.dumps({"plate": STRANGER}).encode(), STRANGER)
    assert leaks(base64.b64encode(f"ab {STRANGER} cd".encode()), STRANGER)
    assert not leaks(b"nothing of the kind 0123456789abcdef", STRANGER)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """A recording on which a stranger and a member drive by."""
    return write(tmp_path / "ramp_2026-03-01_10-00-00.avi")


def test_nothing_leaves(
    tmp_path: Path,
    video: Path,
    mosquitto_factory: Callable[..., Mosquitto],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A real video, the whole agent, first without a broker; the member is named, the stranger nowhere."""
    monkeypatch.setattr(agent_module, "DRAIN_ON_STOP_S", 0.1)
    caplog.set_level(logging.DEBUG)
    broker = mosquitto_factory(persistence=True, settings="log_type all")
    topics, stop = Topics("private"), threading.Event()
    listed = encode(EnrolledPlates(key=key_id(KEY), digests=[enrolled_digest(KEY, MEMBER)]))

    def stop_when_read(now: Progress) -> None:
        if now.finished and not broker.running:
            stop.set()

    def run() -> Progress:
        recording = Recording(CameraAddress.parse(str(video)), "Asia/Shanghai")
        return run_agent(
            RecordedCameras("gate", {"ramp": recording}, {"ramp": CAMERA}, MarkReader()),
            mall="private",
            agent_id="gate",
            broker=BrokerAddress(broker.host, broker.port),
            spool_path=tmp_path / "spool",
            key=KEY,
            rotation=ROTATION,
            speed=None,
            stop=stop,
            province="浙",
            progress=stop_when_read,
        )

    broker.stop()
    (tmp_path / "spool.enrolled").write_bytes(listed)
    assert run().passages == 2  # all stays in the spool
    spooled = b"".join(file.read_bytes() for file in tmp_path.glob("spool*"))
    stop.clear()
    broker.start()
    with Gateway(broker.host, broker.port, topics.mall) as gateway:
        done = run()
        wait_until(lambda: len(gateway.of("status")) == 2)
        batches = [decode(payload, ObservationBatch) for payload in gateway.of("observations")]
        sent = b"".join(topic.encode() + payload for topic, payload in gateway.messages)
    broker.stop()
    kept = b"".join(file.read_bytes() for file in tmp_path.glob("spool*"))
    logged = caplog.text.encode() + broker.log.encode() + broker.database.read_bytes()
    for written in (sent, spooled, kept, logged, repr(done).encode()):
        assert leaks(written, STRANGER) == []
        assert KEY.hex().encode() not in written
    reads = [read for batch in batches for read in batch.plates or ()]
    ends = [read for read in reads if read.change is PlateChange.END]
    hashes = PlateHashes(KEY, ROTATION, province="浙")
    expected = {hashes.read(sighting((plate, 1.0), t_ms=ends[0].t_ms)).plate for plate in (STRANGER, MEMBER)}
    assert {read.plate for read in ends} == expected
    named = {read.plate: (read.enrolled, read.region) for read in ends}
    assert (MEMBER, PlateRegion.OTHER) in named.values()
    assert [region for enrolled, region in named.values() if enrolled != MEMBER] == [PlateRegion.LOCAL]
    assert leaks(sent, MEMBER)  # and only there: the search does find
    assert not leaks(logged.replace(broker.database.read_bytes(), b""), MEMBER)
    assert {path.name for path in tmp_path.iterdir()} == {
        video.name,
        *(p.name for p in tmp_path.glob("spool*")),
    }


def test_operators_enrol_and_withdraw(
    tmp_path: Path, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real broker; the list holds no plate, a copy of it can be put back, another key is refused."""
    monkeypatch.setattr("edge_agent.retained_list.RETAINED_S", 0.3)
    site = car_park_site()
    (tmp_path / "site.json").write_text(site.model_dump_json(by_alias=True))
    for name, secret in (("key", KEY), ("other", bytes(32))):
        (tmp_path / name).write_text(secret.hex())
        (tmp_path / name).chmod(0o600)
    options = ["--site", str(tmp_path / "site.json"), "--broker", f"mqtt://127.0.0.1:{mosquitto.port}"]
    key = ["--key", str(tmp_path / "key")]
    run = CliRunner()
    assert run.invoke(app, ["list", *options]).output == "no plate is enrolled\n"
    assert run.invoke(app, ["enrol", "京C·6K2T8", "浙A12345", *options, *key]).output == "2 enrolled (+2)\n"
    assert run.invoke(app, ["withdraw", "浙a12345", *options, *key]).output == "1 enrolled (-1)\n"
    shown = run.invoke(app, ["list", *options]).output
    assert json.loads(shown)["digests"] == [enrolled_digest(KEY, MEMBER)]
    assert not leaks(shown.encode(), MEMBER)
    asked = [run.invoke(app, ["list", "--plate", p, *options, *key]).output for p in (MEMBER, STRANGER)]
    assert asked == ["enrolled\n", "not enrolled\n"]
    (tmp_path / "list.json").write_text(shown)
    assert run.invoke(app, ["restore", str(tmp_path / "list.json"), *options]).output == "1 enrolled\n"
    for command in (
        ["enrol", "浙A1234I", *options, *key],
        ["enrol", STRANGER, *options, "--key", str(tmp_path / "other")],
        ["list", "--plate", STRANGER, *options],
        ["restore", str(tmp_path / "site.json"), *options],
    ):
        assert isinstance(run.invoke(app, command).exception, ConfigurationError)


def test_pictures_are_kept_only_for_a_while(tmp_path: Path) -> None:
    """Readable to this user alone, announced until when, and deleted in the end."""
    now_ms = [1_772_330_400_000]
    folder, note = tmp_path / "look", tmp_path / "spool.images"
    kept = KeptImages(folder, now_ms[0] + 60_000, lambda: now_ms[0], note=note)
    kept.keep("ramp", now_ms[0], picture(), [reading(STRANGER, 10, 10)])
    assert kept.until_ms() == now_ms[0] + 60_000
    assert sorted(path.suffix for path in folder.iterdir()) == [".jpg", ".json"]
    assert folder.stat().st_mode & 0o777 == 0o700
    (folder / "mine.txt").write_text("somebody else's")
    now_ms[0] += 60_000
    kept.keep("ramp", now_ms[0], picture(), [])
    assert kept.until_ms() is None
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert not note.exists()


def test_what_a_killed_agent_has_left_is_deleted_at_the_next_start(tmp_path: Path) -> None:
    """The note beside the spool remembers where; without one there is nothing to do."""
    note = Keeping.of(None, "30m", tmp_path / "spool").note
    kept = KeptImages(tmp_path / "look", 10**13, lambda: 10**12, note=note)
    kept.keep("ramp", 10**12, picture(), [])
    clear_left(note)
    assert list((tmp_path / "look").iterdir()) == []
    clear_left(note)


def test_a_folder_that_is_in_use_is_refused_and_the_number_of_pictures_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of anybody else's is ever deleted."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ConfigurationError, match="holds other files"):
        KeptImages(tmp_path, 10**13, lambda: 10**12, note=tmp_path / "note")
    monkeypatch.setattr("edge_agent.camera.kept_images.MOST_PICTURES", 3)
    kept = KeptImages(tmp_path / "look", 10**13, lambda: 10**12, note=tmp_path / "note")
    for n in range(6):
        kept.keep("ramp", 10**12 + n, picture(), [])
    assert sorted(path.name for path in (tmp_path / "look").glob("*.jpg")) == [
        f"ramp-{10**12 + n}.jpg" for n in (3, 4, 5)
    ]


def test_no_picture_comes_into_the_folder_after_it_was_emptied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is up while a camera's thread writes one: that goes, too."""
    kept = KeptImages(tmp_path / "look", 10**13, lambda: 10**12, note=tmp_path / "note")
    closing = threading.Thread(target=kept.close)
    encode_picture = cv2.imencode

    def slowly(*args: Any) -> Any:
        closing.start()
        closing.join(0.1)
        return encode_picture(*args)

    monkeypatch.setattr(cv2, "imencode", slowly)
    kept.keep("ramp", 10**12, picture(), [])
    closing.join(10)
    assert kept.until_ms() is None
    assert list((tmp_path / "look").iterdir()) == []


@pytest.mark.parametrize(("text", "minutes"), [("30m", 30), (" 2h ", 120), ("24h", 1440)])
def test_how_long_is_read(text: str, minutes: int) -> None:
    """Minutes or hours, up to a day."""
    assert parse_minutes(text) == minutes
    for wrong in ("", "0m", "25h", "forever", "-1m", "1.5h"):
        with pytest.raises(ConfigurationError, match="up to a day"):
            parse_minutes(wrong)
