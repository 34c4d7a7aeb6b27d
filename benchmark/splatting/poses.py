"""Rotations, rigid motions and similarities: what moves cameras while a scene is fitted or compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from benchmark.similarity import align_points


def skew(vectors: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Matrices ``K`` with ``K @ p`` the cross product of the vector and ``p``."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    rows = (torch.stack(row, dim=-1) for row in ((zero, -z, y), (z, zero, -x), (-y, x, zero)))
    return torch.stack(tuple(rows), dim=-2)


def rotation_exp(axis_angles: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices of axis-angle vectors (radians): the exponential map of SO(3).

    Rodrigues' formula ``I + a K + b K K``, with series for ``a`` and ``b`` near zero, so that values and gradients of
    every order are finite at the identity, where a refinement starts.
    """
    squared = axis_angles.square().sum(-1)[..., None, None]
    small = squared < 1e-4
    # The untaken branch must not divide by zero either: `where` multiplies its infinite gradient by 0.
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    sine = torch.where(small, 1 - squared / 6 + squared.square() / 120, angle.sin() / angle)
    # 2 sin^2(t / 2) is 1 - cos t without its cancellation.
    cosine = torch.where(small, 0.5 - squared / 24 + squared.square() / 720, 2 * (angle / 2).sin().square() / safe)
    cross = skew(axis_angles)
    identity = torch.eye(3, dtype=axis_angles.dtype, device=axis_angles.device)
    return identity + sine * cross + cosine * (cross @ cross)


def quaternion_to_matrix(quaternions: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation matrices of quaternions ``(w, x, y, z)`` of any length but zero."""
    w, x, y, z = functional.normalize(quaternions, dim=-1).unbind(-1)
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def matrix_to_quaternion(rotations: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Unit quaternions ``(w, x, y, z)`` with ``w >= 0`` of rotation matrices.

    The entries of a rotation give the matrix ``4 q q^T``; its row with the largest diagonal is ``q`` up to length and
    sign, and is never short, so the result is exact at half turns too.
    """
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = (row.unbind(-1) for row in rotations.unbind(-2))
    outer = torch.stack(
        [
            torch.stack([1 + m00 + m11 + m22, m21 - m12, m02 - m20, m10 - m01], dim=-1),
            torch.stack([m21 - m12, 1 + m00 - m11 - m22, m10 + m01, m02 + m20], dim=-1),
            torch.stack([m02 - m20, m10 + m01, 1 - m00 + m11 - m22, m21 + m12], dim=-1),
            torch.stack([m10 - m01, m02 + m20, m21 + m12, 1 - m00 - m11 + m22], dim=-1),
        ],
        dim=-2,
    )
    longest = torch.diagonal(outer, dim1=-2, dim2=-1).argmax(-1)
    row = torch.take_along_dim(outer, longest[..., None, None], dim=-2).squeeze(-2)
    unit = functional.normalize(row, dim=-1)
    return torch.where(unit[..., :1] < 0, -unit, unit)


class PoseRefinement(torch.nn.Module):
    """Small corrections of many cameras at once, learned beside (or instead of) the scene.

    Camera ``v`` turns by a rotation vector (radians) about a pivot in the world and moves by a translation (the
    scene's unit), both along the camera's own axes and both zero at the start::

        R' = Exp(rotations[v]) R        t' = Exp(rotations[v]) (t - c) + c + translations[v]

    where ``c`` is the pivot in the camera's frame. With the pivot amid what the cameras see, a rotation changes the
    view's direction and a translation its position in the image; turned about their own centres the two would look
    nearly the same. (Normal equations of the reprojection error of a cube of side 2, seen from 4 units away:
    condition number 22 against 819.)

    The pivot at the world's origin is the published parametrisation, an absolute quaternion and translation, in
    tangent form: an Adam step of length ``r`` on a unit quaternion turns by about ``2 r`` radians, here by ``r``.

    Parameters
    ----------
    world_to_camera
        Poses to start from, OpenCV axes.
    pivot
        World point(s) about which cameras turn; None is the origin, right where the world is centred on the scene.
    fix_first
        Keep the first camera where it is, which holds the world's position and orientation.
    sparse
        Give sparse gradients, for ``torch.optim.SparseAdam``: a camera that a step does not render is then left alone
        by that step, where dense Adam would carry it on by its momentum.

    Raises
    ------
    ValueError
        If a pose is not a rigid motion.
    """

    initial: Float[Tensor, "camera 4 4"]
    pivot: Float[Tensor, "camera 3 1"]
    movable: Float[Tensor, "camera 1"]

    def __init__(
        self,
        world_to_camera: Float[Tensor, "camera 4 4"],
        pivot: Float[Tensor, "*camera 3"] | None = None,
        fix_first: bool = False,
        sparse: bool = False,
    ):
        super().__init__()
        check_rigid(world_to_camera)
        self.sparse = sparse
        self.register_buffer("initial", world_to_camera.detach().clone())
        rotation, translation = self.initial[:, :3, :3], self.initial[:, :3, 3:]
        world_pivot = torch.zeros(3) if pivot is None else pivot.detach()
        self.register_buffer("pivot", rotation @ world_pivot.to(rotation)[..., None] + translation)
        movable = torch.ones_like(self.initial[:, :1, 0])
        movable[0] = 0.0 if fix_first else 1.0
        self.register_buffer("movable", movable)
        self.rotations = torch.nn.Parameter(torch.zeros_like(self.initial[:, :3, 0]))
        self.translations = torch.nn.Parameter(torch.zeros_like(self.initial[:, :3, 0]))

    def forward(self, views: Sequence[int] | Tensor | None = None) -> Float[Tensor, "chosen 4 4"]:
        """World-to-camera matrices of the chosen cameras (None: all, in order)."""
        count = range(len(self.initial)) if views is None else views
        chosen = torch.as_tensor(count, dtype=torch.long, device=self.initial.device)
        movable = self.movable[chosen]
        turn = rotation_exp(self._rows(self.rotations, chosen) * movable)
        shift = self._rows(self.translations, chosen) * movable
        initial, pivot = self.initial[chosen], self.pivot[chosen]
        translation = turn @ (initial[:, :3, 3:] - pivot) + pivot + shift[..., None]
        return torch.cat([torch.cat([turn @ initial[:, :3, :3], translation], dim=-1), initial[:, 3:]], dim=-2)

    def parameter_groups(self, rotation_rate: float, translation_rate: float) -> list[dict[str, Any]]:
        """Groups for an optimiser: rotations and translations, each with a learning rate and a ``name``."""
        return [
            {"name": "pose_rotations", "params": [self.rotations], "lr": rotation_rate},
            {"name": "pose_translations", "params": [self.translations], "lr": translation_rate},
        ]

    def _rows(self, values: Tensor, chosen: Tensor) -> Tensor:
        return functional.embedding(chosen, values, sparse=self.sparse)


def check_rigid(world_to_camera: Float[Tensor, "camera 4 4"], tolerance: float = 1e-3) -> None:
    """``ValueError`` naming the first matrix that is no rigid motion (finite, orthonormal, determinant 1)."""
    if world_to_camera.ndim != 3 or world_to_camera.shape[1:] != (4, 4) or len(world_to_camera) == 0:
        raise ValueError(f"world_to_camera: expected [camera 4 4], got {list(world_to_camera.shape)}")
    matrices = world_to_camera.detach().double()
    rotation = matrices[:, :3, :3]
    identity = torch.eye(3, dtype=matrices.dtype, device=matrices.device)
    last = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=matrices.dtype, device=matrices.device)
    good = (
        matrices.isfinite().flatten(1).all(1)
        & ((rotation @ rotation.mT - identity).abs().amax((1, 2)) < tolerance)
        & (torch.linalg.det(rotation) > 0)
        & ((matrices[:, 3] - last).abs().amax(1) < tolerance)
    )
    if not good.all():
        first = int((~good).nonzero()[0, 0])
        raise ValueError(f"world_to_camera: matrix {first} is no rigid motion; expected [R t; 0 1] with R a rotation")


