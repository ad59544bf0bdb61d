"""Live cameras over real connections: the newest picture, unplugged, refused, garbage, no password."""

import logging
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from hashlib import md5
from typing import Any

import cv2
import numpy as np
import pytest

from contracts.plates import CameraTrouble, PlateChange
from edge_agent.camera import opened
from edge_agent.camera.address import CameraAddress
from edge_agent.camera.live_cameras import LiveCameras
from edge_agent.camera.live_source import LiveCameraSource
from edge_agent.camera.newest import NewestPicture
from edge_agent.camera.probe import explain
from edge_agent.camera.troubles import CameraError
from edge_agent.sources.protocol import Heard
from tests.edge_agent.camera_parts import CAMERA, PLATES, MarkReader, picture
from tests.edge_agent.camera_servers import CameraServer, HttpCamera, RtspCamera
from tests.support import free_port, wait_until

QUICK = (0.05, 0.2)
USER, WORD = "admin", "hunter2"
LOGIN = f"{USER}:{WORD}"


def lively(number: int) -> Any:
    """A road on which the light trembles."""
    return picture(noise=number % 7 + 1)


def loop(number: int) -> Any:
    """A car that drives down every four seconds."""
    y = number % 80 * 6 - 60
    return picture((0, 80, y), noise=number % 7 + 1) if 15 <= y <= 165 else lively(number)


def watch(url: str, **more: Any) -> NewestPicture:
    """Watch a camera, impatiently."""
    return NewestPicture(CameraAddress.parse(url), retry_s=QUICK, **more)


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def trouble_of(newest: NewestPicture) -> CameraTrouble | None:
    """What is wrong now."""
    return newest.trouble.kind if newest.trouble else None


@pytest.fixture(params=[RtspCamera, HttpCamera])
def kind(request: pytest.FixtureRequest) -> type[CameraServer]:
    """Either protocol."""
    found: type[CameraServer] = request.param
    return found


