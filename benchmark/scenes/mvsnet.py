"""MVSNet's files as Spann3R prepared them for DTU: images, ``cams/*_cam.txt``, depth maps and masks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32

from benchmark.cells import digest
from benchmark.errors import InputError
from benchmark.scenes.calibration import checked_intrinsics, checked_matrix, checked_pose
from benchmark.scenes.generated import file_digest, write_once
from benchmark.scenes.images import image_size, list_images, read_mask
from benchmark.scenes.lens import Lens, posed_view
from benchmark.scenes.places import inside, options_of, scene_folder, where
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

# Rises when the same files give another depth.
VERSION = 1

# unit: metres (or whatever the scene shall be in) for one of the files' units. erode: side in pixels of the square by
# which a mask shrinks, as borders of rendered depth are unsure.
DEFAULTS: dict[str, Any] = {"images": "images", "unit": 1.0, "erode": 0, "size": []}


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Views with camera, and the paths of their depth where there is one; `finish` converts the depth.

    A camera file holds a 4x4 world-to-camera matrix with OpenCV axes and 3x3 intrinsics in pixels. Options: ``images``;
    ``unit``, the length of the files' unit in that of the scene; ``erode``; ``size``, width and height for which the
    intrinsics are stated (where empty, the image's).
    """
    options = _options(spec, scene_name)
    folder = scene_folder(spec, scene_name)
    views = []
    for path in list_images(inside(folder, str(options["images"]), where(spec, scene_name))):
        camera_file = folder / "cams" / f"{path.stem}_cam.txt"
        pose, intrinsics = read_camera(camera_file)
        pose[:3, 3] *= options["unit"]
        width, height = options["size"] or image_size(path)
        lens = Lens(
            "PINHOLE", tuple(float(intrinsics[i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2))), width, height
        )
        depth = folder / "depths" / f"{path.stem}.npy"
        mask = folder / "binary_masks" / f"{path.stem}.png"
        view = posed_view(path, lens, pose, str(camera_file))
        views.append(
            replace(view, depth_path=depth if depth.is_file() else None, mask_path=mask if mask.is_file() else None)
        )
    return tuple(views)


def finish(view: View, spec: DatasetSpec, scene_name: str, store_folder: Path) -> View:
    """The view with depth in the scene's unit, 0 outside of its eroded mask; written into ``store_folder`` once.

    The mask tells where the depth is to be trusted (feat2gs protocol, DTU), not which pixels may be judged, so the view
    has none afterwards.
    """
    options = _options(spec, scene_name)
    if view.depth_path is None:
        return replace(view, mask_path=None)
    depth_path, mask_path = view.depth_path, view.mask_path
    key = digest(
        {
            "layout": "mvsnet", "version": VERSION, "unit": options["unit"], "erode": options["erode"],
            "depth": file_digest(depth_path), "mask": None if mask_path is None else file_digest(mask_path),
            "size": [view.width, view.height],
        }
    )  # fmt: skip

    def write(partial: Path) -> None:
        depth = read_depth(depth_path, view.width, view.height) * np.float32(options["unit"])
        if mask_path is not None:
            depth *= shrunk_mask(read_mask(mask_path), depth.shape, options["erode"])
        np.save(partial / "depth.npy", depth)

    folder = write_once(store_folder / "depth" / key[:32], write)
    return replace(view, depth_path=folder / "depth.npy", mask_path=None)


def read_camera(path: Path) -> tuple[Float[np.ndarray, "4 4"], Float[np.ndarray, "3 3"]]:
    """World-to-camera matrix and intrinsics of a ``*_cam.txt``; `InputError` naming the file if it is something else."""
    try:
        words = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError):
        raise InputError(f"{path}: absent or no text; every image needs its camera there") from None
    if len(words) < 27 or words[0] != "extrinsic" or words[17] != "intrinsic":
        raise InputError(f"{path}: expected 'extrinsic', 4x4 numbers, 'intrinsic', 3x3 numbers; copy it anew")
    pose = checked_matrix(np.array(words[1:17]).reshape(4, 4).tolist(), 4, 4, f"{path}: extrinsic")
    intrinsics = checked_matrix(np.array(words[18:27]).reshape(3, 3).tolist(), 3, 3, f"{path}: intrinsic")
    if intrinsics[0, 1] != 0:
        raise InputError(f"{path}: intrinsic has a skew, which this layout does not know; use cameras.json")
    return checked_pose(pose, f"{path}: extrinsic"), checked_intrinsics(intrinsics, f"{path}: intrinsic")


def read_depth(path: Path, width: int, height: int) -> Float32[np.ndarray, "height width"]:
    """z-depth in the files' unit, at the size of the image; 0 where it is not finite or not positive."""
    try:
        depth = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        raise InputError(f"{path}: damaged, or no .npy array of numbers; copy it anew from where it came") from None
    if not isinstance(depth, np.ndarray) or depth.dtype.kind != "f" or depth.shape != (height, width):
        raise InputError(f"{path}: expected {height} x {width} floating-point numbers, as its image; copy it anew")
    depth = depth.astype(np.float32)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def shrunk_mask(mask: np.ndarray, shape: tuple[int, ...], erode: int) -> np.ndarray:
    """``mask`` brought to ``shape`` by its nearest pixels and shrunk by a square of ``erode`` pixels."""
    from scipy.ndimage import binary_erosion

    rows = ((np.arange(shape[0]) + 0.5) * mask.shape[0] / shape[0]).astype(int)
    columns = ((np.arange(shape[1]) + 0.5) * mask.shape[1] / shape[1]).astype(int)
    resized = mask[np.ix_(rows, columns)]
    return binary_erosion(resized, np.ones((erode, erode), bool), border_value=1) if erode > 1 else resized


def _options(spec: DatasetSpec, scene_name: str) -> dict[str, Any]:
    options = options_of(spec, scene_name, DEFAULTS)
    size, origin = options["size"], where(spec, scene_name)
    if type(options["unit"]) not in (int, float) or not options["unit"] > 0:
        raise InputError(f"{origin}: options: unit must be a number above 0; correct it")
    if type(options["erode"]) is not int or not 0 <= options["erode"] <= 1000:
        raise InputError(f"{origin}: options: erode must be 0 to 1000 pixels; correct it")
    if (
        not isinstance(size, list)
        or len(size) not in (0, 2)
        or not all(type(side) is int and side > 0 for side in size)
    ):
        raise InputError(f"{origin}: options: size must be width and height in pixels; correct it")
    return options
