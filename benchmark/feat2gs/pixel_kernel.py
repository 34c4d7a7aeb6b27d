"""The fused readout for features that have a value at every pixel: both layers, with nothing written in between.

Features are homogeneous: a last channel of ones carries the first layer's bias.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from benchmark.feat2gs.pixel_blocks import (
    BLOCK,
    FAST,
    SPARE,
    ZERO,
    add_outer,
    add_product,
    second_layer,
    through_relu,
)
from benchmark.feat2gs.token_kernel import copy_factors

# Pixels a chunk: partial sums are kept a chunk and added in order, so threads change no bit.
CHUNK = 2048


@njit(cache=True, fastmath=FAST)
def first_layer(features, first, count, weight, block):
    """Hidden layer of a block of pixels, after ReLU; NaN stays NaN."""
    width = weight.shape[1]
    for i in range(count):
        h = block[i]
        h[:] = ZERO
        add_product(features, first + i, weight, h)
        for k in range(width):
            h[k] = ZERO if h[k] < 0 else h[k]


@njit(cache=True, parallel=True, error_model="numpy")
def read_out_pixels(features, weight, second, bias, out):
    """Outputs of one head: ``features [pixel, channel+1]``, ``weight [channel+1, unit]``; fills ``out``."""
    pixels = features.shape[0]
    for chunk in prange((pixels + CHUNK - 1) // CHUNK):
        block = np.zeros((BLOCK + SPARE, weight.shape[1]), np.float32)
        for first in range(chunk * CHUNK, min((chunk + 1) * CHUNK, pixels), BLOCK):
            count = min(BLOCK, pixels - first)
            first_layer(features, first, count, weight, block)
            second_layer(block, count, second, bias, out, first)


@njit(cache=True, parallel=True, error_model="numpy")
def read_out_pixels_backward(features, weight, second, gradient, weight_partial, second_partial, bias_partial):
    """Gradients of `read_out_pixels` for the weights, as partial sums ``[chunk, ...]``."""
    pixels = features.shape[0]
    for chunk in prange((pixels + CHUNK - 1) // CHUNK):
        block = np.zeros((BLOCK + SPARE, weight.shape[1]), np.float32)
        partial = np.empty(weight.shape[1], np.float32)
        factors = np.zeros((BLOCK + SPARE, second.shape[0]), np.float32)
        inputs = np.zeros((BLOCK + SPARE, weight.shape[0]), np.float32)
        for first in range(chunk * CHUNK, min((chunk + 1) * CHUNK, pixels), BLOCK):
            count = min(BLOCK, pixels - first)
            first_layer(features, first, count, weight, block)
            copy_factors(gradient, first, count, factors, bias_partial[chunk])
            add_outer(block, count, factors, second_partial[chunk])
            through_relu(block, count, factors, second, partial)
            inputs[:] = ZERO
            inputs[:count] = features[first : first + count]
            # Rows past the end may be stale: their inputs are zero.
            add_outer(block, count, inputs, weight_partial[chunk])
