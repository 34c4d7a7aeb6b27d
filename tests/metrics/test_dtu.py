"""DTU's own evaluation on clouds whose distances are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from benchmark.metrics.dtu import OfficialTruth, official_errors, thinned


def grid(side: int, step: float, height: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(side) * step, np.arange(side) * step)
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, height)], axis=1)


@pytest.fixture
def truth() -> OfficialTruth:
    """A plate of 1 mm pitch at height 10, observable in voxels of 2 mm up to a height of 100, above the table z = 5."""
    return OfficialTruth(
        points=grid(50, 1.0, 10.0),
        observable=np.ones((26, 26, 51), bool),
        corner=np.zeros(3),
        voxel=2.0,
        plane=np.array([0.0, 0.0, 1.0, -5.0]),
    )


def test_a_plate_lifted_by_three_is_three_away(truth):
    errors = official_errors(grid(50, 1.0, 13.0), truth)
    assert errors.accuracy == pytest.approx(3.0)
    assert errors.accuracy_median == pytest.approx(3.0)
    assert errors.completeness == pytest.approx(3.0)


def test_what_is_further_than_20_mm_does_not_count(truth):
    fitted = np.concatenate([grid(50, 1.0, 11.0), grid(50, 1.0, 60.0)])
    assert official_errors(fitted, truth).accuracy == pytest.approx(1.0)


def test_what_no_camera_could_see_does_not_count_for_accuracy(truth):
    truth.observable[:, :, 7:] = False  # above 13 mm
    fitted = np.concatenate([grid(50, 1.0, 11.0), grid(50, 1.0, 20.0)])
    assert official_errors(fitted, truth).accuracy == pytest.approx(1.0)
    outside = fitted + np.array([1000.0, 0.0, 0.0])
    assert np.isnan(official_errors(outside, truth).accuracy)


def test_the_table_does_not_count_for_completeness(truth):
    table = grid(50, 1.0, 1.0)
    with_table = OfficialTruth(
        np.concatenate([truth.points, table]), truth.observable, truth.corner, truth.voxel, truth.plane
    )
    assert official_errors(grid(50, 1.0, 12.0), with_table).completeness == pytest.approx(2.0)


def test_thinning_leaves_no_two_points_near_and_covers_all():
    points = np.random.default_rng(0).uniform(0, 3, (4000, 3))
    kept = thinned(points, 0.2, seed=1)
    assert not cKDTree(kept).query_pairs(0.2 - 1e-12)
    assert cKDTree(kept).query(points)[0].max() <= 0.2
    assert np.array_equal(kept, thinned(points, 0.2, seed=1))


def test_points_that_are_not_finite_are_refused(truth):
    with pytest.raises(ValueError, match="finite"):
        official_errors(np.full((3, 3), np.nan), truth)
