"""Blending, front to back: one bin at a time, one Gaussian at a time, a strip of neighbouring pixels at a time.

Pixels that have become opaque carry a negative transmittance: they take no further Gaussian, and its magnitude is what
remains. A bin stops when all its pixels are so.

The inner loops have no branch but for pixels that become opaque, and take pointers (see `simd_memory.pointer`): a Gaussian
covers some ten rows of a bin, so that a call or a misprediction costs as much as drawing it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from benchmark.splatting.cpu.binning import SIDE, sort_by_depth
from benchmark.splatting.cpu.projection import BITS_OF_255, COMPILED
from benchmark.splatting.cpu.simd import LANES, bits, count, fma, lane_numbers, minimum, where
from benchmark.splatting.cpu.simd_functions import power_of_two
from benchmark.splatting.cpu.simd_memory import load, pointer, store
from benchmark.splatting.cpu.threads import claim

AREA = SIDE * SIDE
# Channels are drawn in groups of so many, the last filled up with black: the first goes along with the geometry.
GROUP = 4
# Of an entry: u and v from the centre of the bin's first pixel, slope, precision and 1 / yy (so that exponents are of
# two), log2 of opacity; then its colour.
U, V, SLOPE, PRECISION, INVERSE_YY, LOG_OPACITY, COLOR = range(7)
MAX_ALPHA = 0.999
MIN_TRANSMITTANCE = 1e-4
# An entry's number that is never reached.
NEVER = 1e30
# log2 of the smallest alpha that is drawn, 1/255.
CUT = -BITS_OF_255
HALF_LOG2_E = 0.5 / math.log(2.0)


@njit(**COMPILED)
def pack(
    begin, end, origin, gaussians, means2d, shapes, log_opacities, boxes, colors, color_offset, channels, stride,
    entries, spans,
):  # fmt: skip
    """Copy what a bin's Gaussians are into the order in which they are drawn."""
    for place in range(begin, end):
        index, at = gaussians[place], place * stride
        entries[at + U] = means2d[2 * index] - np.float32(origin[0] + 0.5)
        entries[at + V] = means2d[2 * index + 1] - np.float32(origin[1] + 0.5)
        entries[at + SLOPE] = shapes[3 * index + 1]
        entries[at + PRECISION] = np.float32(HALF_LOG2_E) * shapes[3 * index]
        entries[at + INVERSE_YY] = np.float32(HALF_LOG2_E) * shapes[3 * index + 2]
        entries[at + LOG_OPACITY] = log_opacities[index]
        color = (index + color_offset) * channels
        for channel in range(channels):
            entries[at + COLOR + channel] = colors[color + channel]
        for channel in range(COLOR + channels, stride):
            entries[at + channel] = 0.0
        spans[4 * place] = max(boxes[4 * index] - origin[0], 0)
        spans[4 * place + 1] = min(boxes[4 * index + 1] - origin[0], SIDE - 1)
        spans[4 * place + 2] = max(boxes[4 * index + 2] - origin[1], 0)
        spans[4 * place + 3] = min(boxes[4 * index + 3] - origin[1], SIDE - 1)


@njit(**COMPILED)
def box_of(spans, place):
    """An entry's rows, and its columns such that whole strips from the first stay inside the bin."""
    left, right = np.int64(spans[4 * place]), np.int64(spans[4 * place + 1])
    strips = (right - left) // LANES + 1
    return min(left, SIDE - strips * LANES), right, np.int64(spans[4 * place + 2]), np.int64(spans[4 * place + 3])


@njit(**COMPILED)
def exponent_of(columns, dy, slope, precision, inverse_yy, log_opacity):
    """log2 of alpha in a strip of a row that lies ``dy`` below the centre, and the distances across the ellipse."""
    across = columns + slope * dy
    return fma(across * -precision, across, log_opacity - inverse_yy * dy * dy), across