def test_pictures_come_and_an_unplugged_camera_comes_back(
    kind: type[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is said once that it is gone, with what to do, and once that it is back."""
    caplog.set_level(logging.INFO)
    with kind(lively) as server, watch(server.url) as newest:
        wait_until(lambda: newest.take(0.5))
        assert newest.trouble is None
        server.stop()
        wait_until(lambda: trouble_of(newest) is CameraTrouble.GONE)
        wait_until(lambda: newest.reconnects > 2)
        server.start()
        wait_until(lambda: newest.take(0.5))
        assert newest.trouble is None
    said = [record.message for record in caplog.records if "127.0.0.1" in record.message]
    assert [("check its cable" in one, "again" in one) for one in said] == [(True, False), (False, True)]


def test_a_slow_reader_gets_the_newest_picture_and_no_queue_grows() -> None:
    """Pictures nobody looked at are replaced and counted; the delay stays one picture."""
    with RtspCamera(lambda n: np.full((180, 320, 3), (n * 3) % 250, np.uint8) + picture() // 9) as server:
        server.fps = 40
        with watch(server.url, look_hz=100) as newest:
            wait_until(lambda: newest.take(0.5))
            time.sleep(0.6)
            before_s = time.monotonic()
            fresh = newest.take(1.0)
            assert fresh is not None
            assert before_s - fresh.monotonic_s < 0.3
            assert newest.replaced >= 3
            assert newest.frames > newest.replaced


@pytest.mark.parametrize(
    ("make", "trouble", "advice"),
    [
        (lambda: RtspCamera(lively, login=LOGIN), CameraTrouble.REFUSED, "user and password"),
        (lambda: HttpCamera(lively, login=LOGIN), CameraTrouble.REFUSED, "user and password"),
        (lambda: RtspCamera(lively, codec="ACME-3000"), CameraTrouble.WRONG_CODEC, "ACME-3000"),
        (lambda: HttpCamera(lambda _: b"\x00" * 500), CameraTrouble.WRONG_CODEC, "set the camera to H.264"),
    ],
)
def test_each_trouble_has_its_name_and_its_advice(
    make: Any, trouble: CameraTrouble, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What OpenCV calls 'cannot open' is told apart by asking the camera."""
    monkeypatch.setattr(opened, "OPEN_MS", 1_500)
    with make() as server, watch(server.url) as newest:
        wait_until(lambda: trouble_of(newest) is trouble)
        assert newest.trouble is not None
        assert advice in newest.trouble.advice


def test_a_path_that_is_not_there_and_a_host_that_is_not_there() -> None:
    """Both are gone; one is the path's fault, the other the cable's."""
    with RtspCamera(lively) as server, watch(server.url.replace("main", "other")) as newest:
        wait_until(lambda: newest.trouble)
        assert newest.trouble is not None
        assert "check the path" in newest.trouble.advice
    with watch(f"rtsp://127.0.0.1:{free_port()}/main") as newest:
        wait_until(lambda: newest.trouble)
        assert newest.trouble is not None
        assert "Connection refused" in newest.trouble.advice
    with pytest.raises(CameraError, match="no such device"):
        opened.Opened(CameraAddress.parse("/dev/video63"))


@pytest.mark.parametrize("start", ["rtsp", "http"])
def test_a_digest_login_is_of_the_whole_address(start: str) -> None:
    """With the query, which names the channel: a camera with the right password is not called refusing."""
    asked: list[tuple[str, str]] = []

    def answer(listener: socket.socket) -> None:
        for _ in range(2):
            with listener.accept()[0] as link:
                request = link.recv(65_536).decode()
                method, target, version = request.splitlines()[0].split()
                given = dict(re.findall(r'(\w+)="([^"]*)"', request))
                asked.append((target, given.get("uri", "")))
                good = given.get("response") == _md5(
                    f"{_md5(f'{USER}:cam:{WORD}')}:n1:{_md5(f'{method}:{target}')}"
                )
                status = "404 Not Found" if good else "401 Unauthorized"
                challenge = 'WWW-Authenticate: Digest realm="cam", nonce="n1"\r\n'
                link.sendall(f"{version} {status}\r\n{challenge}\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        where = f"{start}://{LOGIN}@127.0.0.1:{listener.getsockname()[1]}/live?channel=1&subtype=0"
        error = explain(CameraAddress.parse(where))
        thread.join(10)
    assert "check the path" in error.trouble.advice
    assert asked[0][1] == ""
    assert asked[1][0] == asked[1][1]
    assert asked[1][0].endswith("/live?channel=1&subtype=0")


def test_a_picture_that_breaks_opencv_does_not_end_the_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is opened anew, and health says what was wrong meanwhile."""
    whole = opened.Opened.retrieve
    broken = iter([True])

    def retrieve(camera: opened.Opened) -> Any:
        if next(broken, False):
            raise cv2.error("out of memory")
        return whole(camera)

    monkeypatch.setattr(opened.Opened, "retrieve", retrieve)
    with HttpCamera(lively) as server, watch(server.url) as newest:
        wait_until(lambda: newest.take(0.1))
        assert newest.reconnects == 1


def test_garbage_is_noticed_and_goes_away_by_itself() -> None:
    """Grey pictures for a while, then a picture again."""
    bad = threading.Event()
    grey = np.full((180, 320, 3), 128, np.uint8)
    with (
        HttpCamera(lambda n: grey if bad.is_set() else lively(n)) as server,
        watch(server.url, look_hz=100) as newest,
    ):
        wait_until(lambda: newest.take(0.5))
        bad.set()
        wait_until(lambda: trouble_of(newest) is CameraTrouble.GARBAGE)
        bad.clear()
        wait_until(lambda: newest.trouble is None)


def test_a_frozen_camera_is_noticed() -> None:
    """The same picture to the bit is no picture of what is now."""
    with HttpCamera(lambda _: picture()) as server, watch(server.url, frozen_s=0.3) as newest:
        wait_until(lambda: trouble_of(newest) is CameraTrouble.FROZEN)


def test_a_password_works_and_is_written_nowhere(
    kind: type[Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Right or wrong, neither our log nor what FFmpeg and OpenCV print has it; nor has a thread's name."""
    caplog.set_level(logging.DEBUG)
    with kind(lively, login=LOGIN) as server:
        with watch(server.url.replace("//", f"//{LOGIN}@")) as newest:
            wait_until(lambda: newest.take(0.5))
            names = [thread.name for thread in threading.enumerate()]
        with watch(server.url.replace("//", "//admin:wrong-secret@")) as newest:
            wait_until(lambda: trouble_of(newest) is CameraTrouble.REFUSED)
            assert newest.trouble is not None
            advice = newest.trouble.advice
    printed = capfd.readouterr()
    everything = " ".join([caplog.text, printed.out, printed.err, advice, *names])
    assert "hunter2" not in everything
    assert "wrong-secret" not in everything
    assert "127.0.0.1" in everything
    assert os.environ["OPENCV_FFMPEG_LOGLEVEL"] == "-8"


def blocks_of(source: LiveCameraSource) -> Iterator[Heard]:
    """Give blocks for at most half a minute."""
    until_s = time.monotonic() + 30
    for block in source.blocks():
        yield block
        if time.monotonic() > until_s:
            return


def test_a_live_camera_is_a_source(caplog: pytest.LogCaptureFixture) -> None:
    """A block a second; a car in it; and after the clock was set, blocks go on with the right time."""
    wall = [1_772_330_400.0, 0.0]

    def now_s() -> float:
        return wall[0] + time.monotonic() + wall[1]

    with RtspCamera(loop) as server:
        addresses = {"ramp": CameraAddress.parse(server.url)}
        with LiveCameras([CAMERA], addresses, MarkReader(), wall=now_s) as cameras:
            source = LiveCameraSource("gate", cameras)
            complete: list[int] = []
            for block in blocks_of(source):
                complete.append(block.complete_to_ms)
                for one in block.plates:
                    assert block.complete_to_ms - 1000 <= one.t_ms < block.complete_to_ms
                if any(one.change is PlateChange.END for one in block.plates):
                    break
            assert block.plates[-1].candidates[0][0] == PLATES[0]
            assert block.plates[-1].direction.value == "in"
            wall[1] = -3600.0
            for block in blocks_of(source):
                complete.append(block.complete_to_ms)
                if complete[-1] < complete[-2] and cameras.health()[0].trouble:
                    break
            (health,) = source.cameras()
            assert health.trouble is CameraTrouble.CLOCK
            assert "time server" in health.advice
            assert source.clock_steps == 1
            assert health.passages >= 1
            assert health.frames > 20
            assert next(iter(blocks_of(source))).complete_to_ms > complete[-1]
            source.close()
    assert "clock was set" in caplog.text


def test_a_picture_that_breaks_the_reader_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """Said once, without what the error holds, and reading goes on."""

    class Broken(MarkReader):
        def read(self, image: Any, /) -> Any:
            if self.pictures < 3:
                self.pictures += 1
                raise ValueError("浙A12345")
            return super().read(image)

    with HttpCamera(loop) as server:
        addresses = {"ramp": CameraAddress.parse(server.url)}
        with LiveCameras([CAMERA], addresses, Broken()) as cameras:
            wait_until(cameras.take)
    assert caplog.text.count("could not be read (ValueError)") == 1
    assert "浙" not in caplog.text
