"""Checkpoints: nested tables of arrays as one MessagePack document, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt

from contracts.errors import MallsenseError

FORMAT = "mallsense-engine"
VERSION = 1

START_WITHOUT = "Start without it: the engine comes back to the same state from the journal of observations."

Arrays = Mapping[str, npt.NDArray[np.generic]]


class Stateful(Protocol):
    """A part of the engine whose state is a table of arrays."""

    def state(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return copies of all that the next results depend on."""
        ...

    def restore(self, state: Arrays) -> None:
        """Replace everything by what `state` returned. Raises `KeyError`, `ValueError`."""
        ...


class StateError(MallsenseError):
    """A checkpoint cannot be used: start without it and feed the journal again."""


class _Array(msgspec.Struct, frozen=True, array_like=True):
    dtype: str
    shape: tuple[int, ...]
    data: bytes


class _Checkpoint(msgspec.Struct, frozen=True):
    format: str
    version: int
    site: str
    parts: dict[str, dict[str, _Array]]


class _Header(msgspec.Struct, frozen=True):
    format: str = ""
    version: int = 0


def pack(site: str, parts: Mapping[str, Arrays]) -> bytes:
    """Return a checkpoint of named tables of arrays, taken with the site that has this fingerprint."""
    packed = {
        part: {name: _Array(array.dtype.str, array.shape, array.tobytes()) for name, array in arrays.items()}
        for part, arrays in parts.items()
    }
    return msgspec.msgpack.encode(_Checkpoint(FORMAT, VERSION, site, packed))


def unpack(state: bytes, site: str) -> dict[str, dict[str, npt.NDArray[Any]]]:
    """Return the tables in a checkpoint.

    Raises:
        StateError: it is no checkpoint, of another version, damaged, or taken with another site.
    """
    try:
        header = msgspec.msgpack.decode(state, type=_Header)
        if (header.format, header.version) != (FORMAT, VERSION):
            found = f"{header.format or 'unknown'} version {header.version}"
            raise StateError(f"the checkpoint is {found}; expected {FORMAT} version {VERSION}", START_WITHOUT)
        checkpoint = msgspec.msgpack.decode(state, type=_Checkpoint)
        if checkpoint.site != site:
            raise StateError(
                "the checkpoint was taken with another site file: floors, zones or nodes differ",
                START_WITHOUT,
            )
        return {
            part: {
                name: np.frombuffer(array.data, dtype=array.dtype).reshape(array.shape).copy()
                for name, array in arrays.items()
            }
            for part, arrays in checkpoint.parts.items()
        }
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise StateError(f"the checkpoint is damaged: {error}", START_WITHOUT) from error
