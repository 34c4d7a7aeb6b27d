"""What a fit is compared with: photographs and masks at the size that the protocol judges at, and their cameras."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image

from benchmark.cameras import Cameras
from benchmark.errors import InputError
from benchmark.protocols import Protocol
from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.scenes.images import read_image, resize
from benchmark.scenes.scene import Scene, View


@dataclass(frozen=True)
class Photographs:
    """Photographs of the train and of the test views, all of one size each.

    Attributes
    ----------
    train, test
        sRGB in [0, 1].
    masks
        Pixels of the test views that count.
    """

    cameras: Cameras
    train: Float32[np.ndarray, "view height width 3"]
    test_cameras: Cameras
    test: Float32[np.ndarray, "test height width 3"]
    masks: Bool[np.ndarray, "test height width"]


def photographs_of(
    scene: Scene, train: Sequence[int], reconstruction: Reconstruction, protocol: Protocol
) -> Photographs:
    """Load photographs at the protocol's size, and bring cameras and masks to it.

    Raises
    ------
    InputError
        If photographs are used at their own size and the train views, or the test views, differ in it; or if nothing
        of a test view is left to judge.
    """
    train_views, test_views = [scene.views[index] for index in train], list(scene.test_views)
    cameras, test_cameras, masks = reconstruction.cameras, reconstruction.test_cameras, reconstruction.test_masks
    widest = protocol.images.photograph_width
    if widest is not None:
        cameras = _resized(cameras, _own_size(scene, train_views, widest))
        test_cameras = _resized(test_cameras, _own_size(scene, test_views, widest))
        size = (test_cameras.width, test_cameras.height)
        masks = np.stack([np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)) for mask in masks])
    if protocol.evaluate.jpeg_masks:
        masks = np.stack([_through_jpeg(mask, view) for mask, view in zip(masks, test_views, strict=True)])
    if empty := [view.name for view, mask in zip(test_views, masks, strict=True) if not mask.any()]:
        raise InputError(
            f"scene {scene.dataset}/{scene.name}: the mask of test view {empty[0]} has no pixel left; take the view out "
            "of the split"
        )
    return Photographs(
        cameras,
        reconstruction.colors if widest is None else _load(train_views, cameras),
        test_cameras,
        _load(test_views, test_cameras),
        masks,
    )


def _load(views: Sequence[View], cameras: Cameras) -> Float32[np.ndarray, "view height width 3"]:
    return np.stack([resize(read_image(view.image_path), cameras.width, cameras.height) for view in views])


def _own_size(scene: Scene, views: Sequence[View], widest: int) -> tuple[int, int]:
    first = views[0]
    for view in views:
        if (view.width, view.height) != (first.width, first.height):
            raise InputError(
                f"scene {scene.dataset}/{scene.name}: {view.name} is {view.width}x{view.height} and {first.name} is "
                f"{first.width}x{first.height}, but this protocol uses photographs at their own size; choose another"
            )
    width = min(first.width, widest)
    return width, round(first.height * width / first.width)


def _resized(cameras: Cameras, size: tuple[int, int]) -> Cameras:
    return Cameras.stack([camera.resized(*size) for camera in (cameras[index] for index in range(len(cameras)))])


def _through_jpeg(mask: Bool[np.ndarray, "height width"], view: View) -> Bool[np.ndarray, "height width"]:
    """What the published code leaves of a mask that it keeps under the photograph's own name (Q3)."""
    if Path(view.name).suffix.lower() not in (".jpg", ".jpeg"):
        return mask
    file = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(file, format="JPEG")
    return np.asarray(Image.open(file)) == 255
