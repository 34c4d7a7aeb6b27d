"""Tanks and Temples: photographs with a COLMAP model, or with the camera trajectory (``.log``) of the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmark.errors import InputError
from benchmark.scenes import colmap
from benchmark.scenes.calibration import checked_pose, inverse
from benchmark.scenes.images import list_images
from benchmark.scenes.lens import Lens, posed_view
from benchmark.scenes.places import inside, options_of, scene_folder, where
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Views from a COLMAP model where there is one, else from the only ``.log`` file of the folder.

    Options: ``images``; ``model`` (folder of the COLMAP model; where empty, the usual places); and for a trajectory,
    which has no intrinsics, ``pinhole``: fx, fy, cx, cy, width and height.
    """
    options = options_of(spec, scene_name, {"images": "images", "model": "", "pinhole": []})
    folder, origin = scene_folder(spec, scene_name), where(spec, scene_name)
    images = inside(folder, str(options["images"]), origin)
    if options["model"]:
        return colmap.read_views(images, inside(folder, str(options["model"]), origin))
    logs = sorted(folder.glob("*.log"))
    if not logs:
        return colmap.read_views(images, colmap.find_model(folder))
    if len(logs) > 1:
        raise InputError(f"{folder}: {len(logs)} trajectories (*.log); leave one")
    lens = _pinhole(options["pinhole"], origin)
    paths, poses = list_images(images), read_log(logs[0])
    if len(poses) != len(paths):
        raise InputError(
            f"{logs[0]}: {len(poses)} poses, but {images} has {len(paths)} photographs; take those that belong to it"
        )
    return tuple(
        posed_view(path, lens, pose, f"{logs[0]}: {path.name}") for path, pose in zip(paths, poses, strict=True)
    )


def read_log(path: Path) -> list[Float[np.ndarray, "4 4"]]:
    """World-to-camera matrices of a trajectory: a line of three numbers, then a 4x4 camera-to-world matrix, each.

    The axes are OpenCV's. The first number is the place of the photograph in the order of the names.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: no readable text; copy it anew from where it came") from None
    if not lines or len(lines) % 5:
        raise InputError(f"{path}: {len(lines)} lines, expected five for each pose; copy it anew from where it came")
    poses: dict[int, Float[np.ndarray, "4 4"]] = {}
    for start in range(0, len(lines), 5):
        origin = f"{path}: line {start + 1}"
        try:
            place = int(lines[start][0])
        except ValueError:
            raise InputError(f"{origin}: '{lines[start][0]:.40}' is no number of a photograph; correct it") from None
        if place in poses:
            raise InputError(f"{origin}: photograph {place} has two poses; keep one")
        poses[place] = inverse(checked_pose(lines[start + 1 : start + 5], f"{origin}: the pose"))
    if sorted(poses) != list(range(len(poses))):
        raise InputError(f"{path}: its photographs are not numbered 0 to {len(poses) - 1}; copy it anew")
    return [poses[place] for place in range(len(poses))]


def _pinhole(values: object, origin: str) -> Lens:
    if not (isinstance(values, list) and len(values) == 6 and all(type(value) in (int, float) for value in values)):
        raise InputError(
            f"{origin}: a trajectory has no intrinsics; state options.pinhole: [fx, fy, cx, cy, width, height]"
        )
    return Lens("PINHOLE", tuple(float(value) for value in values[:4]), int(values[4]), int(values[5]))