@njit(**COMPILED)
def draw_entry(number, place, entries, stride, spans, clear, ended_at, image, weights):
    """Draw one entry; returns how many pixels became opaque.

    ``image`` holds a row of every channel, then the next row: what one entry touches lies close together.
    """
    at, pitch = place * stride, (stride - COLOR) * SIDE
    u, v, slope, precision = entries[at + U], entries[at + V], entries[at + SLOPE], entries[at + PRECISION]
    inverse_yy, log_opacity, color = entries[at + INVERSE_YY], entries[at + LOG_OPACITY], at + COLOR
    left, right, top, bottom = box_of(spans, place)
    ended = 0
    for x in range(left, right + 1, LANES):
        columns = lane_numbers() + (np.float32(x) - u)
        for y in range(top, bottom + 1):
            pixel, line = y * SIDE + x, y * pitch + x
            exponent, _ = exponent_of(columns, np.float32(y) - v, slope, precision, inverse_yy, log_opacity)
            before = load(clear, pixel)
            drawn = (exponent >= CUT) & (before > 0.0)
            weight = where(drawn, minimum(power_of_two(exponent), MAX_ALPHA) * before, 0.0)
            after = before - weight
            ends = drawn & (after <= MIN_TRANSMITTANCE)
            if bits(ends) != 0:
                store(ended_at, pixel, where(ends, np.float32(number), load(ended_at, pixel)))
                after, weight = where(ends, -before, after), where(ends, 0.0, weight)
                ended += count(ends)
            store(clear, pixel, after)
            store(weights, y * LANES, weight)
            for channel in range(GROUP):
                spot = line + channel * SIDE
                store(image, spot, fma(weight, entries[color + channel], load(image, spot)))
        for channel in range(GROUP, stride - COLOR, GROUP):
            for y in range(top, bottom + 1):
                weight = load(weights, y * LANES)
                for k in range(channel, channel + GROUP):
                    spot = y * pitch + k * SIDE + x
                    store(image, spot, fma(weight, entries[color + k], load(image, spot)))
    return ended


@njit(**COMPILED)
def draw_entries(begin, end, entries, stride, spans, clear, ended_at, image, weights, alive):
    """Draw a bin's entries in order; returns how many were looked at before all of ``alive`` pixels were opaque."""
    for place in range(begin, end):
        alive -= draw_entry(place - begin, place, entries, stride, spans, clear, ended_at, image, weights)
        if alive == 0:
            return place - begin + 1
    return end - begin


@njit(**COMPILED)
def start_bin(width, height, clear, ended_at):
    """Clear the pixels inside the image, mark those outside as opaque; returns how many are inside."""
    for pixel in range(AREA):
        inside = pixel // SIDE < height and pixel % SIDE < width
        clear[pixel] = 1.0 if inside else -1.0
        ended_at[pixel] = NEVER if inside else 0.0
    return width * height


@njit(**COMPILED)
def develop(width, height, corner, row_pitch, clear, image, pitch, background, render, alphas):
    """Copy a finished bin into the picture, over its background."""
    channels = background.shape[0]
    for y in range(height):
        for x in range(width):
            remains = abs(clear[y * SIDE + x])
            target = corner + y * row_pitch + x
            alphas[target] = np.float32(1.0) - remains
            for channel in range(channels):
                value = image[y * pitch + channel * SIDE + x] + remains * background[channel]
                render[target * channels + channel] = value


@njit(**COMPILED)
def render_bins(
    queue, order, starts, size, gaussians, slots, depths, means2d, shapes, log_opacities, boxes, colors, color_offsets,
    backgrounds, stride, entries, spans, transmittances, ended_at, looked_at, render, alphas,
):  # fmt: skip
    """Sort, pack and draw every bin. ``order`` lists the bins of all cameras, the fullest first."""
    width, height = size
    bins_x, bins_y = (width + SIDE - 1) // SIDE, (height + SIDE - 1) // SIDE
    image = np.empty((stride - COLOR) * AREA, np.float32)
    weights = np.empty(SIDE * LANES, np.float32)
    job = claim(queue)
    while job < order.shape[0]:
        number = order[job]
        camera, row, column = number // (bins_x * bins_y), number % (bins_x * bins_y) // bins_x, number % bins_x
        begin, end = starts[number], starts[number + 1]
        origin = (column * SIDE, row * SIDE)
        if end > begin:
            sort_by_depth(depths, gaussians[begin:end], slots[begin:end])
            pack(
                begin, end, origin, gaussians, means2d, shapes, log_opacities, boxes, colors, color_offsets[camera],
                backgrounds.shape[1], stride, entries, spans,
            )  # fmt: skip
        inside = (min(SIDE, width - origin[0]), min(SIDE, height - origin[1]))
        clear = transmittances[number]
        image[:] = 0.0
        alive = start_bin(inside[0], inside[1], clear, ended_at[number])
        looked_at[number] = draw_entries(
            begin, end, pointer(entries), stride, pointer(spans), pointer(clear), pointer(ended_at[number]),
            pointer(image), pointer(weights), alive,
        )  # fmt: skip
        corner = (camera * height + origin[1]) * width + origin[0]
        pitch = (stride - COLOR) * SIDE
        develop(inside[0], inside[1], corner, width, clear, image, pitch, backgrounds[camera], render, alphas)
        job = claim(queue)
