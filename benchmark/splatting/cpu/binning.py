"""Which Gaussians touch which part of the image, in the order of depth.

The image is cut into square *bins* of `SIDE` pixels; an *entry* is one Gaussian in one bin. Entries of a bin lie next to
each other (their *place*, sorted by depth within the bin); entries of a Gaussian have consecutive *slots*, so that what a
bin learns about a Gaussian can be written to its slot and summed per Gaussian later, in a fixed order and without
atomics.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from benchmark.splatting.cpu.projection import BITS_OF_255, COMPILED, MARGIN, SQUARED_EXTENT_PER_BIT
from benchmark.splatting.cpu.threads import claim

SIDE = 32


@njit(**COMPILED)
def _columns_in_band(index, means2d, shapes, log_opacities, low, high):
    """Pixels in x that the ellipse spans between two pixel rows: the exact test of an ellipse against a row of bins.

    The right rim over the height dy is ``-slope dy + sqrt((t - dy^2 / yy) / precision)``, concave, so its maximum over
    an interval is at its summit held within the interval; the left rim mirrors it.
    """
    precision, slope, inverse_yy = shapes[3 * index], shapes[3 * index + 1], shapes[3 * index + 2]
    squared = np.float32(SQUARED_EXTENT_PER_BIT) * (log_opacities[index] + np.float32(BITS_OF_255))
    u, v = means2d[2 * index] - np.float32(0.5), means2d[2 * index + 1] - np.float32(0.5)
    yy = np.float32(1.0) / inverse_yy
    summit = -slope * yy * math.sqrt(squared / (np.float32(1.0) / precision + slope * slope * yy))
    top, bottom = np.float32(low) - np.float32(MARGIN) - v, np.float32(high) + np.float32(MARGIN) - v
    right_at, left_at = min(max(summit, top), bottom), min(max(-summit, top), bottom)
    zero = np.float32(0)
    right = -slope * right_at + math.sqrt(max((squared - right_at * right_at * inverse_yy) / precision, zero))
    left = -slope * left_at - math.sqrt(max((squared - left_at * left_at * inverse_yy) / precision, zero))
    return u + left - np.float32(MARGIN), u + right + np.float32(MARGIN)


@njit(**COMPILED)
def _bin_columns(index, means2d, shapes, log_opacities, box, row):
    """First and last bin, in x, of one row of bins that a Gaussian touches."""
    first, last = box[0] // SIDE, box[1] // SIDE
    # Only a Gaussian several bins wide and several high can miss a bin of its bounding box.
    if first == last or box[2] // SIDE == box[3] // SIDE:
        return first, last
    low, high = max(row * SIDE, box[2]), min(row * SIDE + SIDE - 1, box[3])
    left, right = _columns_in_band(index, means2d, shapes, log_opacities, low, high)
    left, right = max(left, np.float32(box[0])), min(right, np.float32(box[1]))
    if left > right:
        return 0, -1
    return int(math.ceil(left)) // SIDE, int(math.floor(right)) // SIDE


@njit(**COMPILED)
def _box(boxes, index):
    return int(boxes[4 * index]), int(boxes[4 * index + 1]), int(boxes[4 * index + 2]), int(boxes[4 * index + 3])


@njit(**COMPILED)
def count_entries(queue, means2d, shapes, log_opacities, boxes, size, counts):
    """Entries of every chunk of Gaussians in every bin, ``counts [camera, chunk, bin]``."""
    cameras, chunks = counts.shape[0], counts.shape[1]
    per_camera = log_opacities.shape[0] // cameras
    bins_x = (size[0] + SIDE - 1) // SIDE
    job = claim(queue)
    while job < cameras * chunks:
        camera, chunk = job // chunks, job % chunks
        row_counts = counts[camera, chunk]
        for g in range(chunk * per_camera // chunks, (chunk + 1) * per_camera // chunks):
            index = camera * per_camera + g
            box = _box(boxes, index)
            if box[0] > box[1]:
                continue
            for row in range(box[2] // SIDE, box[3] // SIDE + 1):
                first, last = _bin_columns(index, means2d, shapes, log_opacities, box, row)
                for column in range(first, last + 1):
                    row_counts[row * bins_x + column] += 1
        job = claim(queue)


@njit(**COMPILED)
def fill_entries(
    queue, means2d, shapes, log_opacities, boxes, size, places, slots, entry_gaussian, entry_slot, first_slot
):
    """Write every entry to its place. ``places [camera, chunk, bin]`` and ``slots [camera, chunk]`` are where each
    chunk begins; ``first_slot`` receives where each Gaussian begins."""  # noqa: D209
    cameras, chunks = places.shape[0], places.shape[1]
    per_camera = log_opacities.shape[0] // cameras
    bins_x = (size[0] + SIDE - 1) // SIDE
    job = claim(queue)
    while job < cameras * chunks:
        camera, chunk = job // chunks, job % chunks
        place = places[camera, chunk]
        slot = slots[camera, chunk]
        for g in range(chunk * per_camera // chunks, (chunk + 1) * per_camera // chunks):
            index = camera * per_camera + g
            first_slot[index] = slot
            box = _box(boxes, index)
            if box[0] > box[1]:
                continue
            for row in range(box[2] // SIDE, box[3] // SIDE + 1):
                first, last = _bin_columns(index, means2d, shapes, log_opacities, box, row)
                for column in range(first, last + 1):
                    at = place[row * bins_x + column]
                    place[row * bins_x + column] = at + 1
                    entry_gaussian[at] = index
                    entry_slot[at] = slot
                    slot += 1
        job = claim(queue)


@njit(**COMPILED)
def sort_by_depth(depths, gaussians, slots):
    """Stable radix sort of one bin's entries by depth, in place; depths are positive, so their bits are in order."""
    n = gaussians.shape[0]
    bits = depths.view(np.uint32)
    keys, order = np.empty(n, np.uint32), np.empty(n, np.int32)
    for k in range(n):
        keys[k] = bits[gaussians[k]]
        order[k] = k
    other_keys, other_order = np.empty(n, np.uint32), np.empty(n, np.int32)
    histogram = np.empty(256, np.int32)
    for shift in (0, 8, 16, 24):
        for digit in range(256):
            histogram[digit] = 0
        for k in range(n):
            histogram[(keys[k] >> shift) & 255] += 1
        if histogram[(keys[0] >> shift) & 255] == n:
            continue
        running = 0
        for digit in range(256):
            running, histogram[digit] = running + histogram[digit], running
        for k in range(n):
            digit = (keys[k] >> shift) & 255
            at = histogram[digit]
            histogram[digit] = at + 1
            other_keys[at] = keys[k]
            other_order[at] = order[k]
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
    for k in range(n):
        other_order[k] = gaussians[order[k]]
    for k in range(n):
        gaussians[k], other_order[k] = other_order[k], slots[order[k]]
    for k in range(n):
        slots[k] = other_order[k]
