"""Choice of views: spread out, overlapping, test views seen from train views."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.scenes.own.choose import (
    MIN_COVERAGE,
    choose_views,
    default_counts,
    overlap,
    view_coverage,
    view_distance,
)


def walk(count: int, step: int = 10, width: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Cameras in a row along a wall: view ``i`` sees the points from ``i * step`` to ``i * step + width``."""
    seen = np.zeros((count, (count - 1) * step + width), bool)
    for view in range(count):
        seen[view, view * step : view * step + width] = True
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, 0, 3] = np.arange(count)
    return seen, poses


def test_overlap_and_coverage_by_hand():
    seen, _ = walk(3)
    np.testing.assert_allclose(overlap(seen), [[0, 0.75, 0.5], [0.75, 0, 0.75], [0.5, 0.75, 0]])
    np.testing.assert_allclose(view_coverage(seen, [0]), [0, 0.75, 0.5])
    np.testing.assert_allclose(view_coverage(seen, [0, 2]), [0.5, 1.0, 0.5])


def test_distance_counts_place_and_direction():
    poses = np.tile(np.eye(4), (3, 1, 1))
    poses[1, 0, 3] = 5.0
    poses[2, :3, :3] = np.diag([-1.0, 1.0, -1.0])  # looks backwards
    np.testing.assert_allclose(view_distance(poses), [[0, 1, 0.5], [1, 0, 1.5], [0.5, 1.5, 0]])


def test_train_views_span_the_walk_and_test_views_lie_between():
    choice = choose_views(*walk(13), train=5, test=4)
    assert min(choice.train) <= 1 and max(choice.train) >= 11
    assert max(np.diff(choice.train)) <= 4
    assert all(choice.coverage[view] >= MIN_COVERAGE for view in choice.test)
    assert all(choice.train[0] < view < choice.train[-1] for view in choice.test)
    assert max(choice.test) - min(choice.test) >= 6


def test_a_view_that_overlaps_nothing_is_left_alone():
    seen, poses = walk(8)
    seen = np.vstack([seen, np.zeros((1, seen.shape[1]), bool)])
    far = np.eye(4)
    far[0, 3] = 100.0
    choice = choose_views(seen, np.concatenate([poses, far[None]]), train=4, test=3)
    assert 8 not in choice.train + choice.test


def test_too_few_views_are_said():
    with pytest.raises(ValueError, match="3 train and 2 test views are not to be had of 4"):
        choose_views(*walk(4), train=3, test=2)


@given(st.integers(3, 200))
def test_default_counts_can_be_had(usable):
    train, test = default_counts(usable)
    assert train >= 2 and test >= 1 and train + test <= usable


@given(st.integers(3, 12), st.data())
@settings(max_examples=40, deadline=None)
def test_any_points_give_disjoint_views_in_their_number(count, draw):
    rng = np.random.default_rng(draw.draw(st.integers(0, 1000)))
    seen = rng.random((count, 50)) < rng.random()
    _, poses = walk(count)
    train = draw.draw(st.integers(1, count - 1))
    test = draw.draw(st.integers(1, count - train))
    choice = choose_views(seen, poses, train, test)
    assert len(choice.train) == train and len(choice.test) == test
    assert not set(choice.train) & set(choice.test)
    assert ((choice.coverage >= 0) & (choice.coverage <= 1)).all()
