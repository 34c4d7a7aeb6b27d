"""Correlations against SciPy, TOPSIS against hand-worked values, agreement with a dataset left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from leaderboard.correlation import agreement_without, correlations, oriented, spearman, topsis

NUMBERS = st.lists(st.tuples(st.integers(-6, 6), st.integers(-6, 6)), min_size=3, max_size=12)


@given(NUMBERS)
def test_spearman_is_scipys_with_ties_too(pairs):
    first, second = zip(*pairs, strict=True)
    found = spearman(first, second)
    if len(set(first)) == 1 or len(set(second)) == 1:
        assert found is None
    else:
        assert found == pytest.approx(stats.spearmanr(first, second).statistic, abs=1e-12)


def test_probability_of_few_entries_is_exact():
    first, second = [1, 2, 3, 4, 5, 6], [2, 1, 3, 5, 4, 6]

    def statistic(values):
        return stats.spearmanr(values, second).statistic

    expected = stats.permutation_test(
        (first,), statistic, permutation_type="pairings", n_resamples=math.inf, alternative="two-sided"
    ).pvalue
    assert correlations({"a": first, "b": second})["a", "b"].probability == pytest.approx(expected)


def test_probability_of_many_entries_is_that_of_students_t():
    random = np.random.default_rng(1)
    first = random.normal(size=40)
    second = first + 2.5 * random.normal(size=40)
    found = correlations({"a": first, "b": second})["a", "b"]
    assert found.probability == pytest.approx(stats.spearmanr(first, second).pvalue, abs=0.02)


def test_interval_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(2)
    # Spearman's coefficient of a normal pair with correlation r is 6/pi * asin(r/2).
    truth = 6 / math.pi * math.asin(0.6 / 2)
    inside = 0
    for _ in range(200):
        first = random.normal(size=30)
        second = 0.6 * first + 0.8 * random.normal(size=30)
        low, high = correlations({"a": first, "b": second}, draws=400)["a", "b"].interval
        inside += low <= truth <= high
    assert 0.88 <= inside / 200 <= 0.99


def test_same_columns_give_the_same_numbers_and_nonsense_is_refused():
    columns = {"a": [1, 2, 3, 4, 9], "b": [3, 1, 2, 5, 4], "c": [1, 1, 1, 1, 1]}
    assert correlations(columns) == correlations(columns)
    assert correlations(columns)["a", "c"].value is None
    assert correlations({"a": [1, 2], "b": [2, 1]})["a", "b"].value is None
    with pytest.raises(ValueError, match="equal lengths"):
        correlations({"a": [1, 2, 3], "b": [1, 2]})
    with pytest.raises(ValueError, match="finite"):
        correlations({"a": [1, 2, math.nan], "b": [1, 2, 3]})


def test_turning_a_column_turns_the_sign():
    assert spearman(oriented([1, 2, 3, 5], "lower"), [1, 2, 3, 4]) == -1
    assert spearman(oriented([1, 2, 3, 5], "higher"), [1, 2, 3, 4]) == 1


def test_topsis_worked_by_hand():
    # Columns of length 5: the first row is best in both (1), the last worst in both (0).
    values = np.array([[4.0, 3.0], [3.0, 4.0]])
    assert topsis(values, ["higher", "lower"]).tolist() == [1, 0]
    # Best in one and worst in the other by the same share of the column: the middle.
    assert topsis(values, ["higher", "higher"]) == pytest.approx([0.5, 0.5])
    # With weights 3:1 the distances are 3/4 and 1/4.
    assert topsis(values, ["higher", "higher"], [0.75, 0.25]) == pytest.approx([0.75, 0.25])
    assert topsis(np.ones((3, 2)), ["higher", "lower"]).tolist() == [0.5] * 3


def test_agreement_when_a_dataset_is_dropped():
    scores = {"same": [3, 2, 1], "again": [3, 2, 1], "other": [0, 4, 9]}
    found = agreement_without(scores)
    # All together: 6, 8, 11 (thirds of it); without "other": 6, 4, 2: the other way round.
    assert found["other"].value == pytest.approx(-1)
    assert found["same"].value == pytest.approx(1)
    assert agreement_without({"one": [1, 2, 3]}) == {}
