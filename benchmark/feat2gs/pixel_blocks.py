"""What the fused readout does to a handful of pixels at a time, compiled for the CPU.

A *block* is a scratch array ``[BLOCK + SPARE, width]`` that holds the hidden layer of up to `BLOCK` pixels of one head
and never leaves the first-level cache. Every inner loop runs over the contiguous hidden units, so it vectorises, and
takes four pixels at once, so that a weight that was loaded serves four times. Rows of a block past its pixels hold
stale but finite numbers: gradients there are zero, and outputs there are not written.
"""

from __future__ import annotations

import numpy as np
from numba import njit

# A sum may be reordered and contracted; infinities and NaN keep their meaning, so that a broken fit is noticed.
FAST = {"reassoc", "contract", "nsz"}
BLOCK = 16
SPARE = 3

ZERO = np.float32(0)


@njit(cache=True, fastmath=FAST)
def second_layer(block, count, weight, bias, out, first):
    """``out[first:first+count] = block @ weight.T + bias``; three outputs at a time, then one."""
    outputs, width = weight.shape
    for pixel in range(0, count, 4):
        h0, h1, h2, h3 = block[pixel], block[pixel + 1], block[pixel + 2], block[pixel + 3]
        row, rest = first + pixel, count - pixel
        for o in range(0, outputs - 2, 3):
            w0, w1, w2 = weight[o], weight[o + 1], weight[o + 2]
            s00 = s01 = s02 = s10 = s11 = s12 = s20 = s21 = s22 = s30 = s31 = s32 = ZERO
            for k in range(width):
                u, v, w = w0[k], w1[k], w2[k]
                s00 += h0[k] * u
                s01 += h0[k] * v
                s02 += h0[k] * w
                s10 += h1[k] * u
                s11 += h1[k] * v
                s12 += h1[k] * w
                s20 += h2[k] * u
                s21 += h2[k] * v
                s22 += h2[k] * w
                s30 += h3[k] * u
                s31 += h3[k] * v
                s32 += h3[k] * w
            write_four(out, row, rest, o, bias[o], s00, s10, s20, s30)
            write_four(out, row, rest, o + 1, bias[o + 1], s01, s11, s21, s31)
            write_four(out, row, rest, o + 2, bias[o + 2], s02, s12, s22, s32)
        for o in range(outputs - outputs % 3, outputs):
            w0 = weight[o]
            s0 = s1 = s2 = s3 = ZERO
            for k in range(width):
                u = w0[k]
                s0 += h0[k] * u
                s1 += h1[k] * u
                s2 += h2[k] * u
                s3 += h3[k] * u
            write_four(out, row, rest, o, bias[o], s0, s1, s2, s3)


@njit(cache=True)
def write_four(out, row, rest, column, bias, s0, s1, s2, s3):
    """Write the sums of the pixels that exist."""
    out[row, column] = s0 + bias
    if rest > 1:
        out[row + 1, column] = s1 + bias
    if rest > 2:
        out[row + 2, column] = s2 + bias
    if rest > 3:
        out[row + 3, column] = s3 + bias


@njit(cache=True, fastmath=FAST)
def add_outer(block, count, factors, total):
    """``total += factors[:count].T @ block[:count]``; rows of ``factors`` up to the next multiple of four are zero."""
    columns, width = total.shape
    for pixel in range(0, count, 4):
        h0, h1, h2, h3 = block[pixel], block[pixel + 1], block[pixel + 2], block[pixel + 3]
        f0, f1, f2, f3 = factors[pixel], factors[pixel + 1], factors[pixel + 2], factors[pixel + 3]
        for c in range(0, columns - 2, 3):
            t0, t1, t2 = total[c], total[c + 1], total[c + 2]
            f00, f01, f02 = f0[c], f0[c + 1], f0[c + 2]
            f10, f11, f12 = f1[c], f1[c + 1], f1[c + 2]
            f20, f21, f22 = f2[c], f2[c + 1], f2[c + 2]
            f30, f31, f32 = f3[c], f3[c + 1], f3[c + 2]
            for k in range(width):
                u, v, w, x = h0[k], h1[k], h2[k], h3[k]
                t0[k] += f00 * u + f10 * v + f20 * w + f30 * x
                t1[k] += f01 * u + f11 * v + f21 * w + f31 * x
                t2[k] += f02 * u + f12 * v + f22 * w + f32 * x
        for c in range(columns - columns % 3, columns):
            t0 = total[c]
            f00, f10, f20, f30 = f0[c], f1[c], f2[c], f3[c]
            for k in range(width):
                t0[k] += f00 * h0[k] + f10 * h1[k] + f20 * h2[k] + f30 * h3[k]


@njit(cache=True, fastmath=FAST)
def add_product(factors, rows, first, last, total):
    """``total += factors[first:last] @ rows[first:last]`` for one pixel; three rows at a time, then one."""
    width = rows.shape[1]
    threes = first + (last - first) // 3 * 3
    for c in range(first, threes, 3):
        r0, r1, r2 = rows[c], rows[c + 1], rows[c + 2]
        f0, f1, f2 = factors[c], factors[c + 1], factors[c + 2]
        for k in range(width):
            total[k] += f0 * r0[k] + f1 * r1[k] + f2 * r2[k]
    for c in range(threes, last):
        r0, f0 = rows[c], factors[c]
        for k in range(width):
            total[k] += f0 * r0[k]


@njit(cache=True, fastmath=FAST)
def through_relu(block, count, gradients, weight, partial):
    """Replace the hidden layer by its gradient: ``gradients @ weight`` where the unit was positive, else zero.

    ``partial`` is scratch ``[width]``: the sum over all outputs but the last three (or one), which are added in the
    pass that also looks at the unit's sign.
    """
    outputs, width = weight.shape
    tail = 3 if outputs % 3 == 0 else 1
    o = outputs - tail
    w0, w1, w2 = weight[o], weight[outputs - tail // 2 - 1], weight[outputs - 1]
    partial[:] = ZERO
    for pixel in range(count):
        h, g = block[pixel], gradients[pixel]
        if o > 0:
            partial[:] = ZERO
            add_product(g, weight, 0, o, partial)
        if tail == 3:
            g0, g1, g2 = g[o], g[o + 1], g[o + 2]
            for k in range(width):
                total = partial[k] + g0 * w0[k] + g1 * w1[k] + g2 * w2[k]
                h[k] = total if h[k] > 0 else ZERO
        else:
            g0 = g[o]
            for k in range(width):
                total = partial[k] + g0 * w0[k]
                h[k] = total if h[k] > 0 else ZERO
