"""A retained message of the mall, kept beside the spool: for an agent that starts without a broker."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from contracts.errors import MessageError

_log = logging.getLogger(__name__)


class KeptCopy:
    """The copy of one list; what is wrong with it is logged once per cause."""

    def __init__(self, path: Path, name: str, use: Callable[[bytes], None]) -> None:
        """Keep a list that people call `name` in `path`; `use` takes it up, or raises `MessageError`."""
        self._path = path
        self._name = name
        self._use = use
        self._complaints: set[str] = set()

    def load(self) -> None:
        """Take up the copy where there is one."""
        try:
            self._use(self._path.read_bytes())
        except FileNotFoundError:
            return
        except (OSError, MessageError) as error:
            self.complain(
                f"the copy of the {self._name} in {self._path} cannot be read ({error}); the next one mends"
                " it"
            )

    def take(self, payload: bytes) -> bool:
        """Take up a list from the broker and keep it; tells whether it can be read. Else nothing changes."""
        try:
            self._use(payload)
        except MessageError as error:
            self.complain(f"a new {self._name} is passed over, the one before holds on: {error}")
            return False
        try:
            write_copy(self._path, payload)
        except OSError as error:
            self.complain(f"the {self._name} cannot be kept in {self._path}: {error.strerror}")
        return True

    def complain(self, what: str) -> None:
        """Log what is wrong, once."""
        if what not in self._complaints:
            _log.error("%s", what)
        self._complaints.add(what)


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
