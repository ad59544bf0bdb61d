"""Columns of numbers as compressed bytes, as the SQLite store keeps them inside a row."""

import struct
import zlib

import numpy as np
import numpy.typing as npt

from gateway.store.records import Positions

_LEVEL = 1
"""zlib's fastest level: device ids do not compress anyway, and the rest nearly as well as at level 6."""

_DECIMETRE_M = 0.1


def pack(data: bytes) -> bytes:
    """Compress bytes."""
    return zlib.compress(data, _LEVEL)


def unpack(data: bytes) -> bytes:
    """Undo `pack`."""
    return zlib.decompress(data)


def pack_positions(positions: Positions) -> bytes:
    """18 bytes a device: its id, x and y in decimetres (int16, so +-3.2 km), the covariance as float16."""
    count = len(positions.device)
    xy = np.clip(np.rint(positions.xy_m / _DECIMETRE_M), -32767, 32767).astype("<i2")
    upper = positions.cov_m2[:, (0, 0, 1), (0, 1, 1)]
    cov = np.clip(upper, -65000.0, 65000.0).astype("<f2")
    ids = bytes.fromhex("".join(positions.device))
    return pack(struct.pack("<I", count) + ids + xy.T.tobytes() + cov.T.tobytes())


def unpack_positions(data: bytes, t_ms: int, floor: str) -> Positions:
    """Undo `pack_positions`, up to its rounding."""
    raw = unpack(data)
    (count,) = struct.unpack_from("<I", raw)
    ids = raw[4 : 4 + 8 * count].hex()
    xy = np.frombuffer(raw, "<i2", 2 * count, 4 + 8 * count).reshape(2, count).T
    upper = np.frombuffer(raw, "<f2", 3 * count, 4 + 12 * count).reshape(3, count).T.astype(np.float64)
    return Positions(
        t_ms=t_ms,
        floor=floor,
        device=[ids[i : i + 16] for i in range(0, 16 * count, 16)],
        xy_m=xy * _DECIMETRE_M,
        cov_m2=upper[:, (0, 1, 1, 2)].reshape(count, 2, 2),
    )


def pack_cells(index: npt.NDArray[np.int32], value: npt.NDArray[np.float32]) -> bytes:
    """Sparse cells: ascending indices as differences (they compress well), values as float32."""
    gaps = np.diff(index, prepend=np.int32(0)).astype("<i4")
    return pack(struct.pack("<I", len(index)) + gaps.tobytes() + value.astype("<f4").tobytes())


def unpack_cells(data: bytes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Undo `pack_cells`."""
    raw = unpack(data)
    (count,) = struct.unpack_from("<I", raw)
    gaps = np.frombuffer(raw, "<i4", count, 4)
    return np.cumsum(gaps, dtype=np.int32), np.frombuffer(raw, "<f4", count, 4 + 4 * count)
