"""Plane sweep: how well every pixel of a view agrees with other views at every hypothesis of its depth.

Collins, "A space-sweep approach to true multi-image matching", CVPR 1996; windows compared by zero-mean normalised
cross-correlation; occlusion met by keeping the best half of the sources (Kang, Szeliski and Chai, "Handling occlusions
in dense multi-view stereo", CVPR 2001).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from benchmark.cameras import Camera

# Cost of a hypothesis that no source can see: that of windows without any correlation.
UNSEEN = 1.0


def matching_costs(
    images: Sequence[Float32[np.ndarray, "height width"]],
    cameras: Sequence[Camera],
    inverse_depths: Float64[np.ndarray, "plane"],
    patch: int,
) -> Float32[np.ndarray, "height width plane"]:
    """Dissimilarity, in [0, 1], of the first view to the others at every plane parallel to its image.

    Parameters
    ----------
    images
        Grey in [0, 1]; the first is the reference, the others its sources (at least one).
    cameras
        Theirs, at the size of the images.
    inverse_depths
        1 / z of the planes in the frame of the reference.
    patch
        Odd side of the window in pixels; it is clipped at the border of the reference.

    Returns
    -------
    costs
        1 - ZNCC, clipped to [0, 1], averaged over the better half of the sources that see the whole window; 1 where
        none does.
    """
    if len(images) < 2 or len(images) != len(cameras):
        raise ValueError(f"plane sweep: expected a reference and sources, got {len(images)} images")
    if patch < 1 or patch % 2 == 0:
        raise ValueError(f"plane sweep: expected an odd patch, got {patch}")
    reference, *sources = cameras
    motions = np.stack([pixel_motion(reference, source) for source in sources])
    return _sweep(
        np.ascontiguousarray(images[0], dtype=np.float32),
        np.stack(images[1:]).astype(np.float32),
        motions,
        np.ascontiguousarray(inverse_depths, dtype=np.float64),
        patch // 2,
    )


def pixel_motion(reference: Camera, source: Camera) -> Float64[np.ndarray, "3 4"]:
    """``M`` so that a pixel (u, v) at inverse depth q lies at ``M @ (u, v, 1, q)`` (homogeneous) in the source.

    The homography of a plane parallel to the image, ``K' (R + q t n') K^-1`` with n = (0, 0, 1) (Hartley and
    Zisserman, 13.1); times z it is the depth in the source.
    """
    relative = source.world_to_camera @ np.linalg.inv(reference.world_to_camera)
    infinite = source.intrinsics @ relative[:3, :3] @ np.linalg.inv(reference.intrinsics)
    return np.concatenate([infinite, (source.intrinsics @ relative[:3, 3])[:, None]], axis=1)


@njit(nogil=True, cache=True, fastmath=True)
def _sweep(reference, sources, motions, inverse_depths, radius):  # pragma: no cover - compiled
    count = sources.shape[0]
    height, width = reference.shape
    planes = len(inverse_depths)
    volume = np.empty((height, width, planes), np.float32)
    area, mean, variance = _window_statistics(reference, radius)
    warped = np.empty((height, width), np.float32)
    outside = np.empty((height, width), np.float32)
    costs = np.empty((count, height, width), np.float32)
    kept = (count + 1) // 2
    best = np.empty(kept, np.float32)
    for plane in range(planes):
        for source in range(count):
            _warp(sources[source], motions[source], inverse_depths[plane], warped, outside)
            _correlate(reference, warped, outside, area, mean, variance, radius, costs[source])
        for row in range(height):
            for column in range(width):
                # Insertion into the few best; a cost above 1 marks a source that does not see the window.
                filled = 0
                for source in range(count):
                    cost = costs[source, row, column]
                    if cost > 1.0:
                        continue
                    place = filled if filled < kept else kept - 1
                    if filled == kept and cost >= best[place]:
                        continue
                    while place > 0 and best[place - 1] > cost:
                        best[place] = best[place - 1]
                        place -= 1
                    best[place] = cost
                    filled = min(filled + 1, kept)
                total = np.float32(0.0)
                for place in range(filled):
                    total += best[place]
                volume[row, column, plane] = total / filled if filled else UNSEEN
    return volume


@njit(nogil=True, cache=True, fastmath=True)
def _warp(source, motion, inverse_depth, warped, outside):  # pragma: no cover - compiled
    """The source as the reference would see it on one plane: bilinear; pixel centres lie at + 0.5."""
    height, width = warped.shape
    source_height, source_width = source.shape
    for row in range(height):
        v = row + 0.5
        x0 = motion[0, 1] * v + motion[0, 2] + motion[0, 3] * inverse_depth + 0.5 * motion[0, 0]
        y0 = motion[1, 1] * v + motion[1, 2] + motion[1, 3] * inverse_depth + 0.5 * motion[1, 0]
        z0 = motion[2, 1] * v + motion[2, 2] + motion[2, 3] * inverse_depth + 0.5 * motion[2, 0]
        for column in range(width):
            z = z0 + motion[2, 0] * column
            warped[row, column] = 0.0
            outside[row, column] = 1.0
            if z <= 1e-12:
                continue
            x = (x0 + motion[0, 0] * column) / z - 0.5
            y = (y0 + motion[1, 0] * column) / z - 0.5
            if not (0.0 <= x <= source_width - 1.0 and 0.0 <= y <= source_height - 1.0):
                continue
            left, top = min(int(x), source_width - 2), min(int(y), source_height - 2)
            fx, fy = np.float32(x - left), np.float32(y - top)
            upper = source[top, left] + fx * (source[top, left + 1] - source[top, left])
            lower = source[top + 1, left] + fx * (source[top + 1, left + 1] - source[top + 1, left])
            warped[row, column] = upper + fy * (lower - upper)
            outside[row, column] = 0.0


@njit(nogil=True, cache=True, fastmath=True)
def _window_statistics(image, radius):  # pragma: no cover - compiled
    height, width = image.shape
    area = np.empty((height, width), np.float32)
    mean = np.empty((height, width), np.float32)
    variance = np.empty((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            total, squares, pixels = 0.0, 0.0, 0
            for y in range(max(row - radius, 0), min(row + radius + 1, height)):
                for x in range(max(column - radius, 0), min(column + radius + 1, width)):
                    total += image[y, x]
                    squares += image[y, x] * image[y, x]
                    pixels += 1
            area[row, column] = pixels
            mean[row, column] = total / pixels
            variance[row, column] = squares / pixels - (total / pixels) ** 2
    return area, mean, variance


@njit(nogil=True, cache=True, fastmath=True)
def _correlate(reference, warped, outside, area, mean, variance, radius, cost):  # pragma: no cover - compiled
    """1 - ZNCC in [0, 1]; 2 where a part of the window lies outside the source."""
    height, width = reference.shape
    # Rows are summed first, then columns, each along contiguous memory: as fast as running sums, without their drift.
    sums = np.empty((4, width + 2 * radius), np.float32)
    # A little noise in both windows (2 grey levels of 255), so that flat ones do not correlate by chance.
    noise = np.float32((2.0 / 255.0) ** 2)
    for row in range(height):
        sums[:] = 0.0
        for y in range(max(row - radius, 0), min(row + radius + 1, height)):
            for x in range(width):
                value = warped[y, x]
                sums[0, x + radius] += outside[y, x]
                sums[1, x + radius] += value
                sums[2, x + radius] += value * value
                sums[3, x + radius] += value * reference[y, x]
        for x in range(width):
            missing, total, squares, products = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for dx in range(2 * radius + 1):
                missing += sums[0, x + dx]
                total += sums[1, x + dx]
                squares += sums[2, x + dx]
                products += sums[3, x + dx]
            pixels = area[row, x]
            average = total / pixels
            spread = max(squares / pixels - average * average, np.float32(0.0)) + noise
            covariance = products / pixels - average * mean[row, x]
            correlation = covariance / np.sqrt(spread * (variance[row, x] + noise))
            value = min(max(np.float32(1.0) - correlation, np.float32(0.0)), np.float32(1.0))
            cost[row, x] = value if missing < 0.5 else np.float32(2.0)
