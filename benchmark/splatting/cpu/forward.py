"""Blending, front to back: one bin at a time, one Gaussian at a time, eight pixels at a time.

Pixels that have become opaque carry a negative transmittance: they take no further Gaussian, and its magnitude is what
remains. A bin stops when all its pixels are so.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from benchmark.splatting.cpu.binning import MARGIN, SIDE, sort_by_depth
from benchmark.splatting.cpu.projection import BITS_OF_255, PARALLEL, SERIAL
from benchmark.splatting.cpu.simd import (
    LANES,
    bits,
    count,
    fma,
    lane_numbers,
    load,
    maximum,
    minimum,
    power_of_two,
    store,
    where,
)

# Eight pixels may start anywhere in a row; what sticks out lies in this padding, which is opaque from the start.
PITCH = SIDE + LANES
AREA = SIDE * PITCH
# Of an entry: u and v from the centre of the bin's first pixel, slope, precision and 1 / yy (so that exponents are of
# two), log2 of opacity; then its colour.
U, V, SLOPE, PRECISION, INVERSE_YY, LOG_OPACITY, COLOR = range(7)
MAX_ALPHA = 0.999
MIN_TRANSMITTANCE = 1e-4
# log2 of the smallest alpha that is drawn, 1/255.
CUT = -BITS_OF_255
HALF_LOG2_E = 0.5 / math.log(2.0)


@njit(**SERIAL)
def row_span(entries, at, y, left, right):
    """Offset to the centre line, exponent there, and first and last pixel of an entry in one row of its bin."""
    dy = np.float32(y) - entries[at + V]
    shift = entries[at + SLOPE] * dy - entries[at + U]
    top = entries[at + LOG_OPACITY] - entries[at + INVERSE_YY] * dy * dy
    # One vector covers a narrow box as it is.
    if right - left < LANES:
        return dy, shift, top, left, right
    room = (top - np.float32(CUT)) / entries[at + PRECISION]
    if not room > 0:
        return dy, shift, top, 0, -1
    reach = math.sqrt(room) + MARGIN
    first = int(math.ceil(max(-shift - reach, np.float32(left))))
    last = int(math.floor(min(-shift + reach, np.float32(right))))
    return dy, shift, top, first, last


@njit(**SERIAL)
def pack(
    begin, end, origin, gaussians, means2d, shapes, opacities, boxes, colors, color_offset, channels, entries, spans
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
        entries[at + LOG_OPACITY] = math.log2(opacities[index])
        color = (index + color_offset) * len(channels)
        for channel in range(len(channels)):
            entries[at + COLOR + channel] = colors[color + channel]
        spans[4 * place] = max(boxes[index, 0] - origin[0], 0)
        spans[4 * place + 1] = min(boxes[index, 1] - origin[0], SIDE - 1)
        spans[4 * place + 2] = max(boxes[index, 2] - origin[1], 0)
        spans[4 * place + 3] = min(boxes[index, 3] - origin[1], SIDE - 1)


@njit(**SERIAL)
def blend(begin, end, entries, spans, channels, transmittance, last_drawn, image, alive):
    """Draw a bin's entries in order; returns how many were looked at before all of ``alive`` pixels were opaque."""
    stride = COLOR + len(channels)
    for k in range(end - begin):
        at, box = (begin + k) * stride, 4 * (begin + k)
        left, right = np.int64(spans[box]), np.int64(spans[box + 1])
        precision = -entries[at + PRECISION]
        number = np.float32(k)
        for y in range(np.int64(spans[box + 2]), np.int64(spans[box + 3]) + 1):
            _, shift, top, first, last = row_span(entries, at, y, left, right)
            for x in range(first, last + 1, LANES):
                pixel = y * PITCH + x
                before = load(transmittance, pixel)
                clear = before > 0.0
                if bits(clear) == 0:
                    continue
                across = lane_numbers() + (np.float32(x) + shift)
                exponent = fma(across * precision, across, top)
                alpha = minimum(power_of_two(maximum(exponent, -20.0)), MAX_ALPHA)
                drawn = (exponent >= CUT) & clear
                after = fma(-alpha, before, before)
                goes_on = after > MIN_TRANSMITTANCE
                used = drawn & goes_on
                store(transmittance, pixel, where(drawn, where(goes_on, after, -before), before))
                store(last_drawn, pixel, where(used, number, load(last_drawn, pixel)))
                weight = where(used, alpha * before, 0.0)
                for channel in range(len(channels)):
                    plane = channel * AREA + pixel
                    store(image, plane, fma(weight, entries[at + COLOR + channel], load(image, plane)))
                alive -= count(drawn) - count(used)
        if alive == 0:
            return k + 1
    return end - begin


@njit(**SERIAL)
def start_bin(width, height, transmittance, last_drawn):
    """Clear the pixels inside the image, mark those outside as opaque; returns how many are inside."""
    transmittance[:] = -1.0
    last_drawn[:] = -1.0
    for y in range(height):
        transmittance[y * PITCH : y * PITCH + width] = 1.0
    return width * height


@njit(**SERIAL)
def develop(width, height, corner, row_pitch, transmittance, image, background, channels, render, alphas):
    """Copy a finished bin into the picture, over its background."""
    for y in range(height):
        for x in range(width):
            pixel = y * PITCH + x
            remains = abs(transmittance[pixel])
            target = corner + y * row_pitch + x
            alphas[target] = np.float32(1.0) - remains
            for channel in range(len(channels)):
                value = image[channel * AREA + pixel] + remains * background[channel]
                render[target * len(channels) + channel] = value


@njit(**PARALLEL)
def render_bins(
    workers, order, starts, size, gaussians, slots, depths, means2d, shapes, opacities, boxes, colors, color_offsets, backgrounds,
    channels, entries, spans, transmittances, last_drawn, looked_at, render, alphas,
):  # fmt: skip
    """Sort, pack and draw every bin. ``order`` lists the bins of all cameras, the fullest first, dealt to the workers."""
    width, height = size
    bins_x, bins_y = (width + SIDE - 1) // SIDE, (height + SIDE - 1) // SIDE
    for worker in prange(workers):
        image = np.empty(len(channels) * AREA, np.float32)
        for job in range(worker, order.shape[0], workers):
            number = order[job]
            camera, row, column = number // (bins_x * bins_y), number % (bins_x * bins_y) // bins_x, number % bins_x
            begin, end = starts[number], starts[number + 1]
            origin = (column * SIDE, row * SIDE)
            if end > begin:
                sort_by_depth(depths, gaussians[begin:end], slots[begin:end])
                pack(
                    begin, end, origin, gaussians, means2d, shapes, opacities, boxes, colors, color_offsets[camera],
                    channels, entries, spans,
                )  # fmt: skip
            inside = (min(SIDE, width - origin[0]), min(SIDE, height - origin[1]))
            clear = transmittances[number]
            image[:] = 0.0
            alive = start_bin(inside[0], inside[1], clear, last_drawn[number])
            looked_at[number] = blend(begin, end, entries, spans, channels, clear, last_drawn[number], image, alive)
            corner = (camera * height + origin[1]) * width + origin[0]
            develop(
                inside[0], inside[1], corner, width, clear, image, backgrounds[camera], channels, render, alphas
            )  # fmt: skip
