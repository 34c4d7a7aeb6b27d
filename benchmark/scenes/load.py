"""From a dataset's description to a `Scene`: files are found, checked and hashed; pixels stay on the disk."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmark.cells import digest
from benchmark.errors import InputError, nearest
from benchmark.scenes import (
    cameras_json,
    colmap,
    folder,
    llff,
    middlebury,
    mvimgnet,
    mvsnet,
    nerf_transforms,
    stereo_pair,
    synthetic,
    tanks,
)
from benchmark.scenes.images import SUFFIXES, check_decodable, image_size, read_image
from benchmark.scenes.lens import straighten
from benchmark.scenes.places import where
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.spec import DatasetSpec, ViewId

Layout = Callable[[DatasetSpec, str, Path], tuple[View, ...]]

LAYOUTS: dict[str, Layout] = {
    "cameras_json": cameras_json.load,
    "colmap": colmap.load,
    "folder": folder.load,
    "llff": llff.load,
    "middlebury": middlebury.load,
    "mvimgnet": mvimgnet.load,
    "mvsnet": mvsnet.load,
    "nerf_transforms": nerf_transforms.load,
    "stereo_pair": stereo_pair.load,
    "synthetic": synthetic.load,
    "tanks": tanks.load,
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
    available = available_views(spec, scene_name, store_folder)
    train_names, test_names = split_names(spec, scene_name, list(available))
    used = {*train_names, *test_names}
    chosen = [view for name, view in sorted(available.items()) if name in used]
    # Reading, straightening, hashing and decoding release the interpreter's lock.
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        views = tuple(pool.map(lambda view: _finished(view, spec, scene_name, store_folder), chosen))
        is_ours = [spec.layout in ENCODED_HERE or view.lens is not None for view in chosen]
        contents = list(pool.map(_content_digest, views, is_ours))
    positions = {view.name: position for position, view in enumerate(views)}
    return Scene(
        dataset=spec.name,
        name=scene_name,
        views=views,
        train=tuple(positions[name] for name in train_names),
        test=tuple(positions[name] for name in test_names),
        digest=digest({"views": contents, "train": train_names, "test": test_names}),
    )


def available_views(spec: DatasetSpec, scene_name: str, store_folder: Path) -> dict[str, View]:
    """Every view of a scene's files by name, in the order of the names; lenses and depth are as in the files."""
    views = LAYOUTS[spec.layout](spec, scene_name, store_folder)
    return {view.name: view for view in sorted(views, key=lambda view: view.name)}


def split_names(spec: DatasetSpec, scene_name: str, available: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names of the train and test views, whatever kind of id the split uses.

    Parameters
    ----------
    available
        Names of the files, sorted.
    """
    split, origin = spec.scenes[scene_name], where(spec, scene_name)
    if not split.train:
        raise InputError(
            f"{origin}: its view ids are not public; import the authors' own with `splatbench data import-split FILE` "
            f"and run dataset '{spec.name.split('+')[0]}+authors'"
        )
    if split.views is not None and len(available) != split.views:
        raise InputError(
            f"{origin}: {len(available)} views on this machine, expected {split.views}, so the places of its split "
            "mean others; see `splatbench data check`"
        )
    train, test = ([_name(view, available, origin) for view in ids] for ids in (split.train, split.test))
    if len({*train, *test}) < len(train) + len(test):
        raise InputError(f"{origin}: two ids of its split name one view; correct the split")
    return train, test


def _name(view: ViewId, available: Sequence[str], origin: str) -> str:
    if isinstance(view, int):
        return available[view]
    if view in available:
        return view
    same_stem = [name for name in available if Path(name).stem == view]
    if len(same_stem) == 1 and Path(view).suffix.lower() not in SUFFIXES:
        return same_stem[0]
    raise InputError(f"{origin}: no view '{view}'{nearest(view, available)}; correct the split")


def _finished(view: View, spec: DatasetSpec, scene_name: str, store_folder: Path) -> View:
    """The view as a `Scene` has it: a pinhole's photograph, and depth in the scene's unit."""
    if spec.layout == "mvsnet":
        return mvsnet.finish(view, spec, scene_name, store_folder)
    return straighten(view, store_folder)


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
