"""Blending, front to back: one bin at a time, one Gaussian at a time, eight pixels at a time.

Pixels that have become opaque carry a negative transmittance: they take no further Gaussian, and its magnitude is what
remains. A bin stops when all its pixels are so.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from benchmark.splatting.cpu.binning import SIDE, sort_by_depth
from benchmark.splatting.cpu.projection import BITS_OF_255, COMPILED
from benchmark.splatting.cpu.simd import (
    LANES,
    absolute,
    bits,
    count,
    fma,
    lane_numbers,
    load,
    minimum,
    store,
    where,
)
from benchmark.splatting.cpu.simd_functions import power_of_two

# Eight pixels may start anywhere in a row; what sticks out lies in this padding, which is opaque from the start.
PITCH = SIDE + LANES
AREA = SIDE * PITCH
# Of an entry: u and v from the centre of the bin's first pixel, slope, precision and 1 / yy (so that exponents are of
# two), log2 of opacity; then its colour.
U, V, SLOPE, PRECISION, INVERSE_YY, LOG_OPACITY, COLOR = range(7)
MAX_ALPHA = 0.999
MIN_TRANSMITTANCE = 1e-4
# An exponent of two for which `power_of_two` is 0, and an entry's number that is never reached.
NOTHING, NEVER = -127.0, 1e30
# log2 of the smallest alpha that is drawn, 1/255.
CUT = -BITS_OF_255
HALF_LOG2_E = 0.5 / math.log(2.0)


@njit(**COMPILED)
def pack(
    begin, end, origin, gaussians, means2d, shapes, log_opacities, boxes, colors, color_offset, channels, entries, spans
):
    """Copy what a bin's Gaussians are into the order in which they are drawn."""
    stride = COLOR + len(channels)
    for place in range(begin, end):
        index, at = gaussians[place], place * stride
        entries[at + U] = means2d[2 * index] - np.float32(origin[0] + 0.5)
        entries[at + V] = means2d[2 * index + 1] - np.float32(origin[1] + 0.5)
        entries[at + SLOPE] = shapes[3 * index + 1]
        entries[at + PRECISION] = np.float32(HALF_LOG2_E) * shapes[3 * index]
        entries[at + INVERSE_YY] = np.float32(HALF_LOG2_E) * shapes[3 * index + 2]
        entries[at + LOG_OPACITY] = log_opacities[index]
        color = (index + color_offset) * len(channels)
        for channel in range(len(channels)):
            entries[at + COLOR + channel] = colors[color + channel]
        spans[4 * place] = max(boxes[4 * index] - origin[0], 0)
        spans[4 * place + 1] = min(boxes[4 * index + 1] - origin[0], SIDE - 1)
        spans[4 * place + 2] = max(boxes[4 * index + 2] - origin[1], 0)
        spans[4 * place + 3] = min(boxes[4 * index + 3] - origin[1], SIDE - 1)


@njit(**COMPILED)
def strip_exponents(entry, at, x, top, bottom, limits, limit, exponents, rows):
    """Exponents of an entry in eight columns from ``x``: of the rows in which a pixel is drawn, whose number is returned.

    A pixel takes part whose value in ``limits`` is above ``limit``; the others become `NOTHING`, as do those that the
    ellipse does not reach. A short loop of its own lets the processor work on many rows at a time.
    """
    u, v, slope, precision = entry[at + U], entry[at + V], entry[at + SLOPE], -entry[at + PRECISION]
    inverse_yy, log_opacity = entry[at + INVERSE_YY], entry[at + LOG_OPACITY]
    columns = lane_numbers() + (np.float32(x) - u)
    found = 0
    for y in range(top, bottom + 1):
        dy = np.float32(y) - v
        across = columns + slope * dy
        exponent = fma(across * precision, across, log_opacity - inverse_yy * dy * dy)
        exponent = where(load(limits, y * PITCH + x) > limit, exponent, NOTHING)
        drawn = exponent >= CUT
        store(exponents, found * LANES, where(drawn, exponent, NOTHING))
        rows[found] = y
        found += 1 if bits(drawn) != 0 else 0
    return found


