"""Whether COLMAP's binary files are as long as their counts say: pycolmap trusts every count, however large.

Sizes of the records are those of COLMAP's documented format (https://colmap.github.io/format.html). Only counts and
lengths are looked at; what the numbers mean is pycolmap's business.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

COUNT = struct.Struct("<Q")
SHORT_COUNT = struct.Struct("<I")

# Of a record before its first count: id, pose and camera of an image; id, place, colour and error of a point.
IMAGE_BYTES = 4 + 7 * 8 + 4
POINT_BYTES = 8 + 3 * 8 + 3 + 8
# A camera with the fewest parameters; these have no counts inside.
SMALLEST_CAMERA = 4 + 4 + 8 + 8 + 3 * 8
# Of a rig up to its first sensor, of a further sensor without a pose, of a pose.
RIG_BYTES, SENSOR_BYTES, POSE_BYTES = 4, 4 + 4, 7 * 8
FRAME_BYTES, DATA_ID_BYTES = 4 + 4 + 7 * 8, 4 + 4 + 8


def is_consistent(model: Path) -> bool:
    """Whether every binary file of a model that is there holds as many bytes as its counts ask for."""
    checks: dict[str, Callable[[bytes], bool]] = {
        "cameras": _cameras,
        "images": _images,
        "points3D": _points,
        "rigs": _rigs,
        "frames": _frames,
    }
    files = [(model / f"{name}.bin", check) for name, check in checks.items()]
    try:
        return all(check(path.read_bytes()) for path, check in files if path.is_file())
    except (struct.error, ValueError, IndexError):
        return False


def _cameras(data: bytes) -> bool:
    return COUNT.unpack_from(data)[0] * SMALLEST_CAMERA <= len(data) - COUNT.size


def _images(data: bytes) -> bool:
    (count,), at = COUNT.unpack_from(data), COUNT.size
    for _ in range(count):
        at = data.index(b"\0", at + IMAGE_BYTES) + 1
        at += COUNT.size + 24 * COUNT.unpack_from(data, at)[0]
        if at > len(data):
            return False
    return at == len(data)


def _points(data: bytes) -> bool:
    (count,), at, length = COUNT.unpack_from(data), COUNT.size, len(data)
    for _ in range(count):
        at += POINT_BYTES
        at += COUNT.size + 8 * COUNT.unpack_from(data, at)[0]
        if at > length:
            return False
    return at == length


def _rigs(data: bytes) -> bool:
    (count,), at = COUNT.unpack_from(data), COUNT.size
    for _ in range(count):
        (sensors,) = SHORT_COUNT.unpack_from(data, at + RIG_BYTES)
        at += RIG_BYTES + SHORT_COUNT.size + min(sensors, 1) * SENSOR_BYTES
        for _ in range(1, sensors):
            at += SENSOR_BYTES + 1 + POSE_BYTES * (data[at + SENSOR_BYTES] != 0)
        if at > len(data):
            return False
    return at == len(data)


def _frames(data: bytes) -> bool:
    (count,), at = COUNT.unpack_from(data), COUNT.size
    for _ in range(count):
        (ids,) = SHORT_COUNT.unpack_from(data, at + FRAME_BYTES)
        at += FRAME_BYTES + SHORT_COUNT.size + ids * DATA_ID_BYTES
        if at > len(data):
            return False
    return at == len(data)
