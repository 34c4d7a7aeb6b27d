"""The evaluation that comes with DTU: structured-light truth, an observability mask, distances cut at 20 mm.

R. Jensen et al., Large Scale Multi-view Stereopsis Evaluation, CVPR 2014; the numbers are those of its MATLAB code.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.spatial import cKDTree

Points = Float[np.ndarray, "point 3"]

# In mm: the fitted cloud is thinned until no two points are nearer; larger distances are gross errors and left out.
THINNED = 0.2
LARGEST = 20.0


@dataclass(frozen=True)
class OfficialTruth:
    """What DTU's archive holds for one scan, in mm, in the frame of its cameras.

    Attributes
    ----------
    points
        Of the structured-light scanner.
    observable
        Voxels that the cameras could see (``ObsMask``).
    corner
        Corner of the first voxel (``BB(1,:)``).
    voxel
        Side of a voxel (``Res``).
    plane
        ``a x + b y + c z + d``, positive above the table (``P``).
    """

    points: Points
    observable: Bool[np.ndarray, "x y z"]
    corner: Float[np.ndarray, "3"]
    voxel: float
    plane: Float[np.ndarray, "4"]


@dataclass(frozen=True)
class OfficialErrors:
    """Means and medians in mm of the distances below 20 mm; NaN where none is."""

    accuracy: float
    accuracy_median: float
    completeness: float
    completeness_median: float


def official_errors(fitted: Points, truth: OfficialTruth, seed: int = 0) -> OfficialErrors:
    """Distances of a fitted cloud to the scan's truth and back.

    Accuracy: from each thinned fitted point in an observable voxel to the nearest true one. Completeness: from each true
    point above the table to the nearest thinned fitted one.

    Parameters
    ----------
    fitted
        In mm, in the frame of DTU's cameras.
    seed
        Of the order in which points are thinned.
    """
    if fitted.ndim != 2 or fitted.shape[1] != 3 or len(fitted) == 0 or not np.isfinite(fitted).all():
        raise ValueError(f"fitted: expected finite points [point 3], got shape {fitted.shape}")
    kept = thinned(fitted, THINNED, seed)
    seen = kept[_observable(kept, truth)]
    above = truth.points[truth.points @ truth.plane[:3] + truth.plane[3] > 0]
    to_truth = _distances(seen, truth.points)
    to_fitted = _distances(above, kept)
    return OfficialErrors(*(_reduced(values, how) for values in (to_truth, to_fitted) for how in (np.mean, np.median)))


def thinned(points: Points, distance: float, seed: int) -> Points:
    """Points in a random order without those that have an earlier one that was kept nearer than ``distance``."""
    shuffled = points[np.random.default_rng(seed).permutation(len(points))]
    kept = np.ones(len(shuffled), bool)
    # Neighbours are found in blocks, so that memory does not grow with the square of a dense cloud's density.
    tree = cKDTree(shuffled)
    for begin in range(0, len(shuffled), 4096):
        for place, near in enumerate(tree.query_ball_point(shuffled[begin : begin + 4096], distance), begin):
            if kept[place]:
                kept[near] = False
                kept[place] = True
    return shuffled[kept]


def _observable(points: Points, truth: OfficialTruth) -> Bool[np.ndarray, "point"]:
    voxels = np.round((points - truth.corner) / truth.voxel).astype(np.int64)
    inside = ((voxels >= 0) & (voxels < truth.observable.shape)).all(axis=1)
    seen = np.zeros(len(points), bool)
    seen[inside] = truth.observable[tuple(voxels[inside].T)]
    return seen


def _distances(source: Points, target: Points) -> Float[np.ndarray, "point"]:
    if len(source) == 0:
        return np.zeros(0)
    distances, _ = cKDTree(target).query(source, distance_upper_bound=LARGEST)
    return np.asarray(distances[distances < LARGEST])


def _reduced(values: Float[np.ndarray, "point"], how) -> float:
    return float(how(values)) if len(values) else float("nan")
