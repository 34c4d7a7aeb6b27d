"""Records and pictures made up for the tests."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.records import Cell, Measurement, Record


def make_record(entry: str, scene: str = "a", seed: int = 0, **values: Any) -> Record:
    """A record; ``psnr`` and other metrics by name are numbers or mappings from view to number."""
    cell = Cell(
        track=values.pop("track", "feat2gs"),
        entry=entry,
        dataset=values.pop("dataset", "studio"),
        scene=scene,
        mode=values.pop("mode", "geometry"),
        reconstruction=values.pop("reconstruction", "known"),
        protocol=values.pop("protocol", "lite"),
        seed=seed,
    )
    metrics = {}
    for name in ("psnr", "ssim", "lpips", "accuracy"):
        value = values.pop(name, None)
        if isinstance(value, dict):
            metrics[name] = Measurement(sum(value.values()) / len(value), value)
        elif value is not None:
            metrics[name] = Measurement(float(value))
    defaults = {"status": "ok", "made_by": "measured", "created": "2026-01-01T00:00:00Z", "metrics": metrics}
    key = values.pop("key", hashlib.sha256(repr(cell).encode()).hexdigest())
    return Record(cell, key, **{**defaults, **values})


@pytest.fixture
def record() -> Callable[..., Record]:
    """Maker of records."""
    return make_record


def png(width: int, height: int, grey: int) -> bytes:
    """A plain grey PNG."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + bytes([grey]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.fixture
def picture() -> Callable[[Path, int], None]:
    """Writer of grey pictures, 12 x 8."""

    def write(path: Path, grey: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(12, 8, grey))

    return write
