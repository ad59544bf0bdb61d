"""The mall's key: 32 secret bytes that turn addresses into pseudonyms, the same on every node of a mall.

It lies in a file of 64 hex digits that only its owner may read, and is never logged or sent.
"""

import os
import re
import secrets
import stat
from pathlib import Path

from contracts.errors import ConfigurationError
from edge_agent.pseudonym import KEY_BYTES


def new_key() -> bytes:
    """Make a key of one's own, for a demonstration or a new mall."""
    return secrets.token_bytes(KEY_BYTES)


def create_key_file(path: Path) -> bytes:
    """Make a key and write it to a new file that only its owner may read.

    Raises:
        ConfigurationError: the file is there already, or cannot be written.

    """
    key = new_key()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(
            f"{path}: is there already", "A mall keeps its key; name a new file."
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot write the key: {error.strerror}") from error
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(key.hex() + "\n")
    return key


def read_key_file(path: Path) -> bytes:
    """Read a mall's key.

    Raises:
        ConfigurationError: there is no such file, it is another user's, others may read it, or it holds no
            key; never shows it.

    """
    try:
        found = path.stat()
        text = path.read_text(encoding="ascii", errors="replace").strip()
    except PermissionError as error:
        raise ConfigurationError(
            f"{path}: this user may not read the mall's key", f"Give it to the agent's user: {_owned(path)}"
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot read the mall's key: {error.strerror}",
            "It is the same on every node: copy it from where the mall keeps it. A new mall makes one with:"
            f" (umask 077; openssl rand -hex {KEY_BYTES} > {path})",
        ) from error
    mode = found.st_mode
    if found.st_uid not in (os.geteuid(), 0):
        raise ConfigurationError(
            f"{path}: the mall's key belongs to another user (uid {found.st_uid})",
            f"Give it to the agent's user: {_owned(path)}",
        )
    if stat.S_IMODE(mode) & _not_for(path):
        raise ConfigurationError(
            f"{path}: others may read the mall's key (mode {stat.S_IMODE(mode):04o}, expected 0600)",
            f"Mend it with: chmod 600 {path}",
        )
    if not re.fullmatch(rf"[0-9a-fA-F]{{{2 * KEY_BYTES}}}", text):
        raise ConfigurationError(
            f"{path}: expected a key of {2 * KEY_BYTES} hex digits, found {len(text)} characters",
            f"Make one with: (umask 077; openssl rand -hex {KEY_BYTES} > {path})",
        )
    return bytes.fromhex(text)


def _owned(path: Path) -> str:
    return f"sudo chown {os.geteuid()} {path} && sudo chmod 600 {path}"


def _not_for(path: Path) -> int:
    """Give the bits of a mode by which others could read the file.

    A credential of systemd lies in a folder that nobody else sees; the service's user reads it by an access
    list, which the mode shows as a right of the group (https://github.com/systemd/systemd/issues/29435).
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return 0o037 if folder and path.parent == Path(folder) else 0o077
