"""`Reconstruction`: cameras, one point a pixel and masks, all in one world frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float32

from benchmark.cameras import Cameras


@dataclass(frozen=True)
class Reconstruction:
    """What a method made of a scene's photographs; shared by every entry, mode and seed.

    Attributes
    ----------
    method
        Name of the method (``known``, ``colmap`` ...).
    cameras, test_cameras
        Of the train and test views at the working size, in the same world frame.
    points
        World point seen at each pixel of each train view.
    colors
        sRGB in [0, 1] at the working size.
    confidence
        In [0, 1]; 1 where the depth is true.
    valid
        Pixels that become a Gaussian.
    test_masks
        Pixels of the test views that some train view sees too.
    true_points, true_valid
        The same grid from true depth, where the scene has it; else None. Only metrics may read it.
    scale, center
        The world was normalised by ``x' = scale * (x - center)``, so a length divided by ``scale`` is in the scene's
        own unit.
    """

    method: str
    cameras: Cameras
    test_cameras: Cameras
    points: Float32[np.ndarray, "view height width 3"]
    colors: Float32[np.ndarray, "view height width 3"]
    confidence: Float32[np.ndarray, "view height width"]
    valid: Bool[np.ndarray, "view height width"]
    test_masks: Bool[np.ndarray, "test height width"]
    scale: float
    center: Float32[np.ndarray, "3"]
    true_points: Float32[np.ndarray, "view height width 3"] | None = None
    true_valid: Bool[np.ndarray, "view height width"] | None = None
