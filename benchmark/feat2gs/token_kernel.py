"""The fused readout in token space: four tokens in, a few outputs a pixel out, hidden layer never written.

Bilinear upsampling is linear, so it commutes with the first layer: that is applied to the tokens, and what is left a
pixel is to mix its four tokens, apply ReLU and the second layer. Mixing is separable: two rows of tokens are mixed
once for each image row, then two neighbours for each pixel.

Work is cut into *chunks* of image rows that are a property of the picture, never of the number of threads, and partial
sums are added in a fixed order; so results are equal to the last bit whatever the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64
from numba import njit, prange

from benchmark.feat2gs.pixel_blocks import BLOCK, FAST, SPARE, ZERO, add_outer, second_layer, through_relu

# Most chunks a view is cut into: enough for many cores, few enough that a chunk's partial sums stay small.
CHUNKS_A_VIEW = 16


@dataclass(frozen=True)
class TokenSampling:
    """Where listed pixels of some views lie in the token grid.

    Attributes
    ----------
    row_first
        First pixel of each image row that has pixels, and the number of pixels at the end.
    row_token, row_step, row_weight
        Upper token row of each image row, counted through all views; 1 if the row below it takes part, else 0; and
        that row's weight.
    column, weight
        Left token column of each pixel, and the weight of the one right of it; `SPARE` zeros at the end.
    chunk_first
        First image row of each chunk, and the number of image rows at the end. Neighbouring chunks share at most one
        row of tokens, chunks further apart none.
    """

    row_first: Int64[np.ndarray, "row+1"]
    row_token: Int64[np.ndarray, "row"]
    row_step: Int64[np.ndarray, "row"]
    row_weight: Float32[np.ndarray, "row"]
    column: Int32[np.ndarray, "pixel+spare"]
    weight: Float32[np.ndarray, "pixel+spare"]
    chunk_first: Int64[np.ndarray, "chunk+1"]


def taps(
    size: int, tokens: int, start: float, end: float
) -> tuple[Int64[np.ndarray, "size"], Float32[np.ndarray, "size"]]:
    """First of the two tokens that pixels along one axis lie between, and the weight of the second.

    ``start`` and ``end`` are the ends of the token grid as fractions of the image, as in `FeatureMaps`.
    """
    position = ((np.arange(size) + 0.5) / size - start) / (end - start) * tokens - 0.5
    position = position.clip(0, tokens - 1)
    first = np.floor(position).astype(np.int64)
    return first, (position - first).astype(np.float32)


def sample_tokens(
    views: int,
    image: tuple[int, int],
    grid: tuple[int, int],
    extent: tuple[float, float, float, float],
    pixels: Int64[np.ndarray, "pixel"],
) -> TokenSampling:
    """Sampling of the pixels ``(view * height + y) * width + x``, which must rise.

    Parameters
    ----------
    image, grid
        Height and width in pixels; rows and columns in tokens.
    extent
        As in `FeatureMaps`.
    """
    height, width = image
    token_row, row_weight = taps(height, grid[0], extent[1], extent[3])
    token_column, column_weight = taps(width, grid[1], extent[0], extent[2])
    image_row = pixels // width
    x = pixels - image_row * width
    rows, row_first = np.unique(image_row, return_index=True)
    view, y = np.divmod(rows, height)
    upper = token_row[y]
    # A chunk ends where the token row changes, so that no third chunk can reach its rows.
    band = view * CHUNKS_A_VIEW + upper // -(-grid[0] // CHUNKS_A_VIEW)
    column = np.zeros(len(pixels) + SPARE, np.int32)
    weight = np.zeros(len(pixels) + SPARE, np.float32)
    column[: len(pixels)] = token_column[x]
    weight[: len(pixels)] = column_weight[x]
    return TokenSampling(
        np.append(row_first, len(pixels)),
        view * grid[0] + upper,
        (upper + 1 < grid[0]).astype(np.int64),
        row_weight[y],
        column,
        weight,
        np.append(np.unique(band, return_index=True)[1], len(rows)),
    )


@njit(cache=True, fastmath=FAST)
def mix_rows(tokens, upper, lower, weight, mixed):
    """Token row at an image row; the last column stands twice, so that every pixel has a right neighbour."""
    columns, width = tokens.shape[1:]
    for c in range(columns):
        for k in range(width):
            u = tokens[upper, c, k]
            mixed[c, k] = u + weight * (tokens[lower, c, k] - u)
    for k in range(width):
        mixed[columns, k] = mixed[columns - 1, k]


@njit(cache=True, fastmath=FAST)
def add_to_rows(mixed, weight, tokens, upper, lower):
    """Transpose of `mix_rows`: hand the gradient of a mixed row to the two it came from."""
    columns, width = tokens.shape[1:]
    for k in range(width):
        mixed[columns - 1, k] += mixed[columns, k]
    for c in range(columns):
        for k in range(width):
            below = weight * mixed[c, k]
            tokens[upper, c, k] += mixed[c, k] - below
            tokens[lower, c, k] += below


@njit(cache=True)
def same_column(column, start, stop):
    """End of the run of pixels from ``start`` that lie between the same two tokens."""
    end = start + 1
    while end < stop and column[end] == column[start]:
        end += 1
    return end


@njit(cache=True, fastmath=FAST)
def gather(mixed, column, weight, first, count, block):
    """Hidden layer of a block of pixels, after ReLU; NaN stays NaN."""
    width = mixed.shape[1]
    start = first
    while start < first + count:
        end = same_column(column, start, first + count)
        c = column[start]
        # The last four may run over the end of the run: the next run, or a later block, overwrites what they left.
        for i in range(start, end, 4):
            p = i - first
            t0, t1, t2, t3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
            for k in range(width):
                u = mixed[c, k]
                d = mixed[c + 1, k] - u
                v0 = u + t0 * d
                v1 = u + t1 * d
                v2 = u + t2 * d
                v3 = u + t3 * d
                block[p, k] = ZERO if v0 < 0 else v0
                block[p + 1, k] = ZERO if v1 < 0 else v1
                block[p + 2, k] = ZERO if v2 < 0 else v2
                block[p + 3, k] = ZERO if v3 < 0 else v3
        start = end


@njit(cache=True, fastmath=FAST)
def scatter(block, column, weight, first, count, mixed):
    """Transpose of `gather` without its ReLU: add a block's gradients to the mixed row of tokens."""
    width = mixed.shape[1]
    start = first
    while start < first + count:
        end = same_column(column, start, first + count)
        c = column[start]
        fours = start + (end - start) // 4 * 4
        for i in range(start, fours, 4):
            p = i - first
            t0, t1, t2, t3 = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
            for k in range(width):
                h0, h1, h2, h3 = block[p, k], block[p + 1, k], block[p + 2, k], block[p + 3, k]
                right = t0 * h0 + t1 * h1 + t2 * h2 + t3 * h3
                mixed[c, k] += ((h0 + h1) + (h2 + h3)) - right
                mixed[c + 1, k] += right
        for i in range(fours, end):
            p, t0 = i - first, weight[i]
            for k in range(width):
                h0 = block[p, k]
                right = t0 * h0
                mixed[c, k] += h0 - right
                mixed[c + 1, k] += right
        start = end


