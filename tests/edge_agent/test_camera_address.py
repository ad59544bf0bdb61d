"""Addresses of cameras: what is understood, where it is found, and that no password is ever shown."""

from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from edge_agent.camera.address import AddressKind, CameraAddress, address_of
from tests.edge_agent.camera_parts import CAMERA

SECRET = "rtsp://admin:h%40unter2@10.0.3.21:8554/main?token=geheim"


@pytest.mark.parametrize(
    ("text", "kind", "live"),
    [
        ("rtsp://cam/stream", AddressKind.STREAM, True),
        ("HTTP://cam:8080/mjpeg", AddressKind.STREAM, True),
        ("/dev/video2", AddressKind.DEVICE, True),
        ("0", AddressKind.DEVICE, True),
        (".", AddressKind.FOLDER, False),
    ],
)
def test_addresses_are_told_apart(text: str, kind: AddressKind, live: bool) -> None:
    """Streams and devices are live, files and folders are recordings."""
    found = CameraAddress.parse(text)
    assert (found.kind, found.live) == (kind, live)


def test_a_password_is_for_opencv_alone() -> None:
    """Neither `str` nor `repr` shows login or query."""
    found = CameraAddress.parse(SECRET)
    assert found.raw == SECRET
    assert str(found) == "rtsp://10.0.3.21:8554/main"
    assert found.endpoint == ("10.0.3.21", 8554)
    assert found.has_password
    for text in (str(found), repr(found), f"{found}"):
        assert not any(part in text for part in ("admin", "unter2", "geheim"))


@pytest.mark.parametrize("text", ["ftp://admin:hunter2@cam/", "rtsp://admin:hunter2@cam:port/x", "rtsp://"])
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(text: str) -> None:
    """The message names what is expected."""
    with pytest.raises(ConfigurationError) as caught:
        CameraAddress.parse(text)
    assert "rtsp://host/path" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["admin:h%40unter2@10.0.3.21/main", "rtsp:/admin:a@unter2@10.0.3.21/main"])
def test_a_login_without_a_scheme_is_not_shown(text: str) -> None:
    """An address whose scheme is missing is no file's name: its login would be in the message."""
    with pytest.raises(ConfigurationError, match=r"10\.0\.3\.21/main") as refused:
        CameraAddress.parse(text)
    assert "rtsp://" in str(refused.value.hint)
    for part in ("admin", "unter2"):
        assert part not in f"{refused.value} {refused.value.hint}"


def test_an_address_is_found_in_the_environment_the_credentials_or_the_site_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this order; nowhere is an error that says where it may be."""
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    with pytest.raises(ConfigurationError, match="credential camera-ramp"):
        address_of(CAMERA)
    assert str(address_of(CAMERA.model_copy(update={"source": "rtsp://site/1"}))) == "rtsp://site/1"
    (tmp_path / "camera-ramp").write_text("rtsp://u:p@credential/1\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert str(address_of(CAMERA)) == "rtsp://credential/1"
    monkeypatch.setenv("MALLSENSE_CAMERA_RAMP", "rtsp://u:p@environment/1")
    assert str(address_of(CAMERA)) == "rtsp://environment/1"
