"""Records and pictures made up for the tests."""

from __future__ import annotations

import hashlib
import random
import re
import struct
import zlib
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from benchmark.records import Cell, Measurement, Record
from leaderboard.build import build_site


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


ENTRIES = {
    "net": {
        "title": "A network",
        "kind": "learned",
        "parameters": 3371024,
        "licence": {"spdx": "Apache-2.0", "commercial": True},
        "citation": "@misc{net}",
        "trained_on": {"studio": {"state": "not seen", "source": "a closed list"}},
    },
    "noise": {"title": "Noise", "kind": "control"},
    "iuvrgb": {"kind": "raw"},
    "splat": {"title": "Free optimisation", "kind": "baseline"},
}
DATASETS = {
    "studio": {
        "title": "The studio",
        "licence": {"spdx": "MIT", "url": "https://example.org/licence", "redistribute": True},
        "scenes": {"a": {}, "b": {}, "c": {}},
        "citation": "Somebody, 2026",
    }
}
PROTOCOLS = {"lite": {"description": "small `strict`", "seeds": 3, "images": {"long_side": 128}}}


def build_with_cards(records, out: Path, **values) -> Path:
    given = {
        "entries": ENTRIES,
        "datasets": DATASETS,
        "protocols": PROTOCOLS,
        "command": lambda record: f"splatbench run --entry {record.cell.entry} --scene {record.cell.scene}",
    }
    return build_site(records, out, **{**given, **values})


@pytest.fixture
def records(record):
    rng = random.Random(0)
    made = []
    for scene in "ab":
        for seed in range(2):
            for entry, level in (("net", 22), ("noise", 17), ("iuvrgb", 19)):
                for mode in ("geometry", "texture", "all"):
                    views = {f"{i}.png": level + rng.gauss(0, 0.2) for i in range(2)}
                    made.append(
                        record(entry, scene, seed, mode=mode, psnr=views, ssim=0.7, absent={"lpips": "no weights"})
                    )
            made.append(record("splat", scene, seed, mode="free", psnr={"0.png": 24.0, "1.png": 25.0}))
    failed = replace(made[0], status="failed", metrics={}, absent={}, reason="out of memory")
    other = [record("net", psnr=20, protocol="strict"), record("net", psnr=18, made_by="published")]
    return [failed, *made[1:], *other]


class Reader(HTMLParser):
    """Tags, ids and addresses of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.text))

    @property
    def ids(self) -> list[str]:
        return [attrs["id"] for _, attrs in self.tags if "id" in attrs]

    def addresses(self):
        for tag, attrs in self.tags:
            for name in ("href", "src", "srcset", "action", "data", "poster"):
                if attrs.get(name):
                    yield tag, attrs[name]


def pages_of(site: Path) -> dict[str, Reader]:
    return {p.relative_to(site).as_posix(): Reader(p.read_text("utf-8")) for p in sorted(site.rglob("*.html"))}


def files_of(site: Path) -> dict[str, bytes]:
    return {p.relative_to(site).as_posix(): p.read_bytes() for p in sorted(site.rglob("*")) if p.is_file()}


@pytest.fixture
def build():
    """Builds a site of records with the cards above; other arguments of `build_site` by name."""
    return build_with_cards


@pytest.fixture
def pages():
    """Every page of a site, read, by its place."""
    return pages_of


@pytest.fixture
def files():
    """Bytes of every file of a site, by its place."""
    return files_of