@dataclass(frozen=True)
class Similarity:
    """A change of world frame, ``x' = scale * rotation @ x + translation``."""

    scale: Float[Tensor, ""]
    rotation: Float[Tensor, "3 3"]
    translation: Float[Tensor, "3"]

    def points(self, points: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3"]:
        """Points in the new frame."""
        return self.scale * points @ self.rotation.mT + self.translation

    def cameras(self, world_to_camera: Float[Tensor, "*batch 4 4"]) -> Float[Tensor, "*batch 4 4"]:
        """Rigid poses in the new frame: they see the moved points at the same pixels, ``scale`` times as deep."""
        rotation = world_to_camera[..., :3, :3] @ self.rotation.mT
        translation = self.scale * world_to_camera[..., :3, 3] - (rotation @ self.translation)
        top = torch.cat([rotation, translation[..., None]], dim=-1)
        return torch.cat([top, world_to_camera[..., 3:, :]], dim=-2)

    def inverse(self) -> Similarity:
        """The way back."""
        rotation = self.rotation.mT
        return Similarity(1 / self.scale, rotation, -(rotation @ self.translation) / self.scale)


def umeyama(
    source: Float[Tensor, "point 3"],
    target: Float[Tensor, "point 3"],
    weights: Float[Tensor, "point"] | None = None,
    with_scale: bool = True,
) -> Similarity:
    """Similarity that brings ``source`` to ``target`` with the least (weighted) sum of squared distances.

    See `benchmark.similarity.align_points`: closed form, in double precision, never a reflection, no gradients.

    Parameters
    ----------
    source, target
        Corresponding points; at least three, not all on one line.
    weights
        At least 0, one a pair; None counts all alike.
    with_scale
        False keeps the scale at 1 (a rigid motion).

    Raises
    ------
    ValueError
        If shapes differ, a value is not finite, a weight is negative, or the points lie on one line, which leaves the
        rotation about it open.
    """
    if source.ndim != 2 or source.shape[1] != 3 or source.shape != target.shape:
        raise ValueError(f"source, target: expected the same [point 3], got {list(source.shape)}, {list(target.shape)}")
    weight = torch.ones(len(source), device=source.device) if weights is None else weights
    if weight.shape != (len(source),):
        raise ValueError(f"weights: expected [{len(source)}], got {list(weight.shape)}")
    source64, target64, weight = source.double(), target.double(), weight.double()
    if not all(bool(value.isfinite().all()) for value in (source64, target64, weight)) or bool((weight < 0).any()):
        raise ValueError("source, target, weights: expected finite values and weights of at least 0")
    found = align_points(*(value.detach().cpu().numpy() for value in (source64, target64, weight)), with_scale)
    # Two clearly positive singular values make the rotation unique; fewer than three points or a line give one.
    if not found.singular[1] > 1e-10 * found.singular[0]:
        raise ValueError("source, target: fewer than three points, or all on one line, leave the rotation open")
    return Similarity(*(torch.as_tensor(part, dtype=source.dtype, device=source.device) for part in found[:3]))
