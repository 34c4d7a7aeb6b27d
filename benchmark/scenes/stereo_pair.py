"""A rectified stereo pair with true disparity: the Middlebury Motorcycle that ships inside scikit-image."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8

from benchmark.cameras import Camera
from benchmark.cells import digest
from benchmark.errors import InputError, MissingError
from benchmark.scenes.cameras_json import read_views, write_folder
from benchmark.scenes.generated import write_once
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

# Rises when the files written by this module change.
VERSION = 1

LEFT, RIGHT = "left.png", "right.png"
OPTIONS = {"focal", "principal_point", "disparity_offset", "baseline"}


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Left and right view with depth, written into ``store_folder`` once."""
    options = spec.scenes[scene_name].options
    if set(options) != OPTIONS:
        raise InputError(
            f"dataset '{spec.name}', scene '{scene_name}': options must be {', '.join(sorted(OPTIONS))}; correct them"
        )
    point = options["principal_point"]
    numbers = [value for name, value in options.items() if name != "principal_point"]
    if not (isinstance(point, list) and len(point) == 2 and all(type(v) in (int, float) for v in (*numbers, *point))):
        raise InputError(
            f"dataset '{spec.name}', scene '{scene_name}': options must be numbers, principal_point two; correct them"
        )
    key = digest({"layout": "stereo_pair", "version": VERSION, "options": options})
    folder = write_once(store_folder / f"{spec.name}-{scene_name}-{key[:16]}", lambda partial: _write(partial, options))
    return read_views(folder)


def pair_cameras(options: Mapping[str, Any], width: int, height: int) -> tuple[Camera, Camera]:
    """Left and right camera; the world is the left camera's frame, its unit that of ``baseline``.

    The pair is rectified: same rotation, a shift along x, and a principal point that lies ``disparity_offset`` pixels
    further right in the right image, so that z = focal * baseline / (disparity + disparity_offset) (the calibration
    format of Middlebury 2014).
    """
    x, y = options["principal_point"]
    left = np.array([[options["focal"], 0.0, x], [0.0, options["focal"], y], [0.0, 0.0, 1.0]])
    right = left.copy()
    right[0, 2] += options["disparity_offset"]
    shift = np.eye(4)
    shift[0, 3] = -options["baseline"]
    return Camera(np.eye(4), left, width, height), Camera(shift, right, width, height)


def depth_from_disparity(
    disparity: Float[np.ndarray, "height width"], options: Mapping[str, Any]
) -> Float32[np.ndarray, "height width"]:
    """z-depth of the left view, 0 where the disparity is not a number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = options["focal"] * options["baseline"] / (disparity + options["disparity_offset"])
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0.0).astype(np.float32)


def right_disparity(
    left: Float[np.ndarray, "height width"], largest_step: float = 1.0
) -> Float[np.ndarray, "height width"]:
    """Disparity at the pixels of the right image, carried over from the left; NaN where the left does not tell.

    Two neighbours of the left image whose disparities differ by less than ``largest_step`` lie on one surface. It
    covers the stretch of the right scanline between their targets, over which disparity is interpolated; where
    stretches overlap the nearest surface (the largest disparity) is seen. Nothing is filled in: what the left camera
    does not see, and what lies under a gap of the left disparity, stays unknown.
    """
    height, width = left.shape
    columns = np.arange(width - 1)
    start, end = columns - left[:, :-1], columns + 1 - left[:, 1:]
    with np.errstate(invalid="ignore"):
        same_surface = np.abs(left[:, 1:] - left[:, :-1]) < largest_step
    right = np.full((height, width), -np.inf)
    rows, starts = np.nonzero(same_surface)
    start, end = start[same_surface], end[same_surface]
    from_disparity, to_disparity = left[rows, starts], left[rows, starts + 1]
    # With a step below one pixel a stretch is shorter than two, so it holds at most two pixels.
    for offset in range(2):
        target = np.ceil(start).astype(int) + offset
        inside = (target <= end) & (target >= 0) & (target < width)
        fraction = (target - start)[inside] / (end - start)[inside]
        value = from_disparity[inside] * (1 - fraction) + to_disparity[inside] * fraction
        np.maximum.at(right, (rows[inside], target[inside]), value)
    return np.where(np.isfinite(right), right, np.nan)


def _write(folder: Path, options: Mapping[str, Any]) -> None:
    left, right, disparity = _motorcycle()
    height, width = disparity.shape
    left_camera, right_camera = pair_cameras(options, width, height)
    write_folder(
        folder,
        images={LEFT: left, RIGHT: right},
        cameras={LEFT: left_camera, RIGHT: right_camera},
        depths={
            LEFT: depth_from_disparity(disparity, options),
            RIGHT: depth_from_disparity(right_disparity(disparity), options),
        },
    )


def _motorcycle() -> tuple[
    UInt8[np.ndarray, "height width 3"], UInt8[np.ndarray, "height width 3"], Float[np.ndarray, "height width"]
]:
    """Both photographs and the left disparity; the files lie in scikit-image's wheel, so no network is used."""
    from skimage import data

    try:
        left, right, disparity = data.stereo_motorcycle()
    except (OSError, ImportError) as error:
        raise MissingError(
            f"dataset 'motorcycle': scikit-image came without its photographs ({type(error).__name__}); "
            "install its wheel: pip install --force-reinstall scikit-image"
        ) from None
    disparity = disparity.astype(np.float64)
    return left, right, np.where(np.isfinite(disparity), disparity, np.nan)
