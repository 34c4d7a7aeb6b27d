"""Contrasts of groups of entries: worked by hand, and against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from leaderboard.contrasts import contrast, groups, way_of_training


def test_worked_by_hand():
    # Differences of the two datasets: (3 + 5)/2 - 1 = 3 and (4 + 4)/2 - 1 = 3.
    values = np.array([[3.0, 5.0, 1.0], [4.0, 4.0, 1.0]])
    found = contrast(values, ["a", "b", "c"], ["a", "b"], "3-D")
    assert (found.difference, found.interval, found.units) == (3, (3, 3), 2)
    assert (found.members, found.others) == (("a", "b"), ("c",))
    # Three ways to choose two of three; c alone stands as far below as in one of them.
    assert found.probability == pytest.approx(1 / 3)


def test_one_unit_has_no_interval():
    assert contrast(np.array([[3.0, 1.0, 2.0]]), ["a", "b", "c"], ["a"]).interval is None


def test_probability_is_scipys():
    random = np.random.default_rng(0)
    values = random.normal(size=(1, 9))
    values[0, :4] += 1
    entries = [f"e{i}" for i in range(9)]
    expected = stats.permutation_test(
        (values[0, :4], values[0, 4:]), lambda a, b: abs(a.mean() - b.mean()), alternative="greater", n_resamples=np.inf
    )
    assert contrast(values, entries, entries[:4]).probability == pytest.approx(expected.pvalue)


def test_interval_covers_a_difference_of_few_scenes_as_often_as_it_says():
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(300):
        scenes = random.normal(size=(5, 1))
        values = scenes + random.normal(size=(5, 4)) + [0.7, 0.7, 0, 0]
        low, high = contrast(values, list("abcd"), ["a", "b"]).interval
        inside += low <= 0.7 <= high
    assert 0.9 <= inside / 300 <= 0.99


def test_a_side_must_not_be_empty():
    with pytest.raises(ValueError, match="expected some of"):
        contrast(np.zeros((2, 2)), ["a", "b"], ["a", "b"])


def test_groups_are_what_cards_say_of_learned_entries():
    cards = {
        "a": {"kind": "learned", "training_data": "3-D", "parameters": 9e7, "architecture": "ViT-B/16, no class token"},
        "b": {"kind": "learned", "training_data": "2-D", "parameters": 6e8, "architecture": "U-Net"},
        "c": {"kind": "learned", "training_data": "2-D"},
        "d": {"kind": "raw", "training_data": "none"},
        "e": {"kind": "learned", "training_data": ["3-D"], "parameters": True, "architecture": 7},
    }
    entries = ["a", "b", "c", "d", "e", "unknown"]
    assert groups(entries, cards, "training data") == {"2-D": ["b", "c"], "3-D": ["a"]}
    assert groups(entries, cards, "architecture") == {"U-Net": ["b"], "ViT-B": ["a"]}
    assert groups(entries, cards, "size") == {"over 500 M": ["b"], "up to 100 M": ["a"]}


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("distillation from CLIP, DINOv2 and SAM", "distillation of several models"),
        ("points and matches of image pairs", "several views"),
        ("cameras, depth, points and tracks of image sets", "several views"),
        ("what one view hides, painted from another", "several views"),
        ("points of single photographs", "depth or points of one view"),
        ("denoising, with captions", "denoising"),
        ("captions, self-distillation and masked tokens", "text"),
        ("self-distillation and masked tokens", "self-distillation"),
        ("masked features of CLIP", "masked images"),
        ("features of hidden parts", "masked images"),
        ("masks of images and videos", "masks"),
        ("image labels", "image labels"),
    ],
)
def test_ways_of_training_are_few_whatever_words_a_card_uses(words, way):
    assert way_of_training({"supervision": words}) == way
