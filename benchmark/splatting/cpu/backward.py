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
from benchmark.splatting.cpu.simd import LANES, fma, lane_numbers, minimum, splat, total, where
from benchmark.splatting.cpu.simd_functions import power_of_two
from benchmark.splatting.cpu.simd_memory import load, pointer, prefetch, store
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
    if width < SIDE or height < SIDE:
        # What is outside the image must not be what another bin has left there.
        clear[:], v_image[:], behind[:] = 0.0, 0.0, 0.0
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
def four(table, at, step):
    """Strips of the channels of a group."""
    return load(table, at), load(table, at + step), load(table, at + 2 * step), load(table, at + 3 * step)


@njit(**COMPILED)
def light_of(v_colors, entries, color, light):
    """Add the product of a group's colour with the gradients to it."""
    for channel in range(GROUP):
        light = fma(v_colors[channel], entries[color + channel], light)
    return light


@njit(**COMPILED)
def collect(weight, v_colors, sums):
    """Add what a strip of pixels says about the colour of a group."""
    return (
        fma(weight, v_colors[0], sums[0]),
        fma(weight, v_colors[1], sums[1]),
        fma(weight, v_colors[2], sums[2]),
        fma(weight, v_colors[3], sums[3]),
    )


@njit(**COMPILED)
def further_light(top, bottom, x, entries, color, channels, v_image, further):
    """Light of the groups after the first, for each row's strip."""
    for y in range(top, bottom + 1):
        light = splat(0.0)
        for channel in range(GROUP, channels, GROUP):
            line = (y * channels + channel) * SIDE + x
            light = light_of(four(v_image, line, SIDE), entries, color + channel, light)
        store(further, y * LANES, light)


@njit(**COMPILED)
def collect_further(top, bottom, x, channels, v_image, weights, sums):
    """Add what all rows' strips say about the colours of the groups after the first, in ``sums``."""
    for channel in range(GROUP, channels, GROUP):
        added = four(sums, channel * LANES, LANES)
        for y in range(top, bottom + 1):
            line = (y * channels + channel) * SIDE + x
            added = collect(load(weights, y * LANES), four(v_image, line, SIDE), added)
        for k in range(GROUP):
            store(sums, (channel + k) * LANES, added[k])


@njit(**COMPILED)
def write_row(moments, colors, entries, at, channels, further_sums, v_entries, row):
    """Turn an entry's sums over its pixels into gradients to what it is."""
    s0, s1, s2, sy, s1y, syy = moments
    a, slope = np.float32(TWO_LN_2) * entries[at + PRECISION], entries[at + SLOPE]
    along = a * total(s1)
    v_entries[row] = along
    v_entries[row + 1] = slope * along + np.float32(TWO_LN_2) * entries[at + INVERSE_YY] * total(sy)
    v_entries[row + 2] = np.float32(-0.5) * total(s2)
    v_entries[row + 3] = -a * total(s1y)
    v_entries[row + 4] = np.float32(-0.5) * total(syy)
    v_entries[row + 5] = total(s0)
    for channel in range(GROUP):
        v_entries[row + GEOMETRY + channel] = total(colors[channel])
    for channel in range(GROUP, channels):
        v_entries[row + GEOMETRY + channel] = total(load(further_sums, channel * LANES))


@njit(**COMPILED)
def differentiate_entry(
    number, place, entries, stride, spans, ended_at, clear, v_image, behind, further, weights, further_sums, v_entries, row
):  # fmt: skip
    """Walk the pixels of one entry, move the planes from behind it to before it, and write its row of gradients.

    ``further`` holds zeros unless there is more than one group of channels.
    """
    at, color, channels = place * stride, place * stride + COLOR, stride - COLOR
    u, v, slope, precision = entries[at + U], entries[at + V], entries[at + SLOPE], entries[at + PRECISION]
    inverse_yy, log_opacity = entries[at + INVERSE_YY], entries[at + LOG_OPACITY]
    left, right, top, bottom = box_of(spans, place)
    zero = splat(0.0)
    s0, s1, s2, sy, s1y, syy = zero, zero, zero, zero, zero, zero
    colors = (zero, zero, zero, zero)
    for channel in range(GROUP, channels):
        store(further_sums, channel * LANES, zero)
    for x in range(left, right + 1, LANES):
        columns = lane_numbers() + (np.float32(x) - u)
        if channels > GROUP:
            further_light(top, bottom, x, entries, color, channels, v_image, further)
        for y in range(top, bottom + 1):
            pixel, dy = y * SIDE + x, np.float32(y) - v
            exponent, across = exponent_of(columns, dy, slope, precision, inverse_yy, log_opacity)
            drawn = (exponent >= CUT) & (load(ended_at, pixel) > np.float32(number))
            free = where(drawn, power_of_two(exponent), 0.0)
            alpha = minimum(free, MAX_ALPHA)
            inverse = 1.0 / (1.0 - alpha)
            before, rest = load(clear, pixel) * inverse, load(behind, pixel)
            weight = alpha * before
            v_colors = four(v_image, y * channels * SIDE + x, SIDE)
            light = light_of(v_colors, entries, color, load(further, y * LANES))
            store(clear, pixel, before)
            store(behind, pixel, fma(weight, light, rest))
            store(weights, y * LANES, weight)
            colors = collect(weight, v_colors, colors)
            v_exponent = where(free <= MAX_ALPHA, (before * light - rest * inverse) * alpha, 0.0)
            moment, shift = v_exponent * across, v_exponent * dy
            s0, s1, s2 = s0 + v_exponent, s1 + moment, fma(moment, across, s2)
            sy, s1y, syy = sy + shift, fma(moment, dy, s1y), fma(shift, dy, syy)
        collect_further(top, bottom, x, channels, v_image, weights, further_sums)
    write_row((s0, s1, s2, sy, s1y, syy), colors, entries, at, channels, further_sums, v_entries, row)


@njit(**COMPILED)
def differentiate_entries(
    begin, looked_at, entries, stride, spans, ended_at, clear, v_image, behind, further, weights, further_sums, slots,
    v_entries,
):  # fmt: skip
    """Gradients of a bin's entries, from the last that was looked at to the first."""
    for number in range(looked_at - 1, -1, -1):
        place = begin + number
        # Slots of a bin lie far apart: unasked for, the row's line would arrive long after it is wanted.
        prefetch(v_entries, slots[place] * stride)
        prefetch(v_entries, slots[place] * stride + stride - 1)
        differentiate_entry(
            number, place, entries, stride, spans, ended_at, clear, v_image, behind, further, weights, further_sums,
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
    clear, behind = np.empty(AREA, np.float32), np.empty(AREA, np.float32)
    further_sums = np.empty((stride - COLOR) * LANES, np.float32)
    further, weights = np.zeros(SIDE * LANES, np.float32), np.empty(SIDE * LANES, np.float32)
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
            pointer(clear), pointer(v_image), pointer(behind), pointer(further), pointer(weights),
            pointer(further_sums), pointer(slots), pointer(v_entries),
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
