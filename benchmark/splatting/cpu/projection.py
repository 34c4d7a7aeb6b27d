"""Perspective projection of Gaussians, forward and backward, eight Gaussians at a time.

The projected covariance is never inverted by its determinant ``xx * yy - xy**2``, which cancels for needles. With
``P = J W R S`` (2 x 3) the blurred determinant is ``|p_x x p_y|**2 + eps * (xx + yy) + eps**2`` (Cauchy-Binet), a sum of
positive terms, and the quadratic form of a pixel at offset (dx, dy) is

    precision * (dx + slope * dy)**2 + dy**2 / yy,  precision = yy / det,  slope = -xy / yy

again without a difference. ``(precision, slope, 1 / yy)`` is called the *shape* of a projected Gaussian.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from benchmark.splatting.cpu.simd import (
    LANES,
    bits,
    ceil,
    fma,
    gather,
    lane_numbers,
    logarithm,
    maximum,
    minimum,
    narrow,
    scatter,
    splat,
    sqrt,
    total,
    where,
    widen,
)

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
def _rotation(quats, first, last):
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
def _in_camera(means, first, last, view):
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
def _turned(view, axes):
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
def _pinhole(intrinsics, width, height):
    """Focal lengths, principal point, and how far off the axis (x / z) a Gaussian may lie for its own Jacobian."""
    fx, fy, cx, cy = intrinsics[0, 0], intrinsics[1, 1], intrinsics[0, 2], intrinsics[1, 2]
    margin_x, margin_y = 0.15 * width / fx, 0.15 * height / fy
    bounds = (-cx / fx - margin_x, (width - cx) / fx + margin_x, -cy / fy - margin_y, (height - cy) / fy + margin_y)
    return (fx, fy, cx, cy), bounds


@njit(**COMPILED)
def _jacobian(center, pinhole, bounds):
    """Focal length over depth, and the direction (x / z, y / z) held within the bounds, with where it was free."""
    inverse = narrow(1.0 / center[2])
    across, down = narrow(center[0] / center[2]), narrow(center[1] / center[2])
    held_across = minimum(maximum(across, bounds[0]), bounds[1])
    held_down = minimum(maximum(down, bounds[2]), bounds[3])
    return inverse * pinhole[0], inverse * pinhole[1], held_across, held_down, (across, down), inverse


@njit(**COMPILED)
def _cross(a, b):
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@njit(**COMPILED)
def _dot(a, b):
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@njit(**COMPILED)
def _scaled(a, factor):
    return a[0] * factor, a[1] * factor, a[2] * factor


@njit(**COMPILED)
def _plus(a, b):
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


@njit(**COMPILED)
def _footprint(jacobian, axes, eps2d):
    """Rows of ``P`` (the three principal axes in pixels), their cross product, blurred covariance, both determinants."""
    jx, jy, across, down = jacobian[:4]
    row_x = (jx * (axes[0] - across * axes[6]), jx * (axes[1] - across * axes[7]), jx * (axes[2] - across * axes[8]))
    row_y = (jy * (axes[3] - down * axes[6]), jy * (axes[4] - down * axes[7]), jy * (axes[5] - down * axes[8]))
    normal = _cross(row_x, row_y)
    sharp_det = _dot(normal, normal)
    xx, xy, yy = _dot(row_x, row_x), _dot(row_x, row_y), _dot(row_y, row_y)
    det = sharp_det + eps2d * (xx + yy) + eps2d * eps2d
    return row_x, row_y, normal, (xx + eps2d, xy, yy + eps2d), sharp_det, det


@njit(**COMPILED)
def _principal_axes(rotation, sizes):
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
def _sizes(scales, first, last):
    return gather(scales, first, last, 3, 0), gather(scales, first, last, 3, 1), gather(scales, first, last, 3, 2)


@njit(**COMPILED)
def project(
    worker, workers,
    means, quats, scales, opacities, views, intrinsics, size, limits, antialiased, out_means2d, out_depths, out_shapes,
    out_opacities, out_radii, out_log_opacities, out_boxes,
):  # fmt: skip
    """Project every Gaussian into every camera; all tables flat, outputs camera by camera.

    ``size`` is (width, height), ``limits`` is (near plane, far plane, radius clip, eps2d). What is not seen gets radii 0.
    Boxes hold the first and last pixel, in x and y, whose centre may be drawn; empty if first > last.
    """
    n = opacities.shape[0]
    for block in range(worker, (n + BLOCK - 1) // BLOCK, workers):
        for first in range(block * BLOCK, min((block + 1) * BLOCK, n), LANES):
            _, _, rotation = _rotation(quats, first, n - 1)
            world_axes = _principal_axes(rotation, _sizes(scales, first, n - 1))
            for camera in range(views.shape[0]):
                center = _in_camera(means, first, n - 1, views[camera])
                pinhole, bounds = _pinhole(intrinsics[camera], size[0], size[1])
                jacobian = _jacobian(center, pinhole, bounds)
                _, _, _, (xx, xy, yy), sharp_det, det = _footprint(
                    jacobian, _turned(views[camera], world_axes), limits[3]
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


@njit(**COMPILED)
def _spread_gradient(shape, v_shape):
    """Gradient to the blurred covariance (xx, xy, yy) from that to its shape."""
    precision, slope, inverse_yy = shape
    v_precision, v_slope, v_inverse_yy = v_shape
    squared = precision * precision * v_precision
    v_xx = -squared
    v_xy = -2.0 * slope * squared - inverse_yy * v_slope
    v_yy = -slope * slope * squared - inverse_yy * (slope * v_slope + inverse_yy * v_inverse_yy)
    return v_xx, v_xy, v_yy


@njit(**COMPILED)
def _compensation_gradient(normal, sharp_det, det, eps2d, v_compensation):
    """Gradient of ``sqrt(sharp_det / det)`` to the cross product of the rows, and to xx and yy, which det contains."""
    length, root = sqrt(sharp_det), sqrt(det)
    v_det = -0.5 * v_compensation * length / (root * det)
    along = v_compensation / (maximum(length, 1e-20) * root) + 2.0 * v_det
    return _scaled(normal, along), eps2d * v_det


@njit(**COMPILED)
def _quaternion_gradient(unit, inverse, v):
    """Gradient to the quaternion, of any length, from that to the nine entries of its rotation."""
    w, x, y, z = unit
    v_w = 2.0 * (x * (v[7] - v[5]) + y * (v[2] - v[6]) + z * (v[3] - v[1]))
    v_x = 2.0 * (w * (v[7] - v[5]) + y * (v[1] + v[3]) + z * (v[2] + v[6]) - 2.0 * x * (v[4] + v[8]))
    v_y = 2.0 * (w * (v[2] - v[6]) + x * (v[1] + v[3]) + z * (v[5] + v[7]) - 2.0 * y * (v[0] + v[8]))
    v_z = 2.0 * (w * (v[3] - v[1]) + x * (v[2] + v[6]) + y * (v[5] + v[7]) - 2.0 * z * (v[0] + v[4]))
    radial = w * v_w + x * v_x + y * v_y + z * v_z
    return (
        (v_w - radial * w) * inverse,
        (v_x - radial * x) * inverse,
        (v_y - radial * y) * inverse,
        (v_z - radial * z) * inverse,
    )


@njit(**COMPILED)
def _camera_gradient(jacobian, axes, rows, v_spread, v_normal, v_place):
    """Gradients to centre and principal axes in camera coordinates.

    ``v_place`` holds the gradients to u, v and depth; ``jacobian`` is that of the forward pass, ``rows`` its P.
    """
    jx, jy, across, down, (free_across, free_down), inverse_z = jacobian
    row_x, row_y = rows
    v_xx, v_xy, v_yy = v_spread
    v_row_x = _plus(_plus(_scaled(row_x, 2.0 * v_xx), _scaled(row_y, v_xy)), _cross(row_y, v_normal))
    v_row_y = _plus(_plus(_scaled(row_y, 2.0 * v_yy), _scaled(row_x, v_xy)), _cross(v_normal, row_x))
    v_axes_x, v_axes_y = _scaled(v_row_x, jx), _scaled(v_row_y, jy)
    v_axes_z = _plus(_scaled(v_axes_x, -across), _scaled(v_axes_y, -down))
    third = (axes[6], axes[7], axes[8])
    v_across, v_down = -_dot(v_axes_x, third), -_dot(v_axes_y, third)
    # A direction that was held at the bound does not move with the centre.
    v_across = where(free_across == across, v_across, 0.0) * inverse_z
    v_down = where(free_down == down, v_down, 0.0) * inverse_z
    v_u, v_v = v_place[0] * jx, v_place[1] * jy
    v_x, v_y = v_u + v_across, v_v + v_down
    shrinking = (_dot(v_row_x, row_x) + _dot(v_row_y, row_y)) * inverse_z
    v_z = v_place[2] - shrinking - (v_u + v_across) * free_across - (v_v + v_down) * free_down
    ax, bx, cx = v_axes_x
    ay, by, cy = v_axes_y
    az, bz, cz = v_axes_z
    return (v_x, v_y, v_z), (ax, bx, cx, ay, by, cy, az, bz, cz)


@njit(**COMPILED)
def _turned_back(view, a):
    """``view[:3, :3].T @ a`` for a vector of lanes."""
    return (
        a[0] * view[0, 0] + a[1] * view[1, 0] + a[2] * view[2, 0],
        a[0] * view[0, 1] + a[1] * view[1, 1] + a[2] * view[2, 1],
        a[0] * view[0, 2] + a[1] * view[1, 2] + a[2] * view[2, 2],
    )


@njit(**COMPILED)
def _add_view_gradient(v_view, means, v_center, world_axes, v_axes, counted):
    """Add ``v_center (mean, 1)^T + v_axes world_axes^T`` to a 3 x 4 table, over the lanes that count."""
    for row in range(3):
        v = where(counted, v_center[row], 0.0)
        a, b, c = v_axes[3 * row], v_axes[3 * row + 1], v_axes[3 * row + 2]
        for column in range(3):
            turning = a * world_axes[3 * column] + b * world_axes[3 * column + 1] + c * world_axes[3 * column + 2]
            v_view[row, column] += total(v * means[column] + where(counted, turning, 0.0))
        v_view[row, 3] += total(v)


@njit(**COMPILED)
def _upstream(first, last, limits, antialiased, opacity, footprint, grads):
    """What blending says of these Gaussians, taken back to ``P``: spread, normal, place, and opacity."""
    v_means2d, v_depths, v_shapes, v_opacities = grads
    _, _, normal, (_, _, yy), sharp_det, det = footprint
    xy = footprint[3][1]
    shape = (yy / det, -xy / yy, 1.0 / yy)
    v_xx, v_xy, v_yy = _spread_gradient(
        shape,
        (gather(v_shapes, first, last, 3, 0), gather(v_shapes, first, last, 3, 1), gather(v_shapes, first, last, 3, 2)),
    )
    v_opacity = gather(v_opacities, first, last, 1, 0)
    v_normal = _scaled(normal, 0.0)
    if antialiased:
        v_normal, v_diagonal = _compensation_gradient(normal, sharp_det, det, limits[3], v_opacity * opacity)
        v_xx, v_yy = v_xx + v_diagonal, v_yy + v_diagonal
        v_opacity = v_opacity * sqrt(sharp_det / det)
    v_place = (
        gather(v_means2d, first, last, 2, 0),
        gather(v_means2d, first, last, 2, 1),
        gather(v_depths, first, last, 1, 0),
    )
    return (v_xx, v_xy, v_yy), v_normal, v_place, v_opacity


@njit(**COMPILED)
def _to_parameters(unit, inverse, rotation, sizes, v_world_axes):
    """Gradients to quaternions and standard deviations from that to the principal axes in world coordinates."""
    v_sizes = (
        rotation[0] * v_world_axes[0] + rotation[3] * v_world_axes[3] + rotation[6] * v_world_axes[6],
        rotation[1] * v_world_axes[1] + rotation[4] * v_world_axes[4] + rotation[7] * v_world_axes[7],
        rotation[2] * v_world_axes[2] + rotation[5] * v_world_axes[5] + rotation[8] * v_world_axes[8],
    )
    return _quaternion_gradient(unit, inverse, _principal_axes(v_world_axes, sizes)), v_sizes


@njit(**COMPILED)
def _kept(seen, values):
    """Zero where a Gaussian is not seen: whatever was computed there may be no number."""
    return where(seen, values[0], 0.0), where(seen, values[1], 0.0), where(seen, values[2], 0.0)


@njit(**COMPILED)
def _block_backward(
    block, means, quats, scales, opacities, views, intrinsics, size, limits, antialiased, radii, v_means2d, v_depths,
    v_shapes, v_opacities2d, v_means, v_quats, v_scales, v_opacities, v_views,
):  # fmt: skip
    """`project_backward` for one block of Gaussians."""
    n = opacities.shape[0]
    for first in range(block * BLOCK, min((block + 1) * BLOCK, n), LANES):
        unit, inverse, rotation = _rotation(quats, first, n - 1)
        sizes = _sizes(scales, first, n - 1)
        world_axes = _principal_axes(rotation, sizes)
        mean = _sizes(means, first, n - 1)
        opacity = gather(opacities, first, n - 1, 1, 0)
        counted = lane_numbers() < np.float32(n - first)
        zero = splat(0.0)
        v_mean, v_quat, v_size, v_opacity = (zero, zero, zero), (zero, zero, zero, zero), (zero, zero, zero), zero
        for camera in range(views.shape[0]):
            start, end = camera * n + first, camera * n + n - 1
            seen = gather(radii, start, end, 2, 0) > 0.0
            if bits(seen) == 0:
                continue
            center = _in_camera(means, first, n - 1, views[camera])
            pinhole, bounds = _pinhole(intrinsics[camera], size[0], size[1])
            jacobian = _jacobian(center, pinhole, bounds)
            axes = _turned(views[camera], world_axes)
            footprint = _footprint(jacobian, axes, limits[3])
            grads = (v_means2d, v_depths, v_shapes, v_opacities2d)
            v_spread, v_normal, v_place, v_opacity2d = _upstream(
                start, end, limits, antialiased, opacity, footprint, grads
            )
            v_center, v_axes = _camera_gradient(
                jacobian, axes, footprint[:2], v_spread, v_normal, v_place
            )  # fmt: skip
            v_center = _kept(seen, v_center)
            ax, bx, cx = _kept(seen, v_axes[:3])
            ay, by, cy = _kept(seen, v_axes[3:6])
            az, bz, cz = _kept(seen, v_axes[6:])
            v_axes = (ax, bx, cx, ay, by, cy, az, bz, cz)
            _add_view_gradient(v_views[block, camera], mean, v_center, world_axes, v_axes, counted)
            v_mean = _plus(v_mean, _turned_back(views[camera], v_center))
            left = _turned_back(views[camera], (v_axes[0], v_axes[3], v_axes[6]))
            middle = _turned_back(views[camera], (v_axes[1], v_axes[4], v_axes[7]))
            right = _turned_back(views[camera], (v_axes[2], v_axes[5], v_axes[8]))
            v_world_axes = (
                left[0], middle[0], right[0], left[1], middle[1], right[1], left[2], middle[2], right[2],
            )  # fmt: skip
            to_quat, to_size = _to_parameters(unit, inverse, rotation, sizes, v_world_axes)
            v_quat = (v_quat[0] + to_quat[0], v_quat[1] + to_quat[1], v_quat[2] + to_quat[2], v_quat[3] + to_quat[3])
            v_size = _plus(v_size, to_size)
            v_opacity = v_opacity + where(seen, v_opacity2d, 0.0)
        for axis in range(3):
            scatter(v_means, first, n - 1, 3, axis, v_mean[axis])
            scatter(v_scales, first, n - 1, 3, axis, v_size[axis])
        for part in range(4):
            scatter(v_quats, first, n - 1, 4, part, v_quat[part])
        scatter(v_opacities, first, n - 1, 1, 0, v_opacity)


@njit(**COMPILED)
def project_backward(
    worker, workers,
    means, quats, scales, opacities, views, intrinsics, size, limits, antialiased, radii, v_means2d, v_depths, v_shapes,
    v_opacities2d, v_means, v_quats, v_scales, v_opacities, v_views,
):  # fmt: skip
    """Gradients of `project`; ``v_views [block, camera, 3, 4]`` holds one part for every block of Gaussians."""
    n = opacities.shape[0]
    for block in range(worker, (n + BLOCK - 1) // BLOCK, workers):
        _block_backward(
            block, means, quats, scales, opacities, views, intrinsics, size, limits, antialiased, radii, v_means2d,
            v_depths, v_shapes, v_opacities2d, v_means, v_quats, v_scales, v_opacities, v_views,
        )  # fmt: skip
