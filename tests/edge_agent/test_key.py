"""The mall's key is read from a file that its owner alone may read, and never shown."""

import os
from pathlib import Path

import pytest

from contracts.errors import ConfigurationError
from edge_agent.key import create_key_file, new_key, read_key_file


def test_new_key_file_is_private_and_read_back(tmp_path: Path) -> None:
    """A key file is made for its owner alone; reading it gives the key."""
    key = create_key_file(tmp_path / "key")
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert read_key_file(tmp_path / "key") == key
    assert len(key) == 32
    assert new_key() != new_key()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """A second key would make strangers of all devices, so it is refused."""
    create_key_file(tmp_path / "key")
    with pytest.raises(ConfigurationError, match="is there already"):
        create_key_file(tmp_path / "key")
    with pytest.raises(ConfigurationError, match="cannot write"):
        create_key_file(tmp_path / "no folder" / "key")


def test_mistakes_are_refused_without_showing_the_key(tmp_path: Path) -> None:
    """A key that others may read, none, or something else is refused with what to do."""
    path = tmp_path / "key"
    with pytest.raises(ConfigurationError, match="openssl"):
        read_key_file(path)
    path.write_text("5ec2e7" * 10)
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_key_file(path)
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="64 hex digits, found 60") as error:
        read_key_file(path)
    assert "5ec2e7" not in str(error.value)


def test_a_key_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who owns the file can read the key, whatever its mode says."""
    create_key_file(tmp_path / "key")
    if (user := os.geteuid()) == 0:
        os.chown(tmp_path / "key", 12345, 12345)
    else:  # only root can give files away: be somebody else
        monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    with pytest.raises(ConfigurationError, match="belongs to another user") as error:
        read_key_file(tmp_path / "key")
    assert "chown" in error.value.hint


def test_a_credential_of_systemd_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There an access list shows as a right of the group; elsewhere that is refused, the world's always."""
    key = create_key_file(tmp_path / "mall.key")
    (tmp_path / "mall.key").chmod(0o440)
    with pytest.raises(ConfigurationError, match="others may read"):
        read_key_file(tmp_path / "mall.key")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_key_file(tmp_path / "mall.key") == key
    (tmp_path / "mall.key").chmod(0o444)
    with pytest.raises(ConfigurationError, match="others may read"):
        read_key_file(tmp_path / "mall.key")
