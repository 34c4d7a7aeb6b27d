"""`Reconstruction`: cameras, one point a pixel and masks, all in one world frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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
    scale, rotation, center
        The world is ``x' = scale * rotation @ (x - center)`` of the scene's own cameras, so a length divided by
        ``scale`` is in the scene's own unit; where the scene has no cameras, of the method's own frame.
    train_views, test_views
        Names of the views that cameras and pixels belong to, in their order.
    left_out
        Names of the views that could not be placed.
    facts
        Plain values about how it was made, for the record.
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
    train_views: tuple[str, ...] = ()
    test_views: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    true_points: Float32[np.ndarray, "view height width 3"] | None = None
    true_valid: Bool[np.ndarray, "view height width"] | None = None
    rotation: Float32[np.ndarray, "3 3"] = field(default_factory=lambda: np.eye(3, dtype=np.float32))
    facts: dict[str, Any] = field(default_factory=dict)
