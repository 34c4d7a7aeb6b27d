"""Blending, front to back: one bin at a time, one Gaussian at a time, eight pixels at a time.

Pixels that have become opaque carry a negative transmittance: they take no further Gaussian, and its magnitude is what
remains. A bin stops when all its pixels are so.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numba import get_num_threads, njit, prange

from benchmark.splatting.cpu.binning import SIDE, sort_by_depth
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
    splat,
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
def pack_entry(entry, colored, origin, index, means2d, shapes, opacities):
    """The geometry of one Gaussian as the inner loops want it, into ``entry``."""
    entry[U] = means2d[2 * index] - (origin[0] + np.float32(0.5))
    entry[V] = means2d[2 * index + 1] - (origin[1] + np.float32(0.5))
    entry[SLOPE] = shapes[3 * index + 1]
    entry[PRECISION] = np.float32(HALF_LOG2_E) * shapes[3 * index]
    entry[INVERSE_YY] = np.float32(HALF_LOG2_E) * shapes[3 * index + 2]
    entry[LOG_OPACITY] = math.log2(opacities[index])


@njit(**SERIAL)
def row_span(entry, y, box):
    """Offset to the centre line, exponent there, and first and last pixel of an entry in one row."""
    dy = np.float32(y) - entry[V]
    shift = entry[SLOPE] * dy - entry[U]
    top = entry[LOG_OPACITY] - entry[INVERSE_YY] * dy * dy
    if box[1] - box[0] < LANES:
        return shift, top, box[0], box[1]
    room = (top - np.float32(CUT)) / entry[PRECISION]
    if room <= 0:
        return shift, top, 0, -1
    reach = math.sqrt(room) + np.float32(1e-2)
    first = int(math.ceil(max(-shift - reach, np.float32(box[0]))))
    last = int(math.floor(min(-shift + reach, np.float32(box[1]))))
    return shift, top, first, last
