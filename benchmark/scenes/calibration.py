"""Numbers that claim to be a camera, checked and brought to OpenCV axes; every layout passes through here.

Axes by the convention's usual name (camera's x, y, z in the world are the columns of a camera-to-world rotation):
OpenCV x right, y down, z forward; OpenGL x right, y up, z backward; LLFF down, right, backward.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from benchmark.errors import InputError

# Text files round rotations to a few digits; beyond this they are something else.
ROTATION_TOLERANCE = 1e-3


def checked_matrix(values: object, rows: int, columns: int, where: str) -> Float[np.ndarray, "rows columns"]:
    """``rows`` x ``columns`` finite numbers; `InputError` naming ``where`` otherwise."""
    try:
        matrix = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError(f"{where} holds something that is no number; write {rows}x{columns} numbers") from None
    if matrix.shape != (rows, columns):
        raise InputError(f"{where} has shape {matrix.shape}; write {rows}x{columns} numbers")
    if not np.isfinite(matrix).all():
        raise InputError(f"{where} holds NaN or infinity; remove the image or estimate its camera again")
    return matrix


def checked_intrinsics(values: object, where: str) -> Float[np.ndarray, "3 3"]:
    """``[[fx, s, cx], [0, fy, cy], [0, 0, 1]]`` with positive focal lengths, in pixels."""
    matrix = checked_matrix(values, 3, 3, where)
    if matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise InputError(f"{where} is singular or mirrored (focal lengths must be > 0); correct it")
    if matrix[1, 0] != 0 or not np.array_equal(matrix[2], [0, 0, 1]):
        raise InputError(f"{where} is not [[fx, s, cx], [0, fy, cy], [0, 0, 1]]; correct it")
    return matrix


def checked_pose(values: object, where: str) -> Float[np.ndarray, "4 4"]:
    """A rigid transform whose rotation is the nearest exact one, so that its transpose is its inverse.

    Raises
    ------
    InputError
        If a number is not finite, the last row is not 0 0 0 1, or the rotation is scaled, sheared or left-handed.
    """
    matrix = checked_matrix(values, 4, 4, where)
    if not np.array_equal(matrix[3], [0, 0, 0, 1]):
        name = where.rsplit(": ", 1)[-1]
        raise InputError(f"{where.removesuffix(name)}the last row of {name} is not 0 0 0 1; transpose or correct it")
    rotation = matrix[:3, :3]
    if np.abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE:
        raise InputError(f"{where} does not hold a rotation (is it scaled or sheared?); correct it")
    if np.linalg.det(rotation) < 0:
        raise InputError(f"{where} is left-handed; convert it to OpenCV axes without mirroring")
    left, _, right = np.linalg.svd(rotation)
    matrix[:3, :3] = left @ right
    return matrix


def inverse(pose: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "4 4"]:
    """Inverse of a rigid transform: exact up to one rounding, unlike a general solver."""
    result = np.eye(4)
    result[:3, :3] = pose[:3, :3].T
    result[:3, 3] = -pose[:3, :3].T @ pose[:3, 3]
    return result


def from_opengl(camera_to_world: object, where: str) -> Float[np.ndarray, "4 4"]:
    """World-to-camera with OpenCV axes from a camera-to-world matrix with OpenGL axes (NeRF's convention)."""
    pose = checked_pose(camera_to_world, where)
    pose[:3, 1:3] *= -1
    return inverse(pose)


def from_llff(camera_to_world: object, where: str) -> Float[np.ndarray, "4 4"]:
    """World-to-camera with OpenCV axes from the 3x4 part of ``poses_bounds.npy``, columns down, right, backward."""
    matrix = np.vstack([checked_matrix(camera_to_world, 3, 4, where), [0.0, 0.0, 0.0, 1.0]])
    down, right, backward, center = matrix.T
    return inverse(checked_pose(np.stack([right, down, -backward, center], axis=1), where))
