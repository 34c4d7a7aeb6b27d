"""Perspective projection of Gaussians, several at a time; its gradients are in `projection_backward`.

The projected covariance is never inverted by its determinant ``xx * yy - xy**2``, which cancels for needles. With
``P = J W R S`` (2 x 3) the blurred determinant is ``|p_x x p_y|**2 + eps * (xx + yy) + eps**2`` (Cauchy-Binet), a sum of
positive terms, and the quadratic form of a pixel at offset (dx, dy) is

    precision * (dx + slope * dy)**2 + dy**2 / yy,  precision = yy / det,  slope = -xy / yy

again without a difference. ``(precision, slope, 1 / yy)`` is called the *shape* of a projected Gaussian.
"""

from __future__ import annotations

import math

from numba import njit

from benchmark.splatting.cpu.simd import LANES, ceil, fma, maximum, minimum, narrow, sqrt, where, widen
from benchmark.splatting.cpu.simd_functions import logarithm
from benchmark.splatting.cpu.simd_memory import gather, scatter
from benchmark.splatting.cpu.threads import claim

# Work is cut into blocks of this many Gaussians whatever the number of threads, so that sums over Gaussians always
# happen in the same order.
BLOCK = 1024
# Where 255 * alpha falls below one the Gaussian is cut; exp(-3.33**2 / 2) is just below 1/255.
MAX_EXTENT = 3.33
SQUARED_EXTENT_PER_BIT = 2.0 * math.log(2.0)
BITS_OF_255 = math.log2(255.0)
# A pixel is kept a little longer than the exact cut, which blending decides; rounding must not lose one.
MARGIN = 1e-2
# Without the interpreter's lock: `benchmark.splatting.cpu.threads` runs a kernel as several workers.
COMPILED = {"cache": True, "nogil": True, "error_model": "numpy"}


@njit(**COMPILED)
def unit_rotation(quats, first, last):
    """Unit quaternions (w, x, y, z), the inverse of their length, and the nine entries of their rotations, by row."""
    w, x, y, z = (
        gather(quats, first, last, 4, 0),
        gather(quats, first, last, 4, 1),
        gather(quats, first, last, 4, 2),
        gather(quats, first, last, 4, 3),
    )
    inverse = 1.0 / sqrt(w * w + x * x + y * y + z * z)
    w, x, y, z = w * inverse, x * inverse, y * inverse, z * inverse
    rotation = (
        1.0 - 2.0 * (y * y + z * z),
        2.0 * (x * y - w * z),
        2.0 * (x * z + w * y),
        2.0 * (x * y + w * z),
        1.0 - 2.0 * (x * x + z * z),
        2.0 * (y * z - w * x),
        2.0 * (x * z - w * y),
        2.0 * (y * z + w * x),
        1.0 - 2.0 * (x * x + y * y),
    )
    return (w, x, y, z), inverse, rotation


@njit(**COMPILED)
def in_camera(means, first, last, view):
    """Centres in camera axes, in float64: a float32 has too few digits for a thousandth of a pixel of a far one."""
    x, y, z = (
        widen(gather(means, first, last, 3, 0)),
        widen(gather(means, first, last, 3, 1)),
        widen(gather(means, first, last, 3, 2)),
    )
    return (
        fma(x, view[0, 0], fma(y, view[0, 1], fma(z, view[0, 2], view[0, 3]))),
        fma(x, view[1, 0], fma(y, view[1, 1], fma(z, view[1, 2], view[1, 3]))),
        fma(x, view[2, 0], fma(y, view[2, 1], fma(z, view[2, 2], view[2, 3]))),
    )


@njit(**COMPILED)
def turned(view, axes):
    """``view[:3, :3] @ axes`` for a 3 x 3 matrix of lanes, by row."""
    a, b, c, d, e, f, g, h, i = axes
    return (
        a * view[0, 0] + d * view[0, 1] + g * view[0, 2],
        b * view[0, 0] + e * view[0, 1] + h * view[0, 2],
        c * view[0, 0] + f * view[0, 1] + i * view[0, 2],
        a * view[1, 0] + d * view[1, 1] + g * view[1, 2],
        b * view[1, 0] + e * view[1, 1] + h * view[1, 2],
        c * view[1, 0] + f * view[1, 1] + i * view[1, 2],
        a * view[2, 0] + d * view[2, 1] + g * view[2, 2],
        b * view[2, 0] + e * view[2, 1] + h * view[2, 2],
        c * view[2, 0] + f * view[2, 1] + i * view[2, 2],
    )


