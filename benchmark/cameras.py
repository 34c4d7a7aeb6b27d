"""Pinhole cameras in the one convention used everywhere.

OpenCV axes (x right, y down, z forward), world-to-camera matrices, intrinsics in pixels with the image origin at the
top-left *corner*, so the centre of the first pixel is (0.5, 0.5). Loaders convert at the door; nothing else converts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Camera:
    """One calibrated view.

    Attributes
    ----------
    world_to_camera
        Rigid transform, OpenCV axes, in the scene's unit of length.
    intrinsics
        ``[[fx, s, cx], [0, fy, cy], [0, 0, 1]]`` in pixels of an image of ``width`` x ``height``.
    """

    world_to_camera: Float[np.ndarray, "4 4"]
    intrinsics: Float[np.ndarray, "3 3"]
    width: int
    height: int

    @property
    def center(self) -> Float[np.ndarray, "3"]:
        """Optical centre in world coordinates."""
        return -self.world_to_camera[:3, :3].T @ self.world_to_camera[:3, 3]

    def resized(self, width: int, height: int) -> Camera:
        """The same camera for an image stretched to ``width`` x ``height``; each axis has its own factor."""
        scale = np.diag([width / self.width, height / self.height, 1.0])
        return replace(self, intrinsics=scale @ self.intrinsics, width=width, height=height)


@dataclass(frozen=True)
class Cameras:
    """Several cameras that share one image size."""

    world_to_camera: Float[np.ndarray, "view 4 4"]
    intrinsics: Float[np.ndarray, "view 3 3"]
    width: int
    height: int

    @classmethod
    def stack(cls, cameras: list[Camera]) -> Cameras:
        """Join cameras of equal size; ``ValueError`` if the sizes differ or the list is empty."""
        sizes = {(camera.width, camera.height) for camera in cameras}
        if len(sizes) != 1:
            raise ValueError(f"cameras: expected one image size, got {sorted(sizes)}; resize the views first")
        (width, height) = sizes.pop()
        return cls(
            np.stack([camera.world_to_camera for camera in cameras]),
            np.stack([camera.intrinsics for camera in cameras]),
            width,
            height,
        )

    def __len__(self) -> int:
        return len(self.world_to_camera)

    def __getitem__(self, index: int) -> Camera:
        return Camera(self.world_to_camera[index], self.intrinsics[index], self.width, self.height)

    @property
    def centers(self) -> Float[np.ndarray, "view 3"]:
        """Optical centres in world coordinates."""
        rotation, translation = self.world_to_camera[:, :3, :3], self.world_to_camera[:, :3, 3]
        return -np.einsum("vji,vj->vi", rotation, translation)


def unproject(depth: Float[np.ndarray, "height width"], camera: Camera) -> Float[np.ndarray, "height width 3"]:
    """World points seen at each pixel centre, from depth along the optical axis (z, not ray length)."""
    height, width = depth.shape
    columns, rows = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    rays = np.stack([columns, rows, np.ones_like(rows)], axis=-1) @ np.linalg.inv(camera.intrinsics).T
    in_camera = rays * depth[..., None]
    rotation, translation = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    return (in_camera - translation) @ rotation


def project(
    points: Float[np.ndarray, "*points 3"], camera: Camera
) -> tuple[Float[np.ndarray, "*points 2"], Float[np.ndarray, "*points"]]:
    """Pixel coordinates and depth along the optical axis; a depth <= 0 is behind the camera."""
    rotation, translation = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    in_camera = points @ rotation.T + translation
    depth = in_camera[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        pixels = (in_camera @ camera.intrinsics.T)[..., :2] / depth[..., None]
    return pixels, depth
