"""Which pixels of a test view show something that a train view sees too (section 2.6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32
from scipy.ndimage import binary_closing, map_coordinates

from benchmark.cameras import Camera, project, unproject


def visible(
    true_depth: Float32[np.ndarray, "height width"] | None,
    camera: Camera,
    train_cameras: Sequence[Camera],
    train_depth: Float32[np.ndarray, "view height width"],
    train_valid: Bool[np.ndarray, "view height width"],
    tolerance: float,
) -> Bool[np.ndarray, "height width"]:
    """Pixels of the test view that some train view sees: inside its image, in front of it, at the depth it has there.

    Parameters
    ----------
    true_depth
        Of the test view. Where it is not known, a pixel counts if a train view's point falls on it and no other
        train point stands before that one.
    tolerance
        Relative difference of depth that still means the same surface.
    """
    if true_depth is None:
        return _covered(camera, train_cameras, train_depth, train_valid, tolerance)
    points = unproject(true_depth, camera)
    seen = np.zeros(true_depth.shape, bool)
    for train_camera, depth, valid in zip(train_cameras, train_depth, train_valid, strict=True):
        pixels, distance = project(points, train_camera)
        row, column, inside = nearest_pixels(pixels, distance, train_camera)
        # The nearest of the four pixels around decides, so that a slanted surface does not miss itself by half a pixel.
        closest = np.full(true_depth.shape, np.inf)
        for d_row in (-1, 0, 1):
            for d_column in (-1, 0, 1):
                r = np.clip(row + d_row, 0, train_camera.height - 1)
                c = np.clip(column + d_column, 0, train_camera.width - 1)
                difference = np.abs(distance / np.where(valid[r, c], depth[r, c], np.inf) - 1)
                closest = np.minimum(closest, difference)
        seen |= inside & (closest < tolerance)
    return seen & (true_depth > 0)


def agreeing(
    depth: Float32[np.ndarray, "height width"],
    camera: Camera,
    train_cameras: Sequence[Camera],
    train_depth: Float32[np.ndarray, "view height width"],
    tolerance: float,
) -> Bool[np.ndarray, "height width"]:
    """The same as published (section 2.6): inside some train image, and at the depth of some, perhaps another, one.

    Parameters
    ----------
    tolerance
        Absolute, in the world's unit, beside a relative one of 1e-5; train depth is interpolated bilinearly and, where
        a projection falls outside, 0.
    """
    points = unproject(depth, camera)
    inside_some, agrees_with_some = np.zeros(depth.shape, bool), np.zeros(depth.shape, bool)
    for train_camera, values in zip(train_cameras, train_depth, strict=True):
        pixels, distance = project(points, train_camera)
        finite = np.nan_to_num(pixels, nan=-1e6, posinf=-1e6, neginf=-1e6)
        inside_some |= (
            (finite[..., 0] > 0)
            & (finite[..., 0] < train_camera.width)
            & (finite[..., 1] > 0)
            & (finite[..., 1] < train_camera.height)
        )
        place = np.clip(finite[..., ::-1].transpose(2, 0, 1) - 0.5, -1e6, 1e6)
        sampled = map_coordinates(values.astype(np.float64), place, order=1, mode="constant", cval=0.0)
        agrees_with_some |= np.abs(distance - sampled) <= tolerance + 1e-5 * np.abs(sampled)
    return inside_some & agrees_with_some & (depth > 1e-6)


def _covered(
    camera: Camera,
    train_cameras: Sequence[Camera],
    train_depth: Float32[np.ndarray, "view height width"],
    train_valid: Bool[np.ndarray, "view height width"],
    tolerance: float,
) -> Bool[np.ndarray, "height width"]:
    """Pixels on which a train point falls that is nearest there; holes of a pixel are closed."""
    covered = np.zeros((camera.height, camera.width), bool)
    nearest = np.full(covered.shape, np.inf)
    hits = []
    for train_camera, depth, valid in zip(train_cameras, train_depth, train_valid, strict=True):
        pixels, distance = project(unproject(depth, train_camera)[valid], camera)
        row, column, inside = nearest_pixels(pixels, distance, camera)
        hits.append((row[inside], column[inside], distance[inside]))
        np.minimum.at(nearest, hits[-1][:2], hits[-1][2])
    for row, column, distance in hits:
        front = distance <= nearest[row, column] * (1 + tolerance)
        covered[row[front], column[front]] = True
    padded = binary_closing(np.pad(covered, 2, mode="edge"), structure=np.ones((3, 3), bool))
    return padded[2:-2, 2:-2]


def nearest_pixels(
    pixels: np.ndarray, depth: np.ndarray, camera: Camera
) -> tuple[np.ndarray, np.ndarray, Bool[np.ndarray, "*points"]]:
    """Row and column that each projection falls into (0 where outside), and which lie inside and in front."""
    finite = np.nan_to_num(pixels, nan=-1.0, posinf=-1.0, neginf=-1.0)
    column, row = np.floor(finite[..., 0]), np.floor(finite[..., 1])
    inside = (depth > 1e-6) & (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
    return np.where(inside, row, 0).astype(np.int64), np.where(inside, column, 0).astype(np.int64), inside
