"""COLMAP models, binary or text, beside the photographs that they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.errors import InputError
from benchmark.scenes.calibration import checked_pose
from benchmark.scenes.colmap_files import is_consistent
from benchmark.scenes.images import list_images
from benchmark.scenes.lens import Lens, posed_view
from benchmark.scenes.pairing import pair
from benchmark.scenes.places import inside, options_of, scene_folder, where
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

if TYPE_CHECKING:
    import pycolmap

# Where models are usually put.
MODELS = ("sparse/0", "sparse", "colmap/sparse/0", ".")


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Registered images that are there, sorted by name; views with distortion still have their lens.

    Options: ``images`` (folder of the photographs, which may be scaled copies) and ``model`` (folder of the model;
    where empty, the usual places).
    """
    options = options_of(spec, scene_name, {"images": "images", "model": ""})
    folder = scene_folder(spec, scene_name)
    images = photographs_folder(spec, scene_name, folder, str(options["images"]))
    model = inside(folder, str(options["model"]), where(spec, scene_name)) if options["model"] else find_model(folder)
    return read_views(images, model)


def photographs_folder(spec: DatasetSpec, scene_name: str, folder: Path, option: str) -> Path:
    """Folder of a scene's photographs; only a dataset of one's own may have them elsewhere, by an absolute path."""
    if spec.source["kind"] == "folder" and Path(option).is_absolute():
        return Path(option)
    return inside(folder, option, where(spec, scene_name))


def find_model(folder: Path) -> Path:
    """The first usual place below ``folder`` that holds a model; `InputError` if there is none."""
    for place in MODELS:
        if any((folder / place / f"images.{suffix}").is_file() for suffix in ("bin", "txt")):
            return folder / place
    raise InputError(f"{folder}: no COLMAP model (images.bin or images.txt in {', '.join(MODELS)}); put it there")


def read_views(images: Path, model: Path) -> tuple[View, ...]:
    """Views of a model whose photographs lie in the folder ``images``.

    COLMAP's world-to-camera poses have OpenCV axes and its pixels begin at the top-left corner, as ours.
    """
    reconstruction = read_model(model)
    registered = {image.name: image for image in reconstruction.images.values() if image.has_pose}
    views = []
    for name, path in pair(registered, list_images(images), str(model)).items():
        image = registered[name]
        origin = f"{model}: {name}"
        pose = np.vstack([image.cam_from_world().matrix(), [0.0, 0.0, 0.0, 1.0]])
        views.append(posed_view(path, lens_of(image.camera), checked_pose(pose, f"{origin}: its pose"), origin))
    return tuple(sorted(views, key=lambda view: view.name))


def read_model(model: Path) -> pycolmap.Reconstruction:
    """A model from its folder; `InputError` naming the folder where files are absent or damaged."""
    import pycolmap

    pycolmap.logging.minloglevel = max(pycolmap.logging.minloglevel, 1)
    suffix = "bin" if (model / "images.bin").is_file() else "txt"
    for part in ("cameras", "images", "points3D"):
        if not (model / f"{part}.{suffix}").is_file():
            raise InputError(f"{model / part}.{suffix}: absent; a COLMAP model has cameras, images and points3D")
    damaged = InputError(f"{model}: damaged, or no COLMAP model; copy it anew from where it came")
    if suffix == "bin" and not is_consistent(model):
        raise damaged
    try:
        # Of everything that can go wrong in a file from elsewhere, pycolmap raises one of these.
        return pycolmap.Reconstruction(str(model))
    except (ValueError, IndexError, RuntimeError, MemoryError, UnicodeDecodeError):
        raise damaged from None


def lens_of(camera: pycolmap.Camera) -> Lens:
    """Plain values of a COLMAP camera."""
    return Lens(camera.model.name, tuple(float(value) for value in camera.params), camera.width, camera.height)
