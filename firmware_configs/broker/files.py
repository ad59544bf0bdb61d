"""Writing files that hold secrets: whole or not at all, and readable by their owner alone from the start."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contracts.errors import ConfigurationError


def write_file(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    """Replace a file as a whole: after a power cut it is the old one or the new one.

    Raises:
        OSError: it cannot be written.

    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Say in words for people which file in a folder cannot be read or written.

    Raises:
        ConfigurationError: instead of `OSError`.

    """
    try:
        yield
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename or folder}: cannot be written or read: {error.strerror}",
            "Check the path, the free space, and whose folder it is.",
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Let one process at a time change what is in a folder; the others wait.

    Raises:
        ConfigurationError: the folder cannot be written to.

    """
    with writing(folder):
        handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
