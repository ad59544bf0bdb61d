"""Pictures kept for diagnosis: only on request, only for a while, and deleted at its end.

Everywhere else pictures live in memory for a second. To see why a camera reads badly somebody has to look
at what it sees; this keeps the newest pictures that were read, with what was read beside them, until a moment
that health announces. Then it stops and deletes them all. A note beside the spool says where they are, so
that what a killed agent has left is deleted at the next start.
"""

import json
import logging
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2

from contracts.errors import ConfigurationError
from edge_agent.camera.picture import Image, Reading

_log = logging.getLogger(__name__)

MOST_PICTURES = 2_000
"""Newest ones, of about 100 kB each."""
_OURS = re.compile(r"[A-Za-z0-9_-]+-\d{13,}\.(jpg|json)")


class KeptImages:
    """A folder of pictures that empties itself. Any thread calls it."""

    def __init__(self, folder: Path, until_ms: int, now_ms: Callable[[], int], *, note: Path) -> None:
        """Keep pictures in `folder`, which is new or empty, until `until_ms`; `note` remembers where.

        Raises:
            ConfigurationError: the folder holds something, or cannot be used.

        """
        self._folder = folder
        self._note = note
        self._until_ms = until_ms
        self._now_ms = now_ms
        self._kept: list[Path] = []
        self._over = False
        # Held while a picture is written: nothing comes into the folder after it was emptied.
        self._lock = threading.RLock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise ConfigurationError(
                    f"{folder}: holds other files; pictures kept here are deleted in the end",
                    "Name a new or empty folder.",
                )
            folder.chmod(0o700)
            note.write_text(str(folder.resolve()), encoding="utf-8")
        except OSError as error:
            raise ConfigurationError(f"{folder}: cannot keep pictures: {error.strerror}") from error
        _log.warning(
            "pictures that are read are kept in %s for %d min", folder, -(-(until_ms - now_ms()) // 60_000)
        )

    def until_ms(self) -> int | None:
        """Tell until when pictures are kept; None once they are gone. Deletes them when it is time."""
        with self._lock:
            if not self._over and self._now_ms() >= self._until_ms:
                self.close()
            return None if self._over else self._until_ms

    def keep(self, camera: str, t_ms: int, image: Image, readings: Sequence[Reading]) -> None:
        """Keep a picture and what was read in it, while it is time."""
        with self._lock:
            if self.until_ms() is None:
                return
            try:
                self._write(self._folder / f"{camera}-{t_ms}.jpg", image, readings)
            except OSError as error:
                _log.warning("no more pictures are kept in %s: %s", self._folder, error.strerror)
                self.close()

    def _write(self, path: Path, image: Image, readings: Sequence[Reading]) -> None:
        path.write_bytes(cv2.imencode(".jpg", image)[1].tobytes())
        read = [[r.text, round(r.confidence, 4)] for r in readings]
        path.with_suffix(".json").write_text(json.dumps(read, ensure_ascii=False), encoding="utf-8")
        self._kept.append(path)
        if len(self._kept) > MOST_PICTURES:
            oldest = self._kept.pop(0)
            oldest.unlink(missing_ok=True)
            oldest.with_suffix(".json").unlink(missing_ok=True)

    def close(self) -> None:
        """Delete what was kept."""
        with self._lock:
            if self._over:
                return
            self._over = True
            _delete(self._folder)
            self._note.unlink(missing_ok=True)
            _log.warning("the pictures in %s are deleted", self._folder)


def clear_left(note: Path) -> None:
    """Delete what a run that was killed has left."""
    try:
        folder = Path(note.read_text(encoding="utf-8"))
    except OSError:
        return
    _delete(folder)
    note.unlink(missing_ok=True)
    _log.warning("the pictures that an earlier run has left in %s are deleted", folder)


def _delete(folder: Path) -> None:
    for path in (*folder.glob("*-*.jpg"), *folder.glob("*-*.json")):
        if _OURS.fullmatch(path.name):
            path.unlink(missing_ok=True)
