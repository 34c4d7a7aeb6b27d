"""Where a fitted scene is looked at from at first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from benchmark.reconstruction.reconstruction import Reconstruction
from benchmark.splatting.video import upward


@dataclass(frozen=True)
class FirstView:
    """A camera in the world of a reconstruction.

    Attributes
    ----------
    target
        Point in the middle of its picture.
    up
        Upward direction of the world, of length 1.
    fov
        Angle over the picture's longer side, in degrees.
    """

    position: Float64[np.ndarray, "3"]
    target: Float64[np.ndarray, "3"]
    up: Float64[np.ndarray, "3"]
    fov: float


def first_view(reconstruction: Reconstruction) -> FirstView:
    """From the middle train camera, towards the median depth of the points before it."""
    cameras = reconstruction.cameras
    middle = len(cameras) // 2
    position = cameras.centers[middle].astype(np.float64)
    forward = cameras.world_to_camera[middle, 2, :3].astype(np.float64)
    depth = (reconstruction.points[reconstruction.valid] - position) @ forward
    distance = float(np.median(depth[depth > 0])) if (depth > 0).any() else 1.0
    longer = max(cameras.width, cameras.height)
    fov = 2 * np.degrees(np.arctan(longer / 2 / cameras.intrinsics[middle, 0, 0]))
    return FirstView(position, position + distance * forward, upward(cameras).astype(np.float64), float(fov))
