"""``transforms.json`` of NeRF, instant-ngp and nerfstudio: camera-to-world matrices with OpenGL axes, and a lens."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from benchmark.errors import InputError
from benchmark.scenes.calibration import from_opengl
from benchmark.scenes.images import SUFFIXES, image_size
from benchmark.scenes.lens import Lens, posed_view
from benchmark.scenes.places import inside, options_of, scene_folder
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

MODELS = ("", "OPENCV", "PINHOLE", "SIMPLE_PINHOLE", "SIMPLE_RADIAL", "RADIAL", "OPENCV_FISHEYE")


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Frames whose photograph is there, sorted by name; views with distortion still have their lens.

    Options: ``file``, the JSON file; ``images``, a folder of scaled copies to take in place of the files named in it.
    The world stays as the file has it: nerfstudio's ``applied_transform`` is a turn of the whole scene.
    """
    options = options_of(spec, scene_name, {"file": "transforms.json", "images": ""})
    folder = scene_folder(spec, scene_name)
    path = inside(folder, str(options["file"]), f"dataset '{spec.name}'")
    values = _read(path)
    views: dict[str, View] = {}
    for number, frame in enumerate(values["frames"]):
        origin = f"{path}: frame {number}"
        image = _photograph(frame, folder, str(options["images"]), origin)
        if image is None:
            continue
        origin = f"{path}: {image.name}"
        if image.name in views:
            raise InputError(f"{origin}: two frames are called so; keep one, or rename a photograph")
        if "transform_matrix" not in frame:
            raise InputError(f"{origin}: transform_matrix is missing; estimate its camera again")
        pose = from_opengl(frame["transform_matrix"], f"{origin}: transform_matrix")
        views[image.name] = posed_view(image, _lens({**values, **frame}, image, origin), pose, origin)
    if not views:
        raise InputError(f"{path}: none of the photographs of its {len(values['frames'])} frames is there; add them")
    return tuple(view for _, view in sorted(views.items()))


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: absent; it holds the cameras of the scene") from None
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: not JSON; copy it anew from where it came") from None
    frames = values.get("frames") if isinstance(values, dict) else None
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise InputError(f"{path}: no list of frames; copy it anew from where it came")
    return values


def _photograph(frame: dict[str, Any], folder: Path, images: str, origin: str) -> Path | None:
    """The file of a frame, None if it is not there; the name may lack its suffix."""
    name = frame.get("file_path")
    if not isinstance(name, str) or not name:
        raise InputError(f"{origin}: file_path is missing; name its photograph")
    if images:
        name = f"{images}/{Path(name).name}"
    path = inside(folder, name, origin)
    if path.suffix.lower() not in SUFFIXES:
        path = next((found for suffix in sorted(SUFFIXES) if (found := Path(f"{path}{suffix}")).is_file()), path)
    return path if path.is_file() else None


def _lens(values: dict[str, Any], image: Path, origin: str) -> Lens:
    model = str(values.get("camera_model", "")).upper()
    if model not in MODELS:
        raise InputError(f"{origin}: camera_model '{model:.40}' is unknown; undistort the photographs beforehand")
    width, height = _number(values, "w", origin), _number(values, "h", origin)
    if width is None or height is None:
        width, height = image_size(image)
    focal = _number(values, "fl_x", origin)
    if focal is None:
        angle = _number(values, "camera_angle_x", origin)
        if angle is None or not 0 < angle < math.pi:
            raise InputError(f"{origin}: neither fl_x nor a camera_angle_x between 0 and pi; state the focal length")
        focal = width / 2 / math.tan(angle / 2)
    pinhole = [focal, *(_number(values, key, origin, default) for key, default in
                        (("fl_y", focal), ("cx", width / 2), ("cy", height / 2)))]  # fmt: skip
    k1, k2, k3, k4, p1, p2 = (_number(values, key, origin, 0.0) for key in ("k1", "k2", "k3", "k4", "p1", "p2"))
    if model == "OPENCV_FISHEYE":
        name, bend = "OPENCV_FISHEYE", [k1, k2, k3, k4]
    elif k4:
        raise InputError(f"{origin}: k4 of a lens that is no fisheye has no agreed meaning; undistort it beforehand")
    else:
        # OpenCV's order; k3 belongs to the longer model, whose last three coefficients divide.
        name, bend = ("FULL_OPENCV", [k1, k2, p1, p2, k3, 0, 0, 0]) if k3 else ("OPENCV", [k1, k2, p1, p2])
    params = tuple(float(value) for value in (*pinhole, *bend) if value is not None)
    return Lens(name, params, round(width), round(height))


def _number(values: dict[str, Any], key: str, origin: str, default: float | None = None) -> float | None:
    value = values.get(key, default)
    if value is None:
        return default
    if type(value) not in (int, float) or not math.isfinite(value):
        raise InputError(f"{origin}: {key} is no finite number; correct it")
    return float(value)
