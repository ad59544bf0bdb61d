"""A retained message of the mall, kept beside the spool: for an agent that starts without a broker."""

import os
from pathlib import Path


def write_copy(path: Path, payload: bytes) -> None:
    """Replace a file as a whole: after a power cut it is the old one or the new one.

    Raises:
        OSError: it cannot be written.

    """
    if path.exists() and path.read_bytes() == payload:
        return
    new = path.with_name(f"{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:  # noqa: PTH123  # a mode
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