@njit(**COMPILED)
def pinhole_of(intrinsics, width, height):
    """Focal lengths, principal point, and how far off the axis (x / z) a Gaussian may lie for its own Jacobian."""
    fx, fy, cx, cy = intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2]
    margin_x, margin_y = 0.15 * width / fx, 0.15 * height / fy
    bounds = (-cx / fx - margin_x, (width - cx) / fx + margin_x, -cy / fy - margin_y, (height - cy) / fy + margin_y)
    return (fx, fy, cx, cy), bounds


@njit(**COMPILED)
def jacobian_of(center, pinhole, bounds):
    """Focal length over depth, and the direction (x / z, y / z) held within the bounds, with where it was free."""
    inverse = narrow(1.0 / center[2])
    across, down = narrow(center[0] / center[2]), narrow(center[1] / center[2])
    held_across = minimum(maximum(across, bounds[0]), bounds[1])
    held_down = minimum(maximum(down, bounds[2]), bounds[3])
    return inverse * pinhole[0], inverse * pinhole[1], held_across, held_down, (across, down), inverse


@njit(**COMPILED)
def cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@njit(**COMPILED)
def dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(**COMPILED)
def scaled(a, factor):
    return a[0] * factor, a[1] * factor, a[2] * factor


@njit(**COMPILED)
def plus(a, b):
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@njit(**COMPILED)
def footprint_of(jacobian, axes, eps2d):
    """Rows of ``P`` (the three principal axes in pixels), their cross product, blurred covariance, both determinants."""
    jx, jy, across, down = jacobian[:4]
    row_x = (jx * (axes[0] - across * axes[6]), jx * (axes[1] - across * axes[7]), jx * (axes[2] - across * axes[8]))
    row_y = (jy * (axes[3] - down * axes[6]), jy * (axes[4] - down * axes[7]), jy * (axes[5] - down * axes[8]))
    normal = cross(row_x, row_y)
    sharp_det = dot(normal, normal)
    xx, xy, yy = dot(row_x, row_x), dot(row_x, row_y), dot(row_y, row_y)
    det = sharp_det + eps2d * (xx + yy) + eps2d * eps2d
    return row_x, row_y, normal, (xx + eps2d, xy, yy + eps2d), sharp_det, det


@njit(**COMPILED)
def principal_axes(rotation, sizes):
    """Columns of the rotation times the standard deviations, by row."""
    return (
        rotation[0] * sizes[0],
        rotation[1] * sizes[1],
        rotation[2] * sizes[2],
        rotation[3] * sizes[0],
        rotation[4] * sizes[1],
        rotation[5] * sizes[2],
        rotation[6] * sizes[0],
        rotation[7] * sizes[1],
        rotation[8] * sizes[2],
    )


@njit(**COMPILED)
def three_columns(table, first, last):
    """Rows of a flat table of three columns."""
    return gather(table, first, last, 3, 0), gather(table, first, last, 3, 1), gather(table, first, last, 3, 2)


