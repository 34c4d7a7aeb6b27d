"""The similarity between two sets of corresponding points, in closed form."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Float


class Alignment(NamedTuple):
    """``x' = scale * rotation @ x + translation``, and how well the points determine it.

    Attributes
    ----------
    singular
        Singular values of the covariance between the two sets; the rotation is unique if two are clearly above 0.
    """

    scale: float
    rotation: Float[np.ndarray, "3 3"]
    translation: Float[np.ndarray, "3"]
    singular: Float[np.ndarray, "3"]


def align_points(
    source: Float[np.ndarray, "point 3"],
    target: Float[np.ndarray, "point 3"],
    weights: Float[np.ndarray, "point"] | None = None,
    with_scale: bool = True,
) -> Alignment:
    """Least squares over (weighted) corresponding points, in float64; never a reflection.

    Umeyama, "Least-squares estimation of transformation parameters between two point patterns", PAMI 1991, equations
    39 to 42. Where all source points are one, the scale is 1.
    """
    source, target = source.astype(np.float64), target.astype(np.float64)
    weight = np.ones(len(source)) if weights is None else weights.astype(np.float64)
    weight = (weight / max(weight.sum(), np.finfo(np.float64).tiny))[:, None]
    source_mean, target_mean = (weight * source).sum(axis=0), (weight * target).sum(axis=0)
    centered = source - source_mean
    left, singular, right = np.linalg.svd((weight * (target - target_mean)).T @ centered)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left) * np.linalg.det(right))])
    rotation = (left * signs) @ right
    variance = float((weight * np.square(centered)).sum())
    scale = float((singular * signs).sum() / variance) if with_scale and variance > 0 else 1.0
    return Alignment(scale, rotation, target_mean - scale * rotation @ source_mean, singular)
