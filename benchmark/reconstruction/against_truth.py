"""Estimated cameras beside the true ones, after the similarity that brings one frame to the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmark.cameras import Camera


@dataclass(frozen=True)
class Comparison:
    """How estimated cameras lie to the true ones.

    Attributes
    ----------
    scale, rotation, translation
        ``x_true = scale * rotation @ x + translation``.
    rotation_errors
        In degrees, a view.
    center_errors
        Distance of the centres in the true unit, a view.
    focal_errors
        Relative, a view.
    """

    scale: float
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]
    rotation_errors: Float[np.ndarray, "view"]
    center_errors: Float[np.ndarray, "view"]
    focal_errors: Float[np.ndarray, "view"]


def compare(estimated: Sequence[Camera], true: Sequence[Camera]) -> Comparison:
    """Align the frames by the cameras' orientations and centres, and measure what is left.

    The rotation is the mean of what each view asks (chordal, Hartley et al., "Rotation averaging", IJCV 2013, 5.3), so
    two views are enough and a straight row of centres is; scale and shift follow from the centres in least squares.
    Intrinsics are compared at the size of the estimated cameras.
    """
    turns = np.stack(
        [t.world_to_camera[:3, :3].T @ e.world_to_camera[:3, :3] for e, t in zip(estimated, true, strict=True)]
    )
    left, _, right = np.linalg.svd(turns.sum(axis=0))
    rotation = left @ np.diag([1.0, 1.0, np.linalg.det(left) * np.linalg.det(right)]) @ right
    centers = np.stack([camera.center for camera in estimated]) @ rotation.T
    targets = np.stack([camera.center for camera in true])
    moved, wanted = centers - centers.mean(axis=0), targets - targets.mean(axis=0)
    spread = float((moved**2).sum())
    scale = float((moved * wanted).sum()) / spread if spread > 0 else 1.0
    translation = targets.mean(axis=0) - scale * centers.mean(axis=0)
    cosines = (np.einsum("vij,ij->v", turns, rotation) - 1) / 2
    focal = [
        e.intrinsics[0, 0] / t.resized(e.width, e.height).intrinsics[0, 0] - 1
        for e, t in zip(estimated, true, strict=True)
    ]
    return Comparison(
        scale=scale,
        rotation=rotation,
        translation=translation,
        rotation_errors=np.degrees(np.arccos(np.clip(cosines, -1, 1))),
        center_errors=np.linalg.norm(scale * centers + translation - targets, axis=-1),
        focal_errors=np.array(focal),
    )


def transformed(camera: Camera, scale: float, rotation: np.ndarray, translation: np.ndarray) -> Camera:
    """The camera in a frame where points are ``scale * rotation @ x + translation``."""
    pose = np.eye(4)
    pose[:3, :3] = camera.world_to_camera[:3, :3] @ rotation.T
    center = scale * rotation @ camera.center + translation
    pose[:3, 3] = -pose[:3, :3] @ center
    return Camera(pose, camera.intrinsics, camera.width, camera.height)
