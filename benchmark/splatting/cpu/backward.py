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
    CUT,
    GROUP,
    INVERSE_YY,
    LOG_OPACITY,
    MAX_ALPHA,
    PRECISION,
    SLOPE,
    U,
    V,
    box_of,
    exponent_of,
)
from benchmark.splatting.cpu.projection import BLOCK, COMPILED
from benchmark.splatting.cpu.simd import (
    LANES,
    fma,
    lane_numbers,
    load,
    minimum,
    pointer,
    prefetch,
    splat,
    store,
    total,
    where,
)
from benchmark.splatting.cpu.simd_functions import power_of_two
from benchmark.splatting.cpu.threads import claim

# A row of gradients: to u, v, precision, slope, 1 / yy, ln of opacity; then to the colour.
GEOMETRY = COLOR
TWO_LN_2 = 2.0 * math.log(2.0)


@njit(**COMPILED)
def load_bin(
    width, height, corner, row_pitch, transmittance, background, v_render, v_alphas, clear, v_image, pitch, behind
):
    """Fill a worker's planes: what remains of each pixel, its gradient, and the gradient's product with what is behind
    the last Gaussian (the background's part and alpha's)."""  # noqa: D209
    channels = background.shape[0]
    for y in range(height):
        for x in range(width):
            pixel, source = y * SIDE + x, corner + y * row_pitch + x
            remains = abs(transmittance[pixel])
            through = -v_alphas[source]
            for channel in range(channels):
                v = v_render[source * channels + channel]
                v_image[y * pitch + channel * SIDE + x] = v
                through += v * background[channel]
            clear[pixel] = remains
            behind[pixel] = through * remains


@njit(**COMPILED)
def shine_through(first, top, bottom, x, entries, color, channels, v_image, along):
    """Add the product of the colour from channel ``first`` on with the gradient of every row's strip to ``along``."""
    for channel in range(first, channels, GROUP):
        for y in range(top, bottom + 1):
            added = load(along, y * LANES)
            for k in range(channel, channel + GROUP):
                added = fma(load(v_image, (y * channels + k) * SIDE + x), entries[color + k], added)
            store(along, y * LANES, added)


@njit(**COMPILED)
def differentiate_entry(
    number, place, entries, stride, spans, ended_at, clear, v_image, behind, along, weights, v_colors, v_entries, row
):
    """Walk the pixels of one entry, move the planes from behind it to before it, and write its row of gradients."""
    at, color, channels = place * stride, place * stride + COLOR, stride - COLOR
    u, v, slope, precision = entries[at + U], entries[at + V], entries[at + SLOPE], entries[at + PRECISION]
    inverse_yy, log_opacity = entries[at + INVERSE_YY], entries[at + LOG_OPACITY]
    left, right, top, bottom = box_of(spans, place)
    zero = splat(0.0)
    s0, s1, s2, sy, s1y, syy = zero, zero, zero, zero, zero, zero
    red, green, blue, fourth = zero, zero, zero, zero
    for channel in range(GROUP, channels):
        store(v_colors, channel * LANES, zero)
    for x in range(left, right + 1, LANES):
        columns = lane_numbers() + (np.float32(x) - u)
        if channels > GROUP:
            for y in range(top, bottom + 1):
                store(along, y * LANES, zero)
            shine_through(GROUP, top, bottom, x, entries, color, channels, v_image, along)
        for y in range(top, bottom + 1):
            pixel, line = y * SIDE + x, y * channels * SIDE + x
            dy = np.float32(y) - v
            exponent, across = exponent_of(columns, dy, slope, precision, inverse_yy, log_opacity)
            drawn = (exponent >= CUT) & (load(ended_at, pixel) > np.float32(number))
            free = where(drawn, power_of_two(exponent), 0.0)
            alpha = minimum(free, MAX_ALPHA)
            inverse = 1.0 / (1.0 - alpha)
            before = load(clear, pixel) * inverse
            weight = alpha * before
            v0, v1, v2, v3 = (
                load(v_image, line),
                load(v_image, line + SIDE),
                load(v_image, line + 2 * SIDE),
                load(v_image, line + 3 * SIDE),
            )
            light = fma(v0, entries[color], load(along, y * LANES))
            light = fma(v1, entries[color + 1], light)
            light = fma(v2, entries[color + 2], light)
            light = fma(v3, entries[color + 3], light)
            rest = load(behind, pixel)
            store(clear, pixel, before)
            store(behind, pixel, fma(weight, light, rest))
            store(weights, y * LANES, weight)
            red, green, blue, fourth = (
                fma(weight, v0, red),
                fma(weight, v1, green),
                fma(weight, v2, blue),
                fma(weight, v3, fourth),
            )
            v_exponent = where(free <= MAX_ALPHA, (before * light - rest * inverse) * alpha, 0.0)
            moment, shift = v_exponent * across, v_exponent * dy
            s0, s1, s2 = s0 + v_exponent, s1 + moment, fma(moment, across, s2)
            sy, s1y, syy = sy + shift, fma(moment, dy, s1y), fma(shift, dy, syy)
        for channel in range(GROUP, channels, GROUP):
            a, b, c, d = (
                load(v_colors, channel * LANES),
                load(v_colors, (channel + 1) * LANES),
                load(v_colors, (channel + 2) * LANES),
                load(v_colors, (channel + 3) * LANES),
            )
            for y in range(top, bottom + 1):
                weight, line = load(weights, y * LANES), (y * channels + channel) * SIDE + x
                a, b = fma(weight, load(v_image, line), a), fma(weight, load(v_image, line + SIDE), b)
                c = fma(weight, load(v_image, line + 2 * SIDE), c)
                d = fma(weight, load(v_image, line + 3 * SIDE), d)
            store(v_colors, channel * LANES, a)
            store(v_colors, (channel + 1) * LANES, b)
            store(v_colors, (channel + 2) * LANES, c)
            store(v_colors, (channel + 3) * LANES, d)
    a = np.float32(TWO_LN_2) * precision
    sum_1 = total(s1)
    v_entries[row] = a * sum_1
    v_entries[row + 1] = a * slope * sum_1 + np.float32(TWO_LN_2) * inverse_yy * total(sy)
    v_entries[row + 2] = np.float32(-0.5) * total(s2)
    v_entries[row + 3] = -a * total(s1y)
    v_entries[row + 4] = np.float32(-0.5) * total(syy)
    v_entries[row + 5] = total(s0)
    v_entries[row + GEOMETRY] = total(red)
    v_entries[row + GEOMETRY + 1] = total(green)
    v_entries[row + GEOMETRY + 2] = total(blue)
    v_entries[row + GEOMETRY + 3] = total(fourth)
    for channel in range(GROUP, channels):
        v_entries[row + GEOMETRY + channel] = total(load(v_colors, channel * LANES))


