"""Which views to train on and which to ask for: spread over the scene, overlapping, and seen from train views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

# Share of the points of the poorer view that two views must have in common to be matched well.
MIN_OVERLAP = 0.2
# Share of a test view's points that train views see; below it much of the picture could not be known.
MIN_COVERAGE = 0.6


@dataclass(frozen=True)
class Choice:
    """Views by their index.

    Attributes
    ----------
    train, test
        Sorted, disjoint.
    coverage
        For every view, the share of its points that a train view other than itself sees.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]
    coverage: Float[np.ndarray, "view"]


def choose_views(
    seen: Bool[np.ndarray, "view point"], camera_to_world: Float[np.ndarray, "view 4 4"], train: int, test: int
) -> Choice:
    """Choose ``train`` and ``test`` views.

    Train views: first the one that shares most points with all others; then, again and again, of the views that overlap
    a chosen one by `MIN_OVERLAP`, the one farthest from all chosen (if none overlaps so far, the one that does most).
    Test views: of the rest with a coverage of `MIN_COVERAGE`, the one farthest from the test views chosen so far,
    beginning with the best covered; if too few are covered, the best covered of the others.

    Raises
    ------
    ValueError
        If there are fewer views than asked for.
    """
    count = len(seen)
    if train < 1 or test < 1 or train + test > count:
        raise ValueError(f"views: {train} train and {test} test views are not to be had of {count}")
    shared, distance = overlap(seen), view_distance(camera_to_world)
    chosen = [int(shared.sum(axis=1).argmax())]
    while len(chosen) < train:
        rest = [view for view in range(count) if view not in chosen]
        best_overlap = shared[np.ix_(rest, chosen)].max(axis=1)
        fitting = [view for view, value in zip(rest, best_overlap, strict=True) if value >= MIN_OVERLAP]
        if fitting:
            chosen.append(fitting[int(distance[np.ix_(fitting, chosen)].min(axis=1).argmax())])
        else:
            chosen.append(rest[int(best_overlap.argmax())])
    coverage = view_coverage(seen, chosen)
    asked: list[int] = []
    while len(asked) < test:
        rest = [view for view in range(count) if view not in chosen and view not in asked]
        covered = [view for view in rest if coverage[view] >= MIN_COVERAGE]
        if covered and asked:
            asked.append(covered[int(distance[np.ix_(covered, asked)].min(axis=1).argmax())])
        else:
            asked.append(max(covered or rest, key=lambda view: coverage[view]))
    return Choice(tuple(sorted(chosen)), tuple(sorted(asked)), coverage)


def overlap(seen: Bool[np.ndarray, "view point"]) -> Float[np.ndarray, "view view"]:
    """Points that two views share, over those of the view that has fewer; 0 on the diagonal."""
    numbers = seen.astype(np.float64)
    shared = numbers @ numbers.T
    fewer = np.minimum.outer(shared.diagonal(), shared.diagonal())
    np.fill_diagonal(shared, 0.0)
    return shared / np.maximum(fewer, 1.0)


def view_coverage(seen: Bool[np.ndarray, "view point"], train: list[int]) -> Float[np.ndarray, "view"]:
    """For every view, the share of its points that a train view other than itself sees."""
    times = seen[train].sum(axis=0)
    others = np.where(np.isin(np.arange(len(seen)), train)[:, None], times - seen, times)
    return (seen & (others > 0)).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)


def view_distance(camera_to_world: Float[np.ndarray, "view 4 4"]) -> Float[np.ndarray, "view view"]:
    """How far apart two views are: the distance of the cameras, over the greatest, plus the angle of their axes, in turns."""
    centers, axes = camera_to_world[:, :3, 3], camera_to_world[:, :3, 2]
    apart = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
    angles = np.arccos(np.clip(axes @ axes.T, -1.0, 1.0)) / (2 * np.pi)
    return apart / max(apart.max(), 1e-12) + angles


def default_counts(usable: int) -> tuple[int, int]:
    """How many train and test views to take of ``usable``: about two for one, at most 8 and 6."""
    test = max(1, min(6, usable // 3))
    return max(2, min(8, usable - test)), test