@njit(**COMPILED)
def project(
    queue,
    means, quats, scales, opacities, views, intrinsics, size, limits, antialiased, out_means2d, out_depths, out_shapes,
    out_opacities, out_radii, out_log_opacities, out_boxes,
):  # fmt: skip
    """Project every Gaussian into every camera; all tables flat, outputs camera by camera.

    ``size`` is (width, height), ``limits`` is (near plane, far plane, radius clip, eps2d). What is not seen gets radii 0.
    Boxes hold the first and last pixel, in x and y, whose centre may be drawn; empty if first > last.
    """
    n = opacities.shape[0]
    block = claim(queue)
    while block < (n + BLOCK - 1) // BLOCK:
        for first in range(block * BLOCK, min((block + 1) * BLOCK, n), LANES):
            _, _, rotation = unit_rotation(quats, first, n - 1)
            world_axes = principal_axes(rotation, three_columns(scales, first, n - 1))
            for camera in range(views.shape[0]):
                center = in_camera(means, first, n - 1, views[camera])
                pinhole, bounds = pinhole_of(intrinsics[camera], size[0], size[1])
                jacobian = jacobian_of(center, pinhole, bounds)
                _, _, _, (xx, xy, yy), sharp_det, det = footprint_of(
                    jacobian, turned(views[camera], world_axes), limits[3]
                )
                opacity = gather(opacities, first, n - 1, 1, 0)
                if antialiased:
                    opacity = opacity * sqrt(sharp_det / det)
                u = narrow(center[0] / center[2] * pinhole[0] + pinhole[2])
                v = narrow(center[1] / center[2] * pinhole[1] + pinhole[3])
                depth = narrow(center[2])
                log_opacity = minimum(logarithm(maximum(opacity, 1e-6)), 0.0)
                place, spread = (u, v, depth), (xx, yy, det)
                radius_x, radius_y = _radii(spread, place, opacity, log_opacity, size, limits)
                left, right, top, bottom = _pixel_box(spread, place, log_opacity, radius_x > 0.0, size)
                start, end = camera * n + first, camera * n + n - 1
                scatter(out_means2d, start, end, 2, 0, u)
                scatter(out_means2d, start, end, 2, 1, v)
                scatter(out_depths, start, end, 1, 0, depth)
                scatter(out_shapes, start, end, 3, 0, yy / det)
                scatter(out_shapes, start, end, 3, 1, -xy / yy)
                scatter(out_shapes, start, end, 3, 2, 1.0 / yy)
                scatter(out_opacities, start, end, 1, 0, opacity)
                scatter(out_radii, start, end, 2, 0, radius_x)
                scatter(out_radii, start, end, 2, 1, radius_y)
                scatter(out_log_opacities, start, end, 1, 0, log_opacity)
                scatter(out_boxes, start, end, 4, 0, left)
                scatter(out_boxes, start, end, 4, 1, right)
                scatter(out_boxes, start, end, 4, 2, top)
                scatter(out_boxes, start, end, 4, 3, bottom)
        block = claim(queue)


@njit(**COMPILED)
def _radii(spread, place, opacity, log_opacity, size, limits):
    """Half the bounding box in whole pixels, or 0 where a Gaussian is culled (gsplat's rules)."""
    xx, yy, det = spread
    u, v, depth = place
    near, far, clip, _ = limits
    # Below 1/255 nothing is drawn; the floor keeps the root real where the result is discarded.
    bits = log_opacity + BITS_OF_255
    extent = minimum(sqrt(maximum(bits, 0.0) * SQUARED_EXTENT_PER_BIT), MAX_EXTENT)
    x, y = ceil(extent * sqrt(xx)), ceil(extent * sqrt(yy))
    seen = (depth >= near) & (depth <= far) & (opacity >= 1.0 / 255.0) & (det > 0.0) & (det < 1e30)
    seen = seen & (u + x > 0.0) & (u - x < size[0]) & (v + y > 0.0) & (v - y < size[1]) & (maximum(x, y) > clip)
    return where(seen, x, 0.0), where(seen, y, 0.0)


@njit(**COMPILED)
def _pixel_box(spread, place, log_opacity, seen, size):
    """First and last pixel, in x and y, whose centre may lie within the ellipse that is drawn; empty if not seen."""
    squared = maximum(log_opacity + BITS_OF_255, 0.0) * SQUARED_EXTENT_PER_BIT
    reach_x, reach_y = sqrt(squared * spread[0]) + MARGIN, sqrt(squared * spread[1]) + MARGIN
    u, v = place[0] - 0.5, place[1] - 0.5
    left, right = minimum(ceil(maximum(u - reach_x, 0.0)), size[0]), -ceil(-minimum(u + reach_x, size[0] - 1))
    top, bottom = minimum(ceil(maximum(v - reach_y, 0.0)), size[1]), -ceil(-minimum(v + reach_y, size[1] - 1))
    seen = seen & (left <= right) & (top <= bottom)
    return where(seen, left, 0.0), where(seen, right, -1.0), where(seen, top, 0.0), where(seen, bottom, -1.0)
