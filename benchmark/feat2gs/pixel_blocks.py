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
    for p in range(0, count, 4):
        row, rest = first + p, count - p
        for o in range(0, outputs - 2, 3):
            s00 = s01 = s02 = s10 = s11 = s12 = s20 = s21 = s22 = s30 = s31 = s32 = ZERO
            for k in range(width):
                u, v, w = weight[o, k], weight[o + 1, k], weight[o + 2, k]
                h0, h1, h2, h3 = block[p, k], block[p + 1, k], block[p + 2, k], block[p + 3, k]
                s00 += h0 * u
                s01 += h0 * v
                s02 += h0 * w
                s10 += h1 * u
                s11 += h1 * v
                s12 += h1 * w
                s20 += h2 * u
                s21 += h2 * v
                s22 += h2 * w
                s30 += h3 * u
                s31 += h3 * v
                s32 += h3 * w
            write_four(out, row, rest, o, bias[o], s00, s10, s20, s30)
            write_four(out, row, rest, o + 1, bias[o + 1], s01, s11, s21, s31)
            write_four(out, row, rest, o + 2, bias[o + 2], s02, s12, s22, s32)
        for o in range(outputs - outputs % 3, outputs):
            s0 = s1 = s2 = s3 = ZERO
            for k in range(width):
                u = weight[o, k]
                s0 += block[p, k] * u
                s1 += block[p + 1, k] * u
                s2 += block[p + 2, k] * u
                s3 += block[p + 3, k] * u
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
    for p in range(0, count, 4):
        for c in range(0, columns - 2, 3):
            f00, f01, f02 = factors[p, c], factors[p, c + 1], factors[p, c + 2]
            f10, f11, f12 = factors[p + 1, c], factors[p + 1, c + 1], factors[p + 1, c + 2]
            f20, f21, f22 = factors[p + 2, c], factors[p + 2, c + 1], factors[p + 2, c + 2]
            f30, f31, f32 = factors[p + 3, c], factors[p + 3, c + 1], factors[p + 3, c + 2]
            for k in range(width):
                h0, h1, h2, h3 = block[p, k], block[p + 1, k], block[p + 2, k], block[p + 3, k]
                total[c, k] += f00 * h0 + f10 * h1 + f20 * h2 + f30 * h3
                total[c + 1, k] += f01 * h0 + f11 * h1 + f21 * h2 + f31 * h3
                total[c + 2, k] += f02 * h0 + f12 * h1 + f22 * h2 + f32 * h3
        for c in range(columns - columns % 3, columns):
            f0, f1, f2, f3 = factors[p, c], factors[p + 1, c], factors[p + 2, c], factors[p + 3, c]
            for k in range(width):
                total[c, k] += f0 * block[p, k] + f1 * block[p + 1, k] + f2 * block[p + 2, k] + f3 * block[p + 3, k]


@njit(cache=True, fastmath=FAST)
def through_relu(block, count, gradients, weight, partial):
    """Replace the hidden layer by its gradient: ``gradients @ weight`` where the unit was positive, else zero.

    ``partial [unit]`` is scratch. The usual numbers of outputs have their own loop: there the sum stays in registers.
    """
    outputs, width = weight.shape
    for p in range(count):
        if outputs == 1:
            g0 = gradients[p, 0]
            for k in range(width):
                total = g0 * weight[0, k]
                block[p, k] = total if block[p, k] > 0 else ZERO
        elif outputs == 3:
            g0, g1, g2 = gradients[p, 0], gradients[p, 1], gradients[p, 2]
            for k in range(width):
                total = g0 * weight[0, k] + g1 * weight[1, k] + g2 * weight[2, k]
                block[p, k] = total if block[p, k] > 0 else ZERO
        elif outputs == 4:
            g0, g1, g2, g3 = gradients[p, 0], gradients[p, 1], gradients[p, 2], gradients[p, 3]
            for k in range(width):
                total = g0 * weight[0, k] + g1 * weight[1, k] + g2 * weight[2, k] + g3 * weight[3, k]
                block[p, k] = total if block[p, k] > 0 else ZERO
        else:
            for k in range(width):
                partial[k] = ZERO
            add_product(gradients, p, weight, partial)
            for k in range(width):
                total = partial[k]
                block[p, k] = total if block[p, k] > 0 else ZERO


@njit(cache=True, fastmath=FAST)
def add_product(factors, p, rows, total):
    """``total += factors[p] @ rows``; three rows at a time, then one."""
    columns, width = rows.shape
    for c in range(0, columns - 2, 3):
        f0, f1, f2 = factors[p, c], factors[p, c + 1], factors[p, c + 2]
        for k in range(width):
            total[k] += f0 * rows[c, k] + f1 * rows[c + 1, k] + f2 * rows[c + 2, k]
    for c in range(columns - columns % 3, columns):
        f0 = factors[p, c]
        for k in range(width):
            total[k] += f0 * rows[c, k]
