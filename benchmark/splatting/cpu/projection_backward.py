"""Gradients of `projection.project`, several Gaussians at a time: what is needed of the forward pass is computed again."""

from __future__ import annotations

import numpy as np
from numba import njit

from benchmark.splatting.cpu.projection import (
    BLOCK,
    COMPILED,
    cross,
    dot,
    footprint_of,
    in_camera,
    jacobian_of,
    pinhole_of,
    plus,
    principal_axes,
    scaled,
    three_columns,
    turned,
    unit_rotation,
)
from benchmark.splatting.cpu.simd import LANES, bits, lane_numbers, maximum, splat, sqrt, total, where
from benchmark.splatting.cpu.simd_memory import gather, scatter
from benchmark.splatting.cpu.threads import claim


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
    return scaled(normal, along), eps2d * v_det


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
    v_row_x = plus(plus(scaled(row_x, 2.0 * v_xx), scaled(row_y, v_xy)), cross(row_y, v_normal))
    v_row_y = plus(plus(scaled(row_y, 2.0 * v_yy), scaled(row_x, v_xy)), cross(v_normal, row_x))
    v_axes_x, v_axes_y = scaled(v_row_x, jx), scaled(v_row_y, jy)
    v_axes_z = plus(scaled(v_axes_x, -across), scaled(v_axes_y, -down))
    third = (axes[6], axes[7], axes[8])
    v_across, v_down = -dot(v_axes_x, third), -dot(v_axes_y, third)
    # A direction that was held at the bound does not move with the centre.
    v_across = where(free_across == across, v_across, 0.0) * inverse_z
    v_down = where(free_down == down, v_down, 0.0) * inverse_z
    v_u, v_v = v_place[0] * jx, v_place[1] * jy
    v_x, v_y = v_u + v_across, v_v + v_down
    shrinking = (dot(v_row_x, row_x) + dot(v_row_y, row_y)) * inverse_z
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
    v_normal = scaled(normal, 0.0)
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
    return _quaternion_gradient(unit, inverse, principal_axes(v_world_axes, sizes)), v_sizes


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
        unit, inverse, rotation = unit_rotation(quats, first, n - 1)
        sizes = three_columns(scales, first, n - 1)
        world_axes = principal_axes(rotation, sizes)
        mean = three_columns(means, first, n - 1)
        opacity = gather(opacities, first, n - 1, 1, 0)
        counted = lane_numbers() < np.float32(n - first)
        zero = splat(0.0)
        v_mean, v_quat, v_size, v_opacity = (zero, zero, zero), (zero, zero, zero, zero), (zero, zero, zero), zero
        for camera in range(views.shape[0]):
            start, end = camera * n + first, camera * n + n - 1
            seen = gather(radii, start, end, 2, 0) > 0.0
            if bits(seen) == 0:
                continue
            center = in_camera(means, first, n - 1, views[camera])
            pinhole, bounds = pinhole_of(intrinsics[camera], size[0], size[1])
            jacobian = jacobian_of(center, pinhole, bounds)
            axes = turned(views[camera], world_axes)
            footprint = footprint_of(jacobian, axes, limits[3])
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
            v_mean = plus(v_mean, _turned_back(views[camera], v_center))
            left = _turned_back(views[camera], (v_axes[0], v_axes[3], v_axes[6]))
            middle = _turned_back(views[camera], (v_axes[1], v_axes[4], v_axes[7]))
            right = _turned_back(views[camera], (v_axes[2], v_axes[5], v_axes[8]))
            v_world_axes = (
                left[0], middle[0], right[0], left[1], middle[1], right[1], left[2], middle[2], right[2],
            )  # fmt: skip
            to_quat, to_size = _to_parameters(unit, inverse, rotation, sizes, v_world_axes)
            v_quat = (v_quat[0] + to_quat[0], v_quat[1] + to_quat[1], v_quat[2] + to_quat[2], v_quat[3] + to_quat[3])
            v_size = plus(v_size, to_size)
            v_opacity = v_opacity + where(seen, v_opacity2d, 0.0)
        for axis in range(3):
            scatter(v_means, first, n - 1, 3, axis, v_mean[axis])
            scatter(v_scales, first, n - 1, 3, axis, v_size[axis])
        for part in range(4):
            scatter(v_quats, first, n - 1, 4, part, v_quat[part])
        scatter(v_opacities, first, n - 1, 1, 0, v_opacity)


@njit(**COMPILED)
def project_backward(
    queue,
    means, quats, scales, opacities, views, intrinsics, size, limits, antialiased, radii, v_means2d, v_depths, v_shapes,
    v_opacities2d, v_means, v_quats, v_scales, v_opacities, v_views,
):  # fmt: skip
    """Gradients of `project`; ``v_views [block, camera, 3, 4]`` holds one part for every block of Gaussians."""
    n = opacities.shape[0]
    block = claim(queue)
    while block < (n + BLOCK - 1) // BLOCK:
        _block_backward(
            block, means, quats, scales, opacities, views, intrinsics, size, limits, antialiased, radii, v_means2d,
            v_depths, v_shapes, v_opacities2d, v_means, v_quats, v_scales, v_opacities, v_views,
        )  # fmt: skip
        block = claim(queue)
