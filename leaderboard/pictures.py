"""Pictures of a cell, copied into the site under a digest of their bytes: equal photographs are stored once."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

KINDS = ("truth", "renders", "error", "masks")
SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST = 20_000_000
# Of a cell's files beside its views. A photograph is in each of the first two, and can be read off the others.
EXTRAS = ("features.png", "reconstruction.png", "flight.mp4", "gaussians.ply")
LARGEST_FILE = 100_000_000
# Where the bytes that tell a format stand, and what they are.
STARTS = {".mp4": (4, b"ftyp"), ".ply": (0, b"ply")}


@dataclass(frozen=True)
class Picture:
    """A PNG of the site; ``path`` is relative to its root, sizes are in pixels."""

    path: str
    width: int
    height: int


class Gallery:
    """The picture folder of a site that is being built.

    Parameters
    ----------
    site
        Root of the site.
    """

    def __init__(self, site: Path):
        self._site = site

    def views(self, folder: Path, names: list[str], kinds: tuple[str, ...] = KINDS) -> dict[str, dict[str, Picture]]:
        """Copy a cell's pictures: by view, then by kind; a view without a render is left out.

        Parameters
        ----------
        names
            Views of the record. Each is looked up among the files that are there and never made into a path.
        """
        files = {kind: _files(folder / kind) for kind in kinds}
        found: dict[str, dict[str, Picture]] = {}
        for name in names:
            pictures = {kind: self._copy(path) for kind in kinds if (path := _file_of(name, files[kind]))}
            kept = {kind: picture for kind, picture in pictures.items() if picture is not None}
            if "renders" in kept:
                found[name] = kept
        return found

    def extras(self, folder: Path, kinds: tuple[str, ...]) -> dict[str, Picture | str]:
        """What lies beside a cell's pictures, by name without suffix: pictures, and files as their place in the site."""
        found: dict[str, Picture | str] = {}
        for name in kinds:
            path = folder / name
            copied = self._copy(path) if path.suffix == ".png" else self._copy_file(path)
            if copied is not None:
                found[path.stem] = copied
        return found

    def _copy(self, path: Path) -> Picture | None:
        data = _read(path, LARGEST)
        if data is None or data[:8] != SIGNATURE or data[12:16] != b"IHDR" or len(data) < 33:
            return None
        width, height = struct.unpack(">II", data[16:24])
        return Picture(self._put(data, "images", ".png"), width, height)

    def _copy_file(self, path: Path) -> str | None:
        data = _read(path, LARGEST_FILE)
        place, start = STARTS[path.suffix]
        if data is None or not data.startswith(start, place):
            return None
        return self._put(data, "scenes", path.suffix)

    def _put(self, data: bytes, folder: str, suffix: str) -> str:
        """Write under the digest of the bytes, once; the place in the site."""
        name = hashlib.sha256(data).hexdigest()[:20]
        place = Path(folder) / name[:2] / f"{name}{suffix}"
        target = self._site / place
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        return place.as_posix()


def _read(path: Path, most: int) -> bytes | None:
    """Bytes of a file that is there and not larger than ``most``."""
    try:
        return path.read_bytes() if path.stat().st_size <= most else None
    except OSError:
        return None


def _files(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.glob("*.png")) if path.is_file()}


def _file_of(view: str, files: Mapping[str, Path]) -> Path | None:
    return files.get(view) or files.get(PurePosixPath(view).stem)