@njit(cache=True, parallel=True, error_model="numpy")
def read_out(hidden, row_first, row_token, row_step, row_weight, column, weight, chunk_first, second, bias, out):
    """Outputs of one head at every pixel.

    ``hidden [token row (through all views), column, unit]`` is the first layer on the tokens, before ReLU; the head's
    units begin at ``first_unit``. ``second [output, unit]``, ``bias [output]``; fills ``out [pixel, output]``.
    """
    width = second.shape[1]
    for chunk in prange(len(chunk_first) - 1):
        mixed = np.empty((hidden.shape[1] + 1, width), np.float32)
        block = np.zeros((BLOCK + SPARE, width), np.float32)
        for row in range(chunk_first[chunk], chunk_first[chunk + 1]):
            token = row_token[row]
            mix_rows(hidden, token, token + row_step[row], row_weight[row], mixed)
            for first in range(row_first[row], row_first[row + 1], BLOCK):
                count = min(BLOCK, row_first[row + 1] - first)
                gather(mixed, column, weight, first, count, block)
                second_layer(block, count, second, bias, out, first)


@njit(cache=True, parallel=True, error_model="numpy")
def read_out_backward(
    hidden,
    row_first,
    row_token,
    row_step,
    row_weight,
    column,
    weight,
    chunk_first,
    second,
    gradient,
    hidden_gradient,
    second_partial,
    bias_partial,
):
    """Gradients of `read_out`; adds to ``hidden_gradient``, and to a partial sum a chunk of the second layer's.

    Even chunks come first and odd ones after, so that no two that share a token row are worked on at once.
    """
    width = second.shape[1]
    outputs = second.shape[0]
    chunks = len(chunk_first) - 1
    for parity in range(2):
        for half in prange((chunks + 1 - parity) // 2):
            chunk = 2 * half + parity
            mixed = np.empty((hidden.shape[1] + 1, width), np.float32)
            mixed_gradient = np.empty((hidden.shape[1] + 1, width), np.float32)
            block = np.zeros((BLOCK + SPARE, width), np.float32)
            partial = np.empty(width, np.float32)
            factors = np.zeros((BLOCK + SPARE, outputs), np.float32)
            for row in range(chunk_first[chunk], chunk_first[chunk + 1]):
                token = row_token[row]
                below = token + row_step[row]
                mix_rows(hidden, token, below, row_weight[row], mixed)
                mixed_gradient[:] = ZERO
                for first in range(row_first[row], row_first[row + 1], BLOCK):
                    count = min(BLOCK, row_first[row + 1] - first)
                    gather(mixed, column, weight, first, count, block)
                    copy_factors(gradient, first, count, factors, bias_partial[chunk])
                    add_outer(block, count, factors, second_partial[chunk])
                    through_relu(block, count, factors, second, partial)
                    scatter(block, column, weight, first, count, mixed_gradient)
                add_to_rows(mixed_gradient, row_weight[row], hidden_gradient, token, below)


@njit(cache=True)
def copy_factors(gradient, first, count, factors, total):
    """A block's output gradients, zero past its end, and their sum."""
    for i in range(count):
        for o in range(gradient.shape[1]):
            factors[i, o] = gradient[first + i, o]
            total[o] += gradient[first + i, o]
    factors[count:] = ZERO
