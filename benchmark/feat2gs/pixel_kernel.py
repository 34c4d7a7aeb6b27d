"""The fused readout of features that are at pixel resolution already: both layers in one pass over the pixels.

For a handful of channels (image position and colour) the first layer costs less than the traffic of a hidden layer
written at every pixel; so it is made anew in a block of pixels, forwards and backwards.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64
from numba import njit, prange

from benchmark.feat2gs.pixel_blocks import BLOCK, FAST, SPARE, ZERO, add_outer, copy_factors, second_layer, through_relu

# The kernels take three channels at a time.
CHANNELS_AT_ONCE = 3
# Chunks of pixels a property of the picture, as in `token_kernel`.
MOST_CHUNKS = 64
SMALLEST_CHUNK = 1024


def chunk_bounds(pixels: int) -> Int64[np.ndarray, "chunk+1"]:
    """First pixel of each chunk, and the number of pixels at the end."""
    size = max(SMALLEST_CHUNK, -(-pixels // MOST_CHUNKS))
    return np.append(np.arange(0, pixels, size), pixels)


def pad_channels(values: Float32[np.ndarray, "row channel"], spare_rows: int) -> Float32[np.ndarray, "more padded"]:
    """Zeros up to the next multiple of three channels, and below."""
    return np.pad(values, ((0, spare_rows), (0, -values.shape[1] % CHANNELS_AT_ONCE)))


@njit(cache=True, fastmath=FAST)
def first_layer(features, first, count, weight, bias, block):
    """Hidden layer of a block of pixels, after ReLU; NaN stays NaN. ``weight [channel, unit]``."""
    channels, width = weight.shape
    for p in range(0, count, 4):
        i = first + p
        for c in range(0, channels, 3):
            f00, f01, f02 = features[i, c], features[i, c + 1], features[i, c + 2]
            f10, f11, f12 = features[i + 1, c], features[i + 1, c + 1], features[i + 1, c + 2]
            f20, f21, f22 = features[i + 2, c], features[i + 2, c + 1], features[i + 2, c + 2]
            f30, f31, f32 = features[i + 3, c], features[i + 3, c + 1], features[i + 3, c + 2]
            if c == 0:
                for k in range(width):
                    u, v, w, b = weight[c, k], weight[c + 1, k], weight[c + 2, k], bias[k]
                    block[p, k] = b + f00 * u + f01 * v + f02 * w
                    block[p + 1, k] = b + f10 * u + f11 * v + f12 * w
                    block[p + 2, k] = b + f20 * u + f21 * v + f22 * w
                    block[p + 3, k] = b + f30 * u + f31 * v + f32 * w
            else:
                for k in range(width):
                    u, v, w = weight[c, k], weight[c + 1, k], weight[c + 2, k]
                    block[p, k] += f00 * u + f01 * v + f02 * w
                    block[p + 1, k] += f10 * u + f11 * v + f12 * w
                    block[p + 2, k] += f20 * u + f21 * v + f22 * w
                    block[p + 3, k] += f30 * u + f31 * v + f32 * w
    for p in range(count):
        for k in range(width):
            value = block[p, k]
            block[p, k] = ZERO if value < 0 else value


@njit(cache=True, parallel=True, error_model="numpy")
def read_out_pixels(features, chunk_first, weight, first_bias, second, bias, out):
    """Outputs of one head at every pixel: ``features [pixel + spare, channel]``, ``out [pixel, output]``."""
    width = second.shape[1]
    for chunk in prange(len(chunk_first) - 1):
        block = np.zeros((BLOCK + SPARE, width), np.float32)
        for first in range(chunk_first[chunk], chunk_first[chunk + 1], BLOCK):
            count = min(BLOCK, chunk_first[chunk + 1] - first)
            first_layer(features, first, count, weight, first_bias, block)
            second_layer(block, count, second, bias, out, first)


@njit(cache=True, parallel=True, error_model="numpy")
def read_out_pixels_backward(
    features, chunk_first, weight, first_bias, second, gradient, weight_partial, first_bias_partial, second_partial,
    bias_partial,
):  # fmt: skip
    """Gradients of `read_out_pixels` by the weights and biases of both layers, a partial sum a chunk."""
    outputs, width = second.shape
    channels = weight.shape[0]
    for chunk in prange(len(chunk_first) - 1):
        block = np.zeros((BLOCK + SPARE, width), np.float32)
        partial = np.empty(width, np.float32)
        factors = np.zeros((BLOCK + SPARE, outputs), np.float32)
        inputs = np.zeros((BLOCK + SPARE, channels), np.float32)
        for first in range(chunk_first[chunk], chunk_first[chunk + 1], BLOCK):
            count = min(BLOCK, chunk_first[chunk + 1] - first)
            first_layer(features, first, count, weight, first_bias, block)
            copy_factors(gradient, first, count, factors, bias_partial[chunk])
            add_outer(block, count, factors, second_partial[chunk])
            through_relu(block, count, factors, second, partial)
            for p in range(count):
                for c in range(channels):
                    inputs[p, c] = features[first + p, c]
            inputs[count:] = ZERO
            add_outer(block, count, inputs, weight_partial[chunk])
            add_rows(block, count, first_bias_partial[chunk])


@njit(cache=True, fastmath=FAST)
def add_rows(block, count, total):
    """``total += block[:count].sum(axis=0)``."""
    width = len(total)
    for p in range(count):
        for k in range(width):
            total[k] += block[p, k]
