"""From a dataset's description to a `Scene`: files are found, checked and hashed; pixels stay on the disk."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmark.cells import digest
from benchmark.errors import InputError, nearest
from benchmark.scenes import cameras_json, stereo_pair, synthetic
from benchmark.scenes.images import check_decodable, image_size, read_image
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.spec import DatasetSpec

Layout = Callable[[DatasetSpec, str, Path], tuple[View, ...]]

LAYOUTS: dict[str, Layout] = {
    "cameras_json": cameras_json.load,
    "stereo_pair": stereo_pair.load,
    "synthetic": synthetic.load,
}

# Images that we encode ourselves are hashed as pixels: the bytes of a PNG depend on the zlib of this machine.
ENCODED_HERE = frozenset({"stereo_pair", "synthetic"})


def load_scene(spec: DatasetSpec, scene_name: str, store_folder: Path) -> Scene:
    """The views of a scene's split, in the order of their names, checked to the last byte.

    Parameters
    ----------
    store_folder
        Where generated scenes are kept; the first call writes them, later ones read them.

    Raises
    ------
    InputError
        If the scene or a view id is unknown, or a file is damaged or does not fit its camera; names the file.
    """
    if scene_name not in spec.scenes:
        raise InputError(f"scene '{scene_name}' is not in dataset '{spec.name}'{nearest(scene_name, spec.scenes)}")
    split = spec.scenes[scene_name]
    available = {view.name: view for view in LAYOUTS[spec.layout](spec, scene_name, store_folder)}
    for name in (*split.train, *split.test):
        if name not in available:
            raise InputError(
                f"dataset '{spec.name}', scene '{scene_name}': no view '{name}'{nearest(name, available)}; "
                "correct the split"
            )
    used = {*split.train, *split.test}
    views = tuple(view for name, view in sorted(available.items()) if name in used)
    positions = {view.name: position for position, view in enumerate(views)}
    train = tuple(positions[name] for name in split.train)
    test = tuple(positions[name] for name in split.test)
    # Reading, hashing and decoding release the interpreter's lock.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        contents = list(pool.map(lambda view: _content_digest(view, spec.layout in ENCODED_HERE), views))
    return Scene(
        dataset=spec.name,
        name=scene_name,
        views=views,
        train=train,
        test=test,
        digest=digest({"views": contents, "train": list(split.train), "test": list(split.test)}),
    )


def _content_digest(view: View, encoded_here: bool) -> dict[str, object]:
    """What of a view can change a number, after checking that it can be used."""
    camera = view.camera
    return {
        "name": view.name,
        "image": _hash(read_image(view.image_path).tobytes() if encoded_here else _checked_image(view)),
        "depth": None if view.depth_path is None else _hash(_checked_depth(view, view.depth_path)),
        "mask": None if view.mask_path is None else _hash(_checked_mask(view, view.mask_path)),
        "size": [view.width, view.height],
        "camera": None if camera is None else [camera.world_to_camera.tolist(), camera.intrinsics.tolist()],
    }


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _checked_image(view: View) -> bytes:
    data = view.image_path.read_bytes()
    check_decodable(data, view.image_path)
    return data


def _checked_mask(view: View, path: Path) -> bytes:
    data = path.read_bytes()
    check_decodable(data, path)
    if image_size(path) != (view.width, view.height):
        raise InputError(f"{path}: its size is not that of {view.name}, {view.width}x{view.height}; remake the mask")
    return data


def _checked_depth(view: View, path: Path) -> bytes:
    data = path.read_bytes()
    try:
        depth = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError):
        raise InputError(f"{path}: truncated or no .npy array; write the depth anew") from None
    if not isinstance(depth, np.ndarray) or depth.dtype != np.float32 or depth.shape != (view.height, view.width):
        raise InputError(f"{path}: expected float32 of shape ({view.height}, {view.width}); write the depth anew")
    if not (np.isfinite(depth).all() and (depth >= 0).all()):
        raise InputError(f"{path}: holds NaN, infinity or negative depth; write 0 where the depth is unknown")
    return data
