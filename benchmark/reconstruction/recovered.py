"""What a method is asked, and what it answers: cameras and depth in a frame and a unit of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from benchmark.cameras import Camera
from benchmark.errors import InputError
from benchmark.protocols import Images, Reconstruct
from benchmark.reconstruction.depth import DepthMaps
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.sizes import working_size


@dataclass(frozen=True)
class Request:
    """A scene to recover.

    Attributes
    ----------
    train
        Indices of the views that are trained on.
    device
        As PyTorch names it, for methods with a network.
    """

    scene: Scene
    train: tuple[int, ...]
    images: Images
    settings: Reconstruct
    device: str = "cpu"

    @property
    def where(self) -> str:
        """The scene, for messages."""
        return f"scene {self.scene.dataset}/{self.scene.name}"

    @property
    def train_views(self) -> list[View]:
        """Views that are trained on."""
        return [self.scene.views[index] for index in self.train]

    def size(self, multiple: int = 1) -> tuple[int, int]:
        """Width and height that all views have at the working size, floored to multiples; `InputError` if they differ."""
        return common_size(self.where, [*self.train_views, *self.scene.test_views], self.images.long_side, multiple)


@dataclass(frozen=True)
class Recovered:
    """Cameras of the views that were placed, and depth of those that are trained on, in one frame.

    Attributes
    ----------
    train, test
        Indices into the scene's views, in the order of cameras and depth; views that could not be placed are absent.
    cameras, test_cameras
        Theirs, all of one size.
    depth
        Of the train views, at that size.
    points
        World points of the train views' pixels, where they are not what depth and cameras give.
    test_masks
        Pixels of the test views that some train view sees too, where the method has an own way to tell.
    left_out
        Names of the scene's views that could not be placed.
    true_frame
        Whether the frame and the unit are those of the scene's own cameras.
    facts
        Plain values for the record.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    cameras: tuple[Camera, ...]
    test_cameras: tuple[Camera, ...]
    depth: DepthMaps
    points: Float32[np.ndarray, "view height width 3"] | None = None
    test_masks: Bool[np.ndarray, "test height width"] | None = None
    left_out: tuple[str, ...] = ()
    true_frame: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


def common_size(where: str, views: Sequence[View], long_side: int, multiple: int = 1) -> tuple[int, int]:
    """The one size of all views whose longer side is at most ``long_side``, its sides floored to multiples."""
    sizes = {working_size(view.width, view.height, long_side): view.name for view in views}
    if len(sizes) != 1:
        (first, one), (second, other), *_ = sizes.items()
        raise InputError(
            f"{where}: views differ in shape ({one} is {first[0]}x{first[1]}, {other} is "
            f"{second[0]}x{second[1]} at the working size); name views of one shape in the split"
        )
    ((width, height),) = sizes
    return max(width // multiple, 1) * multiple, max(height // multiple, 1) * multiple


def resampled(
    maps: Float32[np.ndarray, "view height width"] | Bool[np.ndarray, "view height width"], width: int, height: int
) -> np.ndarray:
    """The pixel nearest to each centre of another size: a mean across an edge would be a point in the air."""
    rows = ((np.arange(height) + 0.5) * maps.shape[1] / height).astype(np.int64)
    columns = ((np.arange(width) + 0.5) * maps.shape[2] / width).astype(np.int64)
    return maps[:, rows][:, :, columns]
