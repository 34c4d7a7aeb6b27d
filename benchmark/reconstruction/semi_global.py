"""Semi-global aggregation of matching costs (Hirschmüller, "Stereo processing by semiglobal matching", PAMI 2008)."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32
from numba import njit

# Directions (row, column) from which costs flow into a pixel; the other four are seen on the way back.
FORWARD = np.array([[0, 1], [1, -1], [1, 0], [1, 1]])


def aggregate(
    costs: Float32[np.ndarray, "height width plane"],
    image: Float32[np.ndarray, "height width"],
    smooth_small: float,
    smooth_large: float,
    contrast: float = 0.04,
) -> Float32[np.ndarray, "height width plane"]:
    """Costs plus those of the cheapest path to each pixel from eight directions (section 2.3 there), their mean.

    Parameters
    ----------
    smooth_small
        Price of a step of one plane between neighbours.
    smooth_large
        Price of a larger step; divided by ``1 + |difference of grey| / contrast``, for depth jumps where grey does,
        but never below ``smooth_small``.
    """
    return _aggregate(
        np.ascontiguousarray(costs, dtype=np.float32),
        np.ascontiguousarray(image, dtype=np.float32),
        np.float32(smooth_small),
        np.float32(smooth_large),
        np.float32(1.0 / contrast),
    )


@njit(nogil=True, cache=True, fastmath=True)
def _aggregate(costs, image, small, large, sharpness):  # pragma: no cover - compiled
    height, width, planes = costs.shape
    total = np.zeros((height, width, planes), np.float32)
    for sweep in range(2):
        # Path costs of the row before and of this one, a border column and a border plane on either side.
        above = np.zeros((4, width + 2, planes + 2), np.float32)
        here = np.zeros((4, width + 2, planes + 2), np.float32)
        lowest_above = np.zeros((4, width + 2), np.float32)
        lowest_here = np.zeros((4, width + 2), np.float32)
        for step in range(height):
            row = step if sweep == 0 else height - 1 - step
            for column_step in range(width):
                column = column_step if sweep == 0 else width - 1 - column_step
                for direction in range(4):
                    sign = 1 if sweep == 0 else -1
                    from_row = row - sign * FORWARD[direction, 0]
                    from_column = column - sign * FORWARD[direction, 1]
                    path = here[direction, column + 1]
                    if not (0 <= from_row < height and 0 <= from_column < width):
                        _start(costs[row, column], path, total[row, column])
                        lowest_here[direction, column + 1] = path[1 : planes + 1].min()
                        continue
                    if FORWARD[direction, 0] == 0:
                        before = here[direction, from_column + 1]
                        lowest = lowest_here[direction, from_column + 1]
                    else:
                        before = above[direction, from_column + 1]
                        lowest = lowest_above[direction, from_column + 1]
                    edge = abs(image[row, column] - image[from_row, from_column])
                    jump = max(large / (np.float32(1.0) + sharpness * edge), small)
                    lowest_here[direction, column + 1] = _step(
                        costs[row, column], before, lowest, small, jump, path, total[row, column]
                    )
            above, here = here, above
            lowest_above, lowest_here = lowest_here, lowest_above
    total *= np.float32(1.0 / 8.0)
    return total


@njit(nogil=True, cache=True, fastmath=True)
def _start(costs, path, total):  # pragma: no cover - compiled
    planes = len(costs)
    for plane in range(planes):
        path[plane + 1] = costs[plane]
        total[plane] += costs[plane]
    path[0] = path[planes + 1] = np.float32(1e9)


@njit(nogil=True, cache=True, fastmath=True)
def _step(costs, before, lowest, small, jump, path, total):  # pragma: no cover - compiled
    """Equation 13 of the paper for all planes; returns the cheapest new path."""
    planes = len(costs)
    new_lowest = np.float32(1e9)
    for plane in range(planes):
        neighbour = min(before[plane], before[plane + 2]) + small
        best = min(min(before[plane + 1], neighbour), lowest + jump)
        value = costs[plane] + best - lowest
        path[plane + 1] = value
        total[plane] += value
        new_lowest = min(new_lowest, value)
    path[0] = path[planes + 1] = np.float32(1e9)
    return new_lowest


def winner(
    costs: Float32[np.ndarray, "height width plane"],
) -> tuple[Float32[np.ndarray, "height width"], Float32[np.ndarray, "height width"]]:
    """Cheapest plane of every pixel, refined by the parabola through it and its neighbours, and its price.

    The position is a fraction of the plane's index.
    """
    return _winner(costs)


@njit(nogil=True, cache=True)
def _winner(costs):  # pragma: no cover - compiled
    height, width, planes = costs.shape
    index = np.empty((height, width), np.float32)
    price = np.empty((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            line = costs[row, column]
            best = 0
            for plane in range(1, planes):
                if line[plane] < line[best]:
                    best = plane
            offset = np.float32(0.0)
            if 0 < best < planes - 1:
                bend = line[best - 1] - 2 * line[best] + line[best + 1]
                if bend > 0:
                    offset = np.float32(0.5) * (line[best - 1] - line[best + 1]) / bend
            index[row, column] = best + offset
            price[row, column] = line[best]
    return index, price
