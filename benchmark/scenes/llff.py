"""LLFF: photographs in the order of their names beside ``poses_bounds.npy``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from jaxtyping import Float

from benchmark.errors import InputError
from benchmark.scenes.calibration import from_llff
from benchmark.scenes.images import list_images
from benchmark.scenes.lens import Lens, posed_view
from benchmark.scenes.places import inside, options_of, scene_folder, where
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

POSES = "poses_bounds.npy"
# A row is a 3x5 matrix (pose, then height, width and focal length) and the nearest and farthest depth.
COLUMNS = 17


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Views in the order of their file names, which is that of the poses.

    Options: ``images``, the folder of the photographs, which may be scaled copies under other names.
    """
    options = options_of(spec, scene_name, {"images": "images"})
    folder = scene_folder(spec, scene_name)
    paths = list_images(inside(folder, str(options["images"]), where(spec, scene_name)))
    table = read_table(folder / POSES)
    if len(table) != len(paths):
        raise InputError(
            f"{folder / POSES}: {len(table)} poses, but there are {len(paths)} photographs in {options['images']}/; "
            "take those that belong to it"
        )
    return tuple(_view(path, row, folder / POSES) for path, row in zip(paths, table, strict=True))


def read_table(path: Path) -> Float[np.ndarray, "view 17"]:
    """The rows of ``poses_bounds.npy``; `InputError` naming the file if it is something else."""
    try:
        table = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: absent; an LLFF scene has its poses there") from None
    except (OSError, ValueError, EOFError):
        raise InputError(f"{path}: damaged, or no .npy array of numbers; copy it anew from where it came") from None
    if (
        not isinstance(table, np.ndarray)
        or table.ndim != 2
        or table.shape[1] != COLUMNS
        or table.dtype.kind not in "fi"
    ):
        shape = getattr(table, "shape", "none")
        raise InputError(f"{path}: its shape is {shape}, expected a row of {COLUMNS} numbers a view; copy it anew")
    return table.astype(np.float64)


def _view(path: Path, row: Float[np.ndarray, "17"], source: Path) -> View:
    origin = f"{source}: {path.name}"
    matrix = row[:15].reshape(3, 5)
    height, width, focal = matrix[:, 4]
    if not np.isfinite([height, width, focal]).all():
        raise InputError(f"{origin}: size or focal length is not a number; estimate its camera again")
    pose = from_llff(matrix[:, :4], f"{origin}: its pose")
    # One focal length and a central principal point are all that the format holds.
    lens = Lens("PINHOLE", (focal, focal, width / 2, height / 2), round(width), round(height))
    return posed_view(path, lens, pose, origin)
