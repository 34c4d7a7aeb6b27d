"""Distances between fitted and true points (section 6.5): accuracy, completeness, and each point to its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from benchmark.similarity import align_points

Points = Float[np.ndarray, "point 3"]


@dataclass(frozen=True)
class PointErrors:
    """Distances in the points' unit.

    Attributes
    ----------
    accuracy, accuracy_median
        From each fitted point to the nearest true one.
    completeness, completeness_median
        From each true point to the nearest fitted one.
    distance, distance_median
        From each fitted point to its own true one.
    """

    accuracy: float
    accuracy_median: float
    completeness: float
    completeness_median: float
    distance: float
    distance_median: float


def point_errors(fitted: Points, true: Points) -> PointErrors:
    """Compare two clouds whose points correspond one to one.

    Raises
    ------
    ValueError
        If the clouds differ in size, are empty, or hold a value that is not finite.
    """
    if fitted.shape != true.shape or fitted.ndim != 2 or fitted.shape[1] != 3 or len(fitted) == 0:
        raise ValueError(f"fitted, true: expected equal shapes [point 3], got {fitted.shape} and {true.shape}")
    for name, points in (("fitted", fitted), ("true", true)):
        if not np.isfinite(points).all():
            first = int(np.flatnonzero(~np.isfinite(points).all(axis=1))[0])
            raise ValueError(f"{name}: point {first} is not finite")
    to_true, to_fitted = nearest_distances(fitted, true), nearest_distances(true, fitted)
    own = np.linalg.norm(fitted.astype(np.float64) - true, axis=1)
    return PointErrors(
        *(float(reduce(values)) for values in (to_true, to_fitted, own) for reduce in (np.mean, np.median))
    )


def nearest_distances(source: Points, target: Points) -> Float[np.ndarray, "point"]:
    """Distance from each source point to the nearest target point."""
    distances, _ = cKDTree(target).query(source)
    return np.asarray(distances)


def align(source: Points, target: Points) -> Points:
    """Source points brought to the target by the best similarity over corresponding points.

    See `benchmark.similarity.align_points`; never a reflection.
    """
    found = align_points(source, target)
    aligned: Points = found.scale * source.astype(np.float64) @ found.rotation.T + found.translation
    return aligned