@njit(**COMPILED)
def blend(begin, end, entries, spans, channels, transmittance, ended_at, image, alive, strip, rows):
    """Draw a bin's entries in order; returns how many were looked at before all of ``alive`` pixels were opaque.

    ``image`` holds a row of every channel, then the next row: what one entry touches lies close together.
    """
    stride = COLOR + len(channels)
    for k in range(end - begin):
        at, box = (begin + k) * stride, 4 * (begin + k)
        top, bottom = np.int64(spans[box + 2]), np.int64(spans[box + 3])
        for x in range(np.int64(spans[box]), np.int64(spans[box + 1]) + 1, LANES):
            found = strip_exponents(entries, at, x, top, bottom, transmittance, np.float32(0), strip, rows)
            for j in range(found):
                store(strip, j * LANES, minimum(power_of_two(load(strip, j * LANES)), MAX_ALPHA))
            for j in range(found):
                pixel, line = rows[j] * PITCH + x, rows[j] * len(channels) * PITCH + x
                before = load(transmittance, pixel)
                weight = load(strip, j * LANES) * before
                after = before - weight
                if bits(absolute(after) <= MIN_TRANSMITTANCE) != 0:
                    goes_on = absolute(after) > MIN_TRANSMITTANCE
                    store(ended_at, pixel, where(goes_on, load(ended_at, pixel), np.float32(k)))
                    after = where(goes_on, after, -before)
                    weight = where(goes_on, weight, 0.0)
                    alive -= LANES - count(goes_on)
                store(transmittance, pixel, after)
                for channel in range(len(channels)):
                    place = line + channel * PITCH
                    store(image, place, fma(weight, entries[at + COLOR + channel], load(image, place)))
        if alive == 0:
            return k + 1
    return end - begin


@njit(**COMPILED)
def start_bin(width, height, transmittance, ended_at):
    """Clear the pixels inside the image, mark those outside as opaque; returns how many are inside."""
    for pixel in range(AREA):
        inside = pixel // PITCH < height and pixel % PITCH < width
        transmittance[pixel] = 1.0 if inside else -1.0
        ended_at[pixel] = NEVER if inside else 0.0
    return width * height


@njit(**COMPILED)
def develop(width, height, corner, row_pitch, transmittance, image, background, channels, render, alphas):
    """Copy a finished bin into the picture, over its background."""
    for y in range(height):
        for x in range(width):
            pixel = y * PITCH + x
            remains = abs(transmittance[pixel])
            target = corner + y * row_pitch + x
            alphas[target] = np.float32(1.0) - remains
            for channel in range(len(channels)):
                value = image[(y * len(channels) + channel) * PITCH + x] + remains * background[channel]
                render[target * len(channels) + channel] = value


@njit(**COMPILED)
def render_bins(
    worker, workers, order, starts, size, gaussians, slots, depths, means2d, shapes, log_opacities, boxes, colors,
    color_offsets, backgrounds, channels, entries, spans, transmittances, ended_at, looked_at, render, alphas,
):  # fmt: skip
    """Sort, pack and draw every bin. ``order`` lists the bins of all cameras, the fullest first, dealt to the workers."""
    width, height = size
    bins_x, bins_y = (width + SIDE - 1) // SIDE, (height + SIDE - 1) // SIDE
    image = np.empty(len(channels) * AREA, np.float32)
    strip, rows = np.empty(SIDE * LANES, np.float32), np.empty(SIDE, np.int64)
    for job in range(worker, order.shape[0], workers):
        number = order[job]
        camera, row, column = number // (bins_x * bins_y), number % (bins_x * bins_y) // bins_x, number % bins_x
        begin, end = starts[number], starts[number + 1]
        origin = (column * SIDE, row * SIDE)
        if end > begin:
            sort_by_depth(depths, gaussians[begin:end], slots[begin:end])
            pack(
                begin, end, origin, gaussians, means2d, shapes, log_opacities, boxes, colors, color_offsets[camera],
                channels, entries, spans,
            )  # fmt: skip
        inside = (min(SIDE, width - origin[0]), min(SIDE, height - origin[1]))
        clear = transmittances[number]
        for element in range(len(image)):
            image[element] = 0.0
        alive = start_bin(inside[0], inside[1], clear, ended_at[number])
        looked_at[number] = blend(
            begin, end, entries, spans, channels, clear, ended_at[number], image, alive, strip, rows
        )
        corner = (camera * height + origin[1]) * width + origin[0]
        develop(
            inside[0], inside[1], corner, width, clear, image, backgrounds[camera], channels, render, alphas
        )  # fmt: skip
