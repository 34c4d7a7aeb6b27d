"""Middlebury multi-view stereo: photographs beside ``*_par.txt``, a line of numbers an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.errors import InputError
from benchmark.scenes.calibration import checked_intrinsics, checked_pose
from benchmark.scenes.images import image_size, list_images
from benchmark.scenes.lens import Lens, posed_view
from benchmark.scenes.pairing import pair
from benchmark.scenes.places import inside, options_of, scene_folder, where
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Views from the only ``*_par.txt``: name, then K (9), R (9) and t (3) row by row, with x = K [R t] X.

    Options: ``images``.
    """
    options = options_of(spec, scene_name, {"images": "images"})
    folder = scene_folder(spec, scene_name)
    files = sorted(folder.glob("*_par.txt"))
    if len(files) != 1:
        raise InputError(f"{folder}: {len(files)} files *_par.txt, expected one; put the scene's cameras there")
    rows = _read(files[0])
    paths = list_images(inside(folder, str(options["images"]), where(spec, scene_name)))
    views = []
    for name, path in pair(rows, paths, str(files[0])).items():
        origin = f"{files[0]}: {name}"
        values = rows[name]
        intrinsics = checked_intrinsics(values[:9].reshape(3, 3), f"{origin}: K")
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = values[9:18].reshape(3, 3), values[18:]
        if intrinsics[0, 1] != 0:
            raise InputError(f"{origin}: K has a skew, which this layout does not know; use cameras.json")
        params = (intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2])
        # The format does not state a size: the photographs must be those that were calibrated.
        lens = Lens("PINHOLE", tuple(float(value) for value in params), *image_size(path))
        views.append(posed_view(path, lens, checked_pose(pose, f"{origin}: R, t"), origin))
    return tuple(sorted(views, key=lambda view: view.name))


def _read(path: Path) -> dict[str, np.ndarray]:
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()[1:] if line.strip()]
        rows = {words[0]: np.array([float(word) for word in words[1:]]) for words in lines}
    except (OSError, ValueError):
        raise InputError(f"{path}: no text of names and numbers; copy it anew from where it came") from None
    if not rows or len(rows) < len(lines) or any(len(values) != 21 for values in rows.values()):
        raise InputError(f"{path}: expected a name and 21 numbers a line, each name once; copy it anew")
    return rows
