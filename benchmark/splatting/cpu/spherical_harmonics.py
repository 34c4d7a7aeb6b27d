"""Colours that depend on the direction of view: real spherical harmonics up to degree 3, for any number of channels.

Basis, signs and order are those of 3D Gaussian Splatting (Sloan, "Efficient Spherical Harmonic Evaluation", JCGT 2013);
the colour is ``max(sum of coefficients times basis + 1/2, 0)``.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from benchmark.splatting.cpu.projection import BLOCK, COMPILED
from benchmark.splatting.cpu.threads import claim

C0 = 0.2820947917738781
C1 = 0.48860251190291992
C2 = (1.092548430592079, 0.94617469575756, 0.31539156525252, 0.5462742152960395)
C3 = (
    0.5900435899266435,
    1.445305721320277,
    2.285228997322329,
    0.4570457994644658,
    1.865881662950577,
    1.119528997770346,
)


@njit(**COMPILED)
def basis(degree, x, y, z, out):
    """Values of the basis functions in the unit direction (x, y, z)."""
    out[0] = C0
    if degree > 0:
        out[1], out[2], out[3] = -C1 * y, C1 * z, -C1 * x
    if degree > 1:
        out[4] = 2.0 * C2[3] * x * y
        out[5] = -C2[0] * y * z
        out[6] = C2[1] * z * z - C2[2]
        out[7] = -C2[0] * x * z
        out[8] = C2[3] * (x * x - y * y)
    if degree > 2:
        out[9] = -C3[0] * y * (3.0 * x * x - y * y)
        out[10] = 2.0 * C3[1] * x * y * z
        out[11] = (C3[3] - C3[2] * z * z) * y
        out[12] = z * (C3[4] * z * z - C3[5])
        out[13] = (C3[3] - C3[2] * z * z) * x
        out[14] = C3[1] * z * (x * x - y * y)
        out[15] = -C3[0] * x * (x * x - 3.0 * y * y)


@njit(**COMPILED)
def basis_gradient(degree, x, y, z, v):
    """Gradient to the direction (not yet tangential) from gradients ``v`` to the basis functions."""
    v_x = v_y = v_z = 0.0
    if degree > 0:
        v_x, v_y, v_z = -C1 * v[3], -C1 * v[1], C1 * v[2]
    if degree > 1:
        v_x += 2.0 * C2[3] * (y * v[4] + x * v[8]) - C2[0] * z * v[7]
        v_y += 2.0 * C2[3] * (x * v[4] - y * v[8]) - C2[0] * z * v[5]
        v_z += 2.0 * C2[1] * z * v[6] - C2[0] * (y * v[5] + x * v[7])
    if degree > 2:
        band = C3[3] - C3[2] * z * z
        v_x += -6.0 * C3[0] * x * y * v[9] + 2.0 * C3[1] * z * (y * v[10] + x * v[14]) + band * v[13]
        v_x += -3.0 * C3[0] * (x * x - y * y) * v[15]
        v_y += -3.0 * C3[0] * (x * x - y * y) * v[9] + 2.0 * C3[1] * z * (x * v[10] - y * v[14]) + band * v[11]
        v_y += 6.0 * C3[0] * x * y * v[15]
        v_z += 2.0 * C3[1] * x * y * v[10] - 2.0 * C3[2] * z * (y * v[11] + x * v[13])
        v_z += (3.0 * C3[4] * z * z - C3[5]) * v[12] + C3[1] * (x * x - y * y) * v[14]
    return v_x, v_y, v_z


@njit(**COMPILED)
def _direction(means, positions, g, camera):
    """Unit vector from a camera to a Gaussian, and the inverse of their distance."""
    x = means[3 * g] - positions[camera, 0]
    y = means[3 * g + 1] - positions[camera, 1]
    z = means[3 * g + 2] - positions[camera, 2]
    inverse = np.float32(1.0) / max(np.sqrt(x * x + y * y + z * z), np.float32(1e-20))
    return x * inverse, y * inverse, z * inverse, inverse


@njit(**COMPILED)
def shade(queue, degree, means, positions, coefficients, radii, colors):
    """Colours ``[camera, gaussian, channel]`` from ``coefficients [1 or camera, gaussian, basis, channel]``.

    Only what is seen (radii above 0) is evaluated; the rest is left as it is.
    """
    cameras, n, channels = colors.shape
    functions = (degree + 1) * (degree + 1)
    block = claim(queue)
    while block < (n + BLOCK - 1) // BLOCK:
        values = np.empty(16, np.float32)
        for camera in range(cameras):
            source = min(camera, coefficients.shape[0] - 1)
            for g in range(block * BLOCK, min((block + 1) * BLOCK, n)):
                if radii[camera, g, 0] == 0:
                    continue
                x, y, z, _ = _direction(means, positions, g, camera)
                basis(degree, x, y, z, values)
                for channel in range(channels):
                    color = np.float32(0.5)
                    for function in range(functions):
                        color += values[function] * coefficients[source, g, function, channel]
                    colors[camera, g, channel] = max(color, np.float32(0.0))
        block = claim(queue)


@njit(**COMPILED)
def shade_backward(
    queue,
    degree,
    means,
    positions,
    coefficients,
    radii,
    colors,
    v_colors,
    v_means,
    v_positions,
    v_coefficients,
):
    """Gradients of `shade`, added to zeros; ``v_positions [block, camera, 3]`` holds one part for every block."""
    cameras, n, channels = colors.shape
    functions = (degree + 1) * (degree + 1)
    block = claim(queue)
    while block < (n + BLOCK - 1) // BLOCK:
        values, v_values = np.zeros(16, np.float32), np.zeros(16, np.float32)
        for camera in range(cameras):
            source = min(camera, coefficients.shape[0] - 1)
            for g in range(block * BLOCK, min((block + 1) * BLOCK, n)):
                if radii[camera, g, 0] == 0:
                    continue
                x, y, z, inverse = _direction(means, positions, g, camera)
                basis(degree, x, y, z, values)
                for function in range(16):
                    v_values[function] = 0.0
                for channel in range(channels):
                    # Where the colour was cut at zero nothing flows.
                    if colors[camera, g, channel] > 0:
                        v = v_colors[camera, g, channel]
                        for function in range(functions):
                            v_values[function] += v * coefficients[source, g, function, channel]
                            v_coefficients[source, g, function, channel] += v * values[function]
                if degree == 0:
                    continue
                v_x, v_y, v_z = basis_gradient(degree, x, y, z, v_values)
                radial = v_x * x + v_y * y + v_z * z
                v_x, v_y, v_z = (v_x - radial * x) * inverse, (v_y - radial * y) * inverse, (v_z - radial * z) * inverse
                v_means[g, 0] += v_x
                v_means[g, 1] += v_y
                v_means[g, 2] += v_z
                v_positions[block, camera, 0] -= v_x
                v_positions[block, camera, 1] -= v_y
                v_positions[block, camera, 2] -= v_z
        block = claim(queue)
