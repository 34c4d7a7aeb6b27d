"""Our own plain layout: a folder with ``images/``, ``cameras.json``, and perhaps ``depth/`` and ``masks/``.

``cameras.json`` holds ``width``, ``height`` and ``cameras``: for every image its file name, ``K`` (3x3, pixels, origin
at the top-left corner), ``world_to_camera`` (4x4, OpenCV axes), and its own ``width`` and ``height`` where the sizes
differ. ``depth/<stem>.npy`` is float32 z-depth in the unit of the cameras, 0 where unknown; ``masks/<stem>.png`` is
non-zero where a pixel may be used.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from benchmark.cameras import Camera
from benchmark.errors import InputError
from benchmark.scenes.calibration import checked_intrinsics, checked_pose
from benchmark.scenes.images import image_size, list_images
from benchmark.scenes.places import options_of, scene_folder
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec

CAMERAS = "cameras.json"
CONVENTION = "OpenCV (x right, y down, z forward), pixel units, image origin top-left"


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """The views of the scene's folder, which its option ``folder`` may name; see `read_views`."""
    options_of(spec, scene_name, {})
    return read_views(scene_folder(spec, scene_name))


def read_views(folder: Path) -> tuple[View, ...]:
    """Every view of a folder in the plain layout, sorted by file name; no pixel is read yet.

    Raises
    ------
    InputError
        Naming the file, where images and cameras disagree in number, name or size, or a camera is none.
    """
    paths = list_images(folder / "images")
    entries, default_size = _read_cameras(folder / CAMERAS)
    _same_names({path.name for path in paths}, set(entries), folder)
    return tuple(_view(path, entries[path.name], default_size, folder) for path in paths)


def write_folder(
    folder: Path,
    images: Mapping[str, UInt8[np.ndarray, "height width 3"]],
    cameras: Mapping[str, Camera],
    depths: Mapping[str, Float32[np.ndarray, "height width"]],
) -> None:
    """Write views, keyed by a file name that ends in ``.png``, in the plain layout; `read_views` gives them back."""
    (folder / "images").mkdir(parents=True)
    (folder / "depth").mkdir()
    for name, image in images.items():
        Image.fromarray(image).save(folder / "images" / name, format="PNG")
    for name, depth in depths.items():
        np.save(folder / "depth" / f"{Path(name).stem}.npy", depth.astype(np.float32))
    first = next(iter(cameras.values()))
    values = {
        "width": first.width,
        "height": first.height,
        "convention": CONVENTION,
        "cameras": {
            name: {
                "K": camera.intrinsics.tolist(),
                "world_to_camera": camera.world_to_camera.tolist(),
                "width": camera.width,
                "height": camera.height,
            }
            for name, camera in cameras.items()
        },
    }
    (folder / CAMERAS).write_text(json.dumps(values, indent=1, allow_nan=False), encoding="utf-8")


def _read_cameras(path: Path) -> tuple[dict[str, dict[str, Any]], tuple[Any, Any]]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_repeats)
    except FileNotFoundError:
        raise InputError(f"{path}: absent; write K and world_to_camera of every image (datasets/README.md)") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from None
    except _RepeatedKeyError as error:
        raise InputError(f"{path}: '{error}' stands twice; keep one") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not JSON; write it anew (the format is in datasets/README.md)") from None
    cameras = values.get("cameras") if isinstance(values, dict) else None
    if not isinstance(cameras, dict) or not all(isinstance(entry, dict) for entry in cameras.values()):
        raise InputError(f"{path}: no entry for every image under 'cameras'; write it as datasets/README.md shows")
    convention = str(values.get("convention", "OpenCV"))
    if not convention.lower().startswith("opencv"):
        raise InputError(f"{path}: convention is '{convention:.60}'; convert the poses to OpenCV world-to-camera")
    return cameras, (values.get("width"), values.get("height"))


class _RepeatedKeyError(ValueError):
    pass


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _RepeatedKeyError(next(key for key in keys if keys.count(key) > 1))
    return values


def _same_names(images: set[str], cameras: set[str], folder: Path) -> None:
    if images == cameras:
        return
    without_camera, without_image = sorted(images - cameras), sorted(cameras - images)
    missing = [f"no camera for {_some(without_camera)}"] if without_camera else []
    missing += [f"no image for {_some(without_image)}"] if without_image else []
    raise InputError(
        f"{folder / CAMERAS}: {len(cameras)} camera(s) but {len(images)} image(s) in images/: {'; '.join(missing)}; "
        "add what is missing or remove the rest"
    )


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _view(path: Path, entry: dict[str, Any], default_size: tuple[Any, Any], folder: Path) -> View:
    where = f"{folder / CAMERAS}: {path.name}"
    width, height = image_size(path)
    stated = (entry.get("width", default_size[0]), entry.get("height", default_size[1]))
    if stated != (width, height):
        raise InputError(
            f"{where}: stated size {stated[0]}x{stated[1]}, but the image has {width}x{height}; "
            "scale K to the image and state its size"
        )
    pose = checked_pose(_entry(entry, "world_to_camera", "4x4", where), f"{where}: world_to_camera")
    intrinsics = checked_intrinsics(_entry(entry, "K", "3x3", where), f"{where}: K")
    depth = folder / "depth" / f"{path.stem}.npy"
    mask = folder / "masks" / f"{path.stem}.png"
    return View(
        name=path.name,
        image_path=path,
        width=width,
        height=height,
        camera=Camera(pose, intrinsics, width, height),
        depth_path=depth if depth.is_file() else None,
        mask_path=mask if mask.is_file() else None,
    )


def _entry(entry: dict[str, Any], key: str, size: str, where: str) -> Any:
    if key not in entry:
        raise InputError(f"{where}: {key} is missing; write it as {size} numbers")
    return entry[key]
