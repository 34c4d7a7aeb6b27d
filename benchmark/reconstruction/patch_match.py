"""Slanted windows: depth and slope of every pixel refined by propagation and small random steps.

Bleyer, Rhemann and Rother, "PatchMatch stereo: stereo matching with slanted support windows", BMVC 2011, between
several views as in Schönberger et al., "Pixelwise view selection for unstructured multi-view stereo", ECCV 2016
(bilaterally weighted correlation, forward-backward reprojection error).

A plane in space is affine in inverse depth over the image, so a hypothesis is (q, dq/du, dq/dv).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64
from numba import njit

from benchmark.cameras import Camera
from benchmark.reconstruction.plane_sweep import NOISE_VARIANCE, pixel_motion

# Bilateral weight of a window's pixel: exp(-|grey difference| / 0.05 - distance / radius).
GREY_SIGMA = 0.05
LEVELS = 256
# Forward-backward error in pixels beyond which two views disagree altogether.
MAX_REPROJECTION = 3.0


def refine(
    images: Sequence[Float32[np.ndarray, "height width"]],
    cameras: Sequence[Camera],
    planes: Float64[np.ndarray, "height width 3"],
    bounds: tuple[float, float],
    steps: tuple[float, float],
    radius: int = 3,
    iterations: int = 3,
    others: Sequence[Float64[np.ndarray, "height width"]] | None = None,
    agreement: float = 0.0,
    seed: int = 0,
) -> tuple[Float64[np.ndarray, "height width 3"], Float32[np.ndarray, "height width"]]:
    """Better planes for the first view, and what they cost: 1 - weighted ZNCC, mean over the better half of sources.

    Parameters
    ----------
    images, cameras
        Grey in [0, 1]; the first view is the reference, the others its sources.
    planes
        Inverse depth and its change per pixel along u and v.
    bounds
        Smallest and largest inverse depth that is tried.
    steps
        Largest random step of inverse depth and of slope in the first iteration; halved in each later one.
    others, agreement
        Inverse depth of the sources, and the price of one pixel of forward-backward reprojection error against them
        (at most 3 pixels); 0 compares photographs only.
    """
    reference, *sources = cameras
    forward = np.stack([pixel_motion(reference, source) for source in sources])
    backward = np.stack([pixel_motion(source, reference) for source in sources])
    grey = np.stack(images[1:]).astype(np.float32)
    refined = np.array(planes, dtype=np.float64, order="C")
    depths = np.stack(others) if others is not None else np.zeros((len(sources), 1, 1))
    cost = _refine(
        np.ascontiguousarray(images[0], dtype=np.float32),
        grey,
        forward,
        backward,
        depths.astype(np.float64),
        float(agreement if others is not None else 0.0),
        refined,
        *bounds,
        *steps,
        radius,
        iterations,
        seed,
    )
    return refined, cost


@njit(nogil=True, cache=True, fastmath=True)
def _refine(
    reference, sources, forward, backward, depths, agreement, planes, lowest, highest, step, slope, radius, iterations, seed
):  # pragma: no cover - compiled
    height, width = reference.shape
    side = 2 * radius + 1
    near = np.empty((side, side), np.float32)
    for dy in range(side):
        for dx in range(side):
            near[dy, dx] = np.exp(-np.sqrt((dy - radius) ** 2.0 + (dx - radius) ** 2.0) / radius)
    alike = np.exp(-np.arange(LEVELS) / (LEVELS - 1.0) / GREY_SIGMA).astype(np.float32)
    weight, centred = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    best = np.empty((len(sources) + 1) // 2, np.float32)
    cost = np.empty((height, width), np.float32)
    state = np.array([seed], np.uint32)
    for iteration in range(-1, iterations):  # the first pass prices what is given
        sign = 1 if iteration % 2 == 0 else -1
        shrink = 0.5 ** max(iteration, 0)
        for i in range(height):
            row = i if sign > 0 else height - 1 - i
            for j in range(width):
                column = j if sign > 0 else width - 1 - j
                spread = _window(reference, row, column, near, alike, weight, centred)
                if iteration < 0:
                    q, gu, gv = planes[row, column]
                    cost[row, column] = _price(
                        sources, forward, backward, depths, agreement, row, column, q, gu, gv, weight, centred, spread, best
                    )
                    continue
                for trial in range(4):
                    if trial < 2:
                        y, x = (row - sign, column) if trial == 0 else (row, column - sign)
                        if not (0 <= y < height and 0 <= x < width):
                            continue
                        q, gu, gv = planes[y, x]
                        q += gu * (column - x) + gv * (row - y)
                    else:
                        scale = shrink if trial == 2 else 0.25 * shrink
                        q, gu, gv = planes[row, column]
                        q += scale * step * _random(state)
                        gu += scale * slope * _random(state)
                        gv += scale * slope * _random(state)
                    if not (lowest <= q <= highest):
                        continue
                    price = _price(
                        sources, forward, backward, depths, agreement, row, column, q, gu, gv, weight, centred, spread, best
                    )
                    if price < cost[row, column]:
                        cost[row, column] = price
                        planes[row, column, 0], planes[row, column, 1], planes[row, column, 2] = q, gu, gv
    return cost


@njit(nogil=True, cache=True, fastmath=True)
def _random(state):  # pragma: no cover - compiled
    """Uniform in [-1, 1): a linear congruential generator (Numerical Recipes), the same on every machine."""
    state[0] = state[0] * np.uint32(1664525) + np.uint32(1013904223)
    return (state[0] >> np.uint32(8)) / 8388608.0 - 1.0


@njit(nogil=True, cache=True, fastmath=True)
def _window(image, row, column, near, alike, weight, centred):  # pragma: no cover - compiled
    """Weights that sum to one, and ``weight * (grey - mean)``; returns the weighted variance."""
    height, width = image.shape
    side = len(near)
    radius = side // 2
    total, mean = np.float32(0.0), np.float32(0.0)
    for dy in range(side):
        y = row + dy - radius
        for dx in range(side):
            x = column + dx - radius
            if 0 <= y < height and 0 <= x < width:
                difference = abs(image[y, x] - image[row, column])
                value = near[dy, dx] * alike[int(difference * np.float32(LEVELS - 1))]
                weight[dy, dx] = value
                centred[dy, dx] = image[y, x]
                total += value
                mean += value * image[y, x]
            else:
                weight[dy, dx] = centred[dy, dx] = 0.0
    mean /= total
    variance = np.float32(0.0)
    for dy in range(side):
        for dx in range(side):
            weight[dy, dx] /= total
            difference = centred[dy, dx] - mean
            centred[dy, dx] = weight[dy, dx] * difference
            variance += centred[dy, dx] * difference
    return variance


@njit(nogil=True, cache=True, fastmath=True)
def _price(
    sources, forward, backward, depths, agreement, row, column, q, gu, gv, weight, centred, spread, best
):  # pragma: no cover - compiled
    """Mean over the better half of the sources that see the pixel; 1 (and full disagreement) where none does."""
    kept, filled = len(best), 0
    for source in range(len(sources)):
        price = _dissimilarity(sources[source], forward[source], row, column, q, gu, gv, weight, centred, spread)
        if price > 1.0:
            continue
        if agreement > 0:
            price += agreement * _reprojection_error(depths[source], forward[source], backward[source], row, column, q)
        place = filled if filled < kept else kept - 1
        if filled == kept and price >= best[place]:
            continue
        while place > 0 and best[place - 1] > price:
            best[place] = best[place - 1]
            place -= 1
        best[place] = price
        filled = min(filled + 1, kept)
    if filled == 0:
        return np.float32(1.0 + agreement * MAX_REPROJECTION)
    total = np.float32(0.0)
    for place in range(filled):
        total += best[place]
    return total / np.float32(filled)


@njit(nogil=True, cache=True, fastmath=True)
def _dissimilarity(source, motion, row, column, q, gu, gv, weight, centred, spread):  # pragma: no cover - compiled
    """1 - ZNCC in [0, 1]; 2 where the source does not see the pixel.

    The window is carried over by the affine part of the plane's homography: over a few pixels the rest is nothing.
    """
    height, width = source.shape
    u, v = column + 0.5, row + 0.5
    z = motion[2, 0] * u + motion[2, 1] * v + motion[2, 2] + motion[2, 3] * q
    if z <= 1e-12:
        return np.float32(2.0)
    x = (motion[0, 0] * u + motion[0, 1] * v + motion[0, 2] + motion[0, 3] * q) / z
    y = (motion[1, 0] * u + motion[1, 1] * v + motion[1, 2] + motion[1, 3] * q) / z
    if not (0.0 <= x <= width and 0.0 <= y <= height):
        return np.float32(2.0)
    z_u, z_v = motion[2, 0] + gu * motion[2, 3], motion[2, 1] + gv * motion[2, 3]
    x_u = np.float32((motion[0, 0] + gu * motion[0, 3] - x * z_u) / z)
    x_v = np.float32((motion[0, 1] + gv * motion[0, 3] - x * z_v) / z)
    y_u = np.float32((motion[1, 0] + gu * motion[1, 3] - y * z_u) / z)
    y_v = np.float32((motion[1, 1] + gv * motion[1, 3] - y * z_v) / z)
    side = len(weight)
    radius = side // 2
    right, bottom = np.float32(width - 1), np.float32(height - 1)
    mean, squares, covariance = np.float32(0.0), np.float32(0.0), np.float32(0.0)
    for dy in range(side):
        start_x = np.float32(x - 0.5) + x_v * np.float32(dy - radius) - x_u * np.float32(radius)
        start_y = np.float32(y - 0.5) + y_v * np.float32(dy - radius) - y_u * np.float32(radius)
        for dx in range(side):
            share = weight[dy, dx]
            if share < np.float32(1e-4):
                continue
            at_x = min(max(start_x + x_u * np.float32(dx), np.float32(0.0)), right)
            at_y = min(max(start_y + y_u * np.float32(dx), np.float32(0.0)), bottom)
            left, top = min(np.int64(at_x), width - 2), min(np.int64(at_y), height - 2)
            fx, fy = at_x - np.float32(left), at_y - np.float32(top)
            upper = source[top, left] + fx * (source[top, left + 1] - source[top, left])
            lower = source[top + 1, left] + fx * (source[top + 1, left + 1] - source[top + 1, left])
            value = upper + fy * (lower - upper)
            mean += share * value
            squares += share * value * value
            covariance += centred[dy, dx] * value
    noise = np.float32(NOISE_VARIANCE)
    other = max(squares - mean * mean, np.float32(0.0))
    correlation = covariance / np.sqrt((other + noise) * (spread + noise))
    return min(max(np.float32(1.0) - correlation, np.float32(0.0)), np.float32(1.0))


@njit(nogil=True, cache=True, fastmath=True)
def _reprojection_error(depth, forward, backward, row, column, q):  # pragma: no cover - compiled
    """Distance in pixels, at most 3, between a pixel and where the source's own depth puts it back."""
    height, width = depth.shape
    u, v = column + 0.5, row + 0.5
    z = forward[2, 0] * u + forward[2, 1] * v + forward[2, 2] + forward[2, 3] * q
    if z <= 1e-12:
        return MAX_REPROJECTION
    x = (forward[0, 0] * u + forward[0, 1] * v + forward[0, 2] + forward[0, 3] * q) / z
    y = (forward[1, 0] * u + forward[1, 1] * v + forward[1, 2] + forward[1, 3] * q) / z
    if not (0 <= x < width and 0 <= y < height):
        return MAX_REPROJECTION
    there = depth[int(y), int(x)]
    z = backward[2, 0] * x + backward[2, 1] * y + backward[2, 2] + backward[2, 3] * there
    if z <= 1e-12:
        return MAX_REPROJECTION
    back_u = (backward[0, 0] * x + backward[0, 1] * y + backward[0, 2] + backward[0, 3] * there) / z
    back_v = (backward[1, 0] * x + backward[1, 1] * y + backward[1, 2] + backward[1, 3] * there) / z
    return min(np.sqrt((back_u - u) ** 2 + (back_v - v) ** 2), MAX_REPROJECTION)
