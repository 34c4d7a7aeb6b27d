"""Ranks and intervals against closed forms and SciPy."""

import numpy as np
import pytest
from scipy import stats

from leaderboard import ranking


def test_equal_values_share_the_smaller_rank_or_the_mean_of_their_ranks():
    values = [20.0, 22.0, 20.0, 19.0]
    assert ranking.competition_ranks(values, "higher").tolist() == [2, 1, 2, 4]
    assert ranking.competition_ranks(values, "lower").tolist() == [2, 4, 2, 1]
    assert ranking.fractional_ranks(values, "higher").tolist() == [2.5, 1.0, 2.5, 4.0]


@pytest.mark.parametrize("better", ["higher", "lower"])
def test_ranks_agree_with_scipy(better):
    values = np.random.default_rng(1).integers(0, 12, size=(50, 20)).astype(float)
    sign = -1 if better == "higher" else 1
    assert (ranking.competition_ranks(values, better) == stats.rankdata(sign * values, "min", axis=-1)).all()
    assert (ranking.fractional_ranks(values, better) == stats.rankdata(sign * values, "average", axis=-1)).all()


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(ValueError, match="finite"):
        ranking.competition_ranks([1.0, float("nan")], "higher")


def test_an_empty_table_has_no_ranks():
    assert ranking.competition_ranks([], "higher").tolist() == []


@pytest.mark.parametrize("freedom", [1, 2, 5, 13, 30, 31, 60, 500])
def test_t_quantiles_agree_with_scipy(freedom):
    assert ranking.t_quantile(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=1e-4)


def test_spread_of_the_bootstrap_is_the_standard_error():
    """Plain bootstrap means vary by sqrt((n - 1) / n) * s / sqrt(n); the widening turns that into t / z * s / sqrt(n)."""
    values = np.random.default_rng(0).normal(20, 2, size=(9, 3))
    means = ranking.bootstrap_means(values, draws=40_000)
    expected = stats.t.ppf(0.975, 8) / stats.norm.ppf(0.975) * values.std(axis=0, ddof=1) / 3
    assert means.std(axis=0) == pytest.approx(expected, rel=0.02)
    assert means.mean(axis=0) == pytest.approx(values.mean(axis=0), abs=0.03)


def test_draws_are_paired_and_seeded():
    scenes = np.random.default_rng(0).normal(20, 5, size=(6, 1))
    means = ranking.bootstrap_means(np.hstack([scenes, scenes + 0.5]))
    # Scenes differ by 5 dB, but the two entries by 0.5 in each of them.
    assert (means[:, 1] - means[:, 0]) == pytest.approx(np.full(len(means), 0.5))
    assert (means == ranking.bootstrap_means(np.hstack([scenes, scenes + 0.5]))).all()
    with pytest.raises(ValueError, match="two units"):
        ranking.bootstrap_means(np.ones((1, 3)))


@pytest.mark.parametrize(("units", "least", "most"), [(3, 0.88, 0.99), (5, 0.91, 0.985), (20, 0.92, 0.98)])
def test_intervals_of_few_units_contain_the_truth_as_often_as_they_say(units, least, most):
    """Two equal entries on normal data: 95 % of the intervals of their difference must contain 0."""
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(600):
        means = ranking.bootstrap_means(rng.normal(20, 1, size=(units, 2)), draws=400)
        covered += int(ranking.indistinguishable(means, 0)[1])
    assert least < covered / 600 < most


def test_group_of_the_best():
    rng = np.random.default_rng(3)
    scene = rng.normal(20, 3, size=(8, 1))
    noise = rng.normal(0, 0.1, size=(8, 3))
    means = ranking.bootstrap_means(scene + np.array([1.0, 0.98, 0.0]) + noise)
    assert ranking.indistinguishable(means, 0).tolist() == [True, True, False]
    low, high = ranking.rank_intervals(means, "higher")
    assert (low.tolist(), high.tolist()) == ([1, 1, 3], [2, 2, 3])


def test_smallest_difference_is_half_of_the_paired_t_interval():
    values = np.random.default_rng(4).normal(20, 1, size=(6, 2))
    interval = stats.ttest_rel(values[:, 0], values[:, 1]).confidence_interval(0.95)
    assert ranking.smallest_difference(values) == pytest.approx((interval.high - interval.low) / 2, rel=1e-4)


def test_smallest_difference_is_the_median_over_pairs():
    values = np.random.default_rng(5).normal(20, 1, size=(6, 3))
    halves = []
    for i, j in ((0, 1), (0, 2), (1, 2)):
        interval = stats.ttest_rel(values[:, i], values[:, j]).confidence_interval(0.95)
        halves.append((interval.high - interval.low) / 2)
    assert ranking.smallest_difference(values) == pytest.approx(sorted(halves)[1], rel=1e-4)
    assert ranking.smallest_difference(values[:1]) is None
    assert ranking.smallest_difference(values[:, :1]) is None
