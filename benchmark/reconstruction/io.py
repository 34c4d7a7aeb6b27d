"""`Reconstruction` in a folder of the store: safetensors and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from benchmark.cameras import Cameras
from benchmark.errors import InputError
from benchmark.reconstruction.reconstruction import Reconstruction

ARRAYS = ("points", "colors", "confidence", "valid", "test_masks", "center", "rotation", "true_points", "true_valid")
NAMES = ("train_views", "test_views", "left_out")
CAMERAS = ("cameras", "test_cameras")


def save_reconstruction(folder: Path, reconstruction: Reconstruction) -> None:
    """Write into an empty folder."""
    arrays = {name: getattr(reconstruction, name) for name in ARRAYS}
    for name in CAMERAS:
        cameras = getattr(reconstruction, name)
        arrays[f"{name}.world_to_camera"] = cameras.world_to_camera
        arrays[f"{name}.intrinsics"] = cameras.intrinsics
    present = {name: values for name, values in arrays.items() if values is not None}
    # Through Python's own file, whose errors say when a disk is full.
    data = save({name: values.copy(order="C") for name, values in present.items()})
    (folder / "reconstruction.safetensors").write_bytes(data)
    about = {
        "method": reconstruction.method,
        "scale": reconstruction.scale,
        "width": reconstruction.cameras.width,
        "height": reconstruction.cameras.height,
        "facts": reconstruction.facts,
    } | {name: list(getattr(reconstruction, name)) for name in NAMES}
    (folder / "reconstruction.json").write_text(json.dumps(about, allow_nan=False), encoding="utf-8")


def load_reconstruction(folder: Path) -> Reconstruction:
    """Read what `save_reconstruction` wrote; `InputError` names the folder if its files are damaged."""
    try:
        return _load(folder)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise InputError(
            f"{folder}: a damaged reconstruction ({type(error).__name__}); remove this folder, it is then made again"
        ) from None


def _load(folder: Path) -> Reconstruction:
    about = json.loads((folder / "reconstruction.json").read_text(encoding="utf-8"))
    arrays = load_file(folder / "reconstruction.safetensors")

    def cameras(name: str) -> Cameras:
        poses, intrinsics = arrays[f"{name}.world_to_camera"], arrays[f"{name}.intrinsics"]
        return Cameras(poses, intrinsics, about["width"], about["height"])

    values: dict[str, Any] = {name: cameras(name) for name in CAMERAS} | {name: arrays.get(name) for name in ARRAYS}
    values |= {name: tuple(about[name]) for name in NAMES}
    return Reconstruction(method=about["method"], scale=about["scale"], facts=about["facts"], **values)