@njit(**COMPILED)
def differentiate_entries(
    begin,
    looked_at,
    entries,
    stride,
    spans,
    ended_at,
    clear,
    v_image,
    behind,
    along,
    weights,
    v_colors,
    slots,
    v_entries,
):
    """Gradients of a bin's entries, from the last that was looked at to the first."""
    for number in range(looked_at - 1, -1, -1):
        place = begin + number
        # Slots of a bin lie far apart: unasked for, the row's line would arrive long after it is wanted.
        prefetch(v_entries, slots[place] * stride)
        prefetch(v_entries, slots[place] * stride + stride - 1)
        differentiate_entry(
            number, place, entries, stride, spans, ended_at, clear, v_image, behind, along, weights, v_colors,
            v_entries, slots[place] * stride,
        )  # fmt: skip


@njit(**COMPILED)
def differentiate_bins(
    queue, order, starts, size, slots, entries, spans, transmittances, ended_at, looked_at, backgrounds, stride,
    v_render, v_alphas, v_entries,
):  # fmt: skip
    """Gradients of every entry, each in the row of its slot."""
    width, height = size
    bins_x, bins_y = (width + SIDE - 1) // SIDE, (height + SIDE - 1) // SIDE
    v_image = np.zeros((stride - COLOR) * AREA, np.float32)
    clear, behind = np.zeros(AREA, np.float32), np.zeros(AREA, np.float32)
    v_colors = np.empty((stride - COLOR) * LANES, np.float32)
    along, weights = np.zeros(SIDE * LANES, np.float32), np.empty(SIDE * LANES, np.float32)
    job = claim(queue)
    while job < order.shape[0]:
        number = order[job]
        camera, row, column = number // (bins_x * bins_y), number % (bins_x * bins_y) // bins_x, number % bins_x
        begin, end = starts[number], starts[number + 1]
        for place in range(begin + looked_at[number], end):
            for part in range(stride):
                v_entries[slots[place] * stride + part] = 0.0
        x, y = column * SIDE, row * SIDE
        load_bin(
            min(SIDE, width - x), min(SIDE, height - y), (camera * height + y) * width + x, width,
            transmittances[number], backgrounds[camera], v_render, v_alphas, clear, v_image, (stride - COLOR) * SIDE,
            behind,
        )  # fmt: skip
        differentiate_entries(
            begin, looked_at[number], pointer(entries), stride, pointer(spans), pointer(ended_at[number]),
            pointer(clear), pointer(v_image), pointer(behind), pointer(along), pointer(weights), pointer(v_colors),
            pointer(slots), pointer(v_entries),
        )  # fmt: skip
        job = claim(queue)


@njit(**COMPILED)
def sum_entries(
    queue, first_slot, v_entries, stride, opacities, v_means2d, v_shapes, v_opacities, v_colors, shared_colors
):
    """Add the rows of every Gaussian; colours that all cameras share are summed over cameras as well."""
    cameras, per_camera = v_opacities.shape
    channels = v_colors.shape[1]
    sums = np.empty(stride, np.float32)
    block = claim(queue)
    while block < (per_camera + BLOCK - 1) // BLOCK:
        for g in range(block * BLOCK, min((block + 1) * BLOCK, per_camera)):
            for camera in range(cameras):
                index = camera * per_camera + g
                for part in range(stride):
                    sums[part] = 0.0
                for slot in range(first_slot[index], first_slot[index + 1]):
                    for part in range(stride):
                        sums[part] += v_entries[slot * stride + part]
                v_means2d[camera, g, 0], v_means2d[camera, g, 1] = sums[0], sums[1]
                v_shapes[camera, g, 0], v_shapes[camera, g, 1], v_shapes[camera, g, 2] = sums[2], sums[3], sums[4]
                v_opacities[camera, g] = sums[5] / opacities[index] if sums[5] != 0 else np.float32(0)
                color = g if shared_colors else index
                for channel in range(channels):
                    if shared_colors and camera > 0:
                        v_colors[color, channel] += sums[GEOMETRY + channel]
                    else:
                        v_colors[color, channel] = sums[GEOMETRY + channel]
        block = claim(queue)
