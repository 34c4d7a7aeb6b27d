"""Gradients of blending, back to front: the transmittance before each Gaussian is won back by division.

What lies behind a Gaussian is accumulated from the back (never as total minus front, which cancels), so that deep
Gaussians keep their relative accuracy.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from benchmark.splatting.cpu.binning import SIDE
from benchmark.splatting.cpu.forward import (
    AREA,
    COLOR,
    INVERSE_YY,
    MAX_ALPHA,
    PITCH,
    PRECISION,
    SLOPE,
    U,
    V,
    strip_exponents,
)
from benchmark.splatting.cpu.projection import BLOCK, COMPILED
from benchmark.splatting.cpu.simd import (
    LANES,
    fma,
    lane_numbers,
    load,
    minimum,
    splat,
    store,
    total,
    where,
)
from benchmark.splatting.cpu.simd_functions import power_of_two

# A row of gradients: to u, v, precision, slope, 1 / yy, ln of opacity; then to the colour.
GEOMETRY = 6
TWO_LN_2 = 2.0 * math.log(2.0)


@njit(**COMPILED)
def load_bin(width, height, corner, row_pitch, transmittance, channels, v_render, v_alphas, clear, v_image, behind):
    """Fill a worker's planes: what remains of each pixel, its gradient, and the gradient's product with what is behind
    the last Gaussian (the background's part and alpha's)."""  # noqa: D209
    for y in range(height):
        for x in range(width):
            pixel, source = y * PITCH + x, corner + y * row_pitch + x
            clear[pixel] = abs(transmittance[pixel])
            through = -v_alphas[source] * clear[pixel]
            behind[pixel] = through
            for channel in range(len(channels)):
                v_image[(y * len(channels) + channel) * PITCH + x] = v_render[source * len(channels) + channel]


@njit(**COMPILED)
def add_background(width, height, background, channels, clear, v_image, behind):
    """The part of the gradient that passes through what remains of a pixel to the background."""
    for y in range(height):
        for x in range(width):
            pixel = y * PITCH + x
            for channel in range(len(channels)):
                behind[pixel] += v_image[(y * len(channels) + channel) * PITCH + x] * background[channel] * clear[pixel]


@njit(**COMPILED)
def differentiate_strip(entries, at, channels, x, found, clear, v_image, behind, rows, weights, v_exponents):
    """Gradients to the exponents of `strip_exponents`, which lie in ``weights`` and give way to the weights of blending.

    Moves the planes from behind the Gaussian to before it.
    """
    for j in range(found):
        store(weights, j * LANES, power_of_two(load(weights, j * LANES)))
    for j in range(found):
        pixel, line = rows[j] * PITCH + x, rows[j] * len(channels) * PITCH + x
        free = load(weights, j * LANES)
        alpha = minimum(free, MAX_ALPHA)
        inverse = 1.0 / (1.0 - alpha)
        before = load(clear, pixel) * inverse
        store(clear, pixel, before)
        weight = alpha * before
        store(weights, j * LANES, weight)
        along = splat(0.0)
        for channel in range(len(channels)):
            along = fma(load(v_image, line + channel * PITCH), entries[at + COLOR + channel], along)
        rest = load(behind, pixel)
        store(behind, pixel, fma(weight, along, rest))
        v_exponent = where(free <= MAX_ALPHA, (before * along - rest * inverse) * alpha, 0.0)
        store(v_exponents, j * LANES, v_exponent)


@njit(**COMPILED)
def differentiate_entry(
    k, entries, at, spans, box, channels, ended_at, clear, v_image, behind, v_color, rows, weights, v_exponents, row,
    v_entries,
):  # fmt: skip
    """Walk the pixels of one entry and write its row of gradients."""
    zero = splat(0.0)
    s0, s1, s2, sy, s1y, syy = zero, zero, zero, zero, zero, zero
    for channel in range(len(channels)):
        store(v_color, channel * LANES, zero)
    u, v, slope, inverse_yy = entries[at + U], entries[at + V], entries[at + SLOPE], entries[at + INVERSE_YY]
    top, bottom = np.int64(spans[box + 2]), np.int64(spans[box + 3])
    for x in range(np.int64(spans[box]), np.int64(spans[box + 1]) + 1, LANES):
        found = strip_exponents(entries, at, x, top, bottom, ended_at, np.float32(k), weights, rows)
        differentiate_strip(entries, at, channels, x, found, clear, v_image, behind, rows, weights, v_exponents)
        columns = lane_numbers() + (np.float32(x) - u)
        for j in range(found):
            dy = np.float32(rows[j]) - v
            across = columns + slope * dy
            v_exponent = load(v_exponents, j * LANES)
            moment, shift = v_exponent * across, v_exponent * dy
            s0, s1, s2 = s0 + v_exponent, s1 + moment, fma(moment, across, s2)
            sy, s1y, syy = sy + shift, fma(moment, dy, s1y), fma(shift, dy, syy)
        for channel in range(len(channels)):
            added = load(v_color, channel * LANES)
            for j in range(found):
                added = fma(
                    load(weights, j * LANES), load(v_image, (rows[j] * len(channels) + channel) * PITCH + x), added
                )
            store(v_color, channel * LANES, added)
    a = np.float32(TWO_LN_2) * entries[at + PRECISION]
    sum_1 = total(s1)
    v_entries[row] = a * sum_1
    v_entries[row + 1] = a * slope * sum_1 + np.float32(TWO_LN_2) * inverse_yy * total(sy)
    v_entries[row + 2] = np.float32(-0.5) * total(s2)
    v_entries[row + 3] = -a * total(s1y)
    v_entries[row + 4] = np.float32(-0.5) * total(syy)
    v_entries[row + 5] = total(s0)
    for channel in range(len(channels)):
        v_entries[row + GEOMETRY + channel] = total(load(v_color, channel * LANES))


@njit(**COMPILED)
def differentiate_bins(
    worker, workers, order, starts, size, slots, entries, spans, transmittances, ended_at, looked_at, backgrounds, channels,
    v_render, v_alphas, v_entries,
):  # fmt: skip
    """Gradients of every entry, each in the row of its slot."""
    width, height = size
    bins_x, bins_y = (width + SIDE - 1) // SIDE, (height + SIDE - 1) // SIDE
    stride, row_length = COLOR + len(channels), GEOMETRY + len(channels)
    v_image = np.zeros(len(channels) * AREA, np.float32)
    clear, behind = np.zeros(AREA, np.float32), np.zeros(AREA, np.float32)
    v_color = np.empty(len(channels) * LANES, np.float32)
    weights, v_exponents = np.empty(SIDE * LANES, np.float32), np.empty(SIDE * LANES, np.float32)
    rows = np.empty(SIDE, np.int64)
    for job in range(worker, order.shape[0], workers):
        number = order[job]
        camera, row, column = number // (bins_x * bins_y), number % (bins_x * bins_y) // bins_x, number % bins_x
        begin, end = starts[number], starts[number + 1]
        for place in range(begin + looked_at[number], end):
            for column_of_row in range(row_length):
                v_entries[slots[place] * row_length + column_of_row] = 0.0
        x, y = column * SIDE, row * SIDE
        inside = (min(SIDE, width - x), min(SIDE, height - y))
        corner = (camera * height + y) * width + x
        load_bin(
            inside[0], inside[1], corner, width, transmittances[number], channels, v_render, v_alphas,
            clear, v_image, behind,
        )  # fmt: skip
        add_background(inside[0], inside[1], backgrounds[camera], channels, clear, v_image, behind)
        for k in range(looked_at[number] - 1, -1, -1):
            place = begin + k
            differentiate_entry(
                k, entries, place * stride, spans, 4 * place, channels, ended_at[number], clear, v_image, behind,
                v_color, rows, weights, v_exponents, slots[place] * row_length, v_entries,
            )  # fmt: skip


@njit(**COMPILED)
def sum_entries(
    worker,
    workers,
    first_slot,
    v_entries,
    opacities,
    channels,
    v_means2d,
    v_shapes,
    v_opacities,
    v_colors,
    shared_colors,
):
    """Add the rows of every Gaussian; colours that all cameras share are summed over cameras as well."""
    per_camera = v_opacities.shape[1]
    cameras = v_opacities.shape[0]
    row_length = GEOMETRY + len(channels)
    for block in range(worker, (per_camera + BLOCK - 1) // BLOCK, workers):
        sums = np.empty(row_length, np.float32)
        for g in range(block * BLOCK, min((block + 1) * BLOCK, per_camera)):
            for camera in range(cameras):
                index = camera * per_camera + g
                for column in range(row_length):
                    sums[column] = 0.0
                for slot in range(first_slot[index], first_slot[index + 1]):
                    for column in range(row_length):
                        sums[column] += v_entries[slot * row_length + column]
                v_means2d[camera, g, 0], v_means2d[camera, g, 1] = sums[0], sums[1]
                v_shapes[camera, g, 0], v_shapes[camera, g, 1], v_shapes[camera, g, 2] = sums[2], sums[3], sums[4]
                v_opacities[camera, g] = sums[5] / opacities[index] if sums[5] != 0 else np.float32(0)
                color = (g if shared_colors else index) * len(channels)
                for channel in range(len(channels)):
                    if shared_colors and camera > 0:
                        v_colors[color + channel] += sums[GEOMETRY + channel]
                    else:
                        v_colors[color + channel] = sums[GEOMETRY + channel]
