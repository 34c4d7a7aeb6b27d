"""Several models as one entry: order, grids, scales."""

from __future__ import annotations

import pytest
import torch

from benchmark.features.concatenate import Part, concatenate
from benchmark.features.feature_maps import FeatureMaps
from benchmark.protocols import LITE, PAPER, Reduce

SEEN = (64, 48)


def part(name: str, channels: int, rows: int, columns: int, raw: bool = False, factor: float = 1.0) -> Part:
    generator = torch.Generator().manual_seed(len(name) + channels)
    return Part(name, FeatureMaps(factor * torch.randn(2, channels, rows, columns, generator=generator)), raw)


def test_any_order_is_the_same_entry_where_order_does_not_count():
    parts = [part("b", 20, 3, 4), part("a", 30, 6, 8), part("raw", 6, 24, 32, raw=True)]
    one = concatenate(parts, LITE.concatenate, LITE.reduce, SEEN)
    other = concatenate(parts[::-1], LITE.concatenate, LITE.reduce, SEEN)
    assert torch.equal(one.grid, other.grid)
    assert one.reduction["parts"] == ["a", "b", "raw"]


def test_the_common_grid_has_a_token_for_sixteen_pixels():
    joined = concatenate([part("a", 5, 3, 4), part("b", 7, 6, 8)], LITE.concatenate, LITE.reduce, SEEN)
    assert joined.grid.shape == (2, 12, 3, 4)


def test_raw_entries_join_at_the_pixels():
    joined = concatenate([part("a", 5, 3, 4), part("raw", 6, 24, 32, raw=True)], LITE.concatenate, LITE.reduce, SEEN)
    assert joined.grid.shape == (2, 11, 24, 32)


def test_a_model_of_large_numbers_does_not_outweigh_another():
    parts = [part("a", 5, 3, 4), part("b", 5, 3, 4)]
    loud = [parts[0], Part("b", FeatureMaps(1000 * parts[1].maps.grid), False)]
    one, other = (concatenate(p, LITE.concatenate, LITE.reduce, SEEN) for p in (parts, loud))
    assert one.grid.abs().allclose(other.grid.abs(), atol=1e-4)


def test_published_order_counts_since_what_follows_a_raw_entry_is_not_reduced_alone():
    """Q10: an id that begins with iuvrgb skips the first PCA of all others."""
    few = Reduce(components=4, scaling="none")
    models, raw = [part("model", 30, 3, 4), part("b", 40, 6, 8)], part("raw", 6, 24, 32, raw=True)
    first = concatenate([raw, *models], PAPER.concatenate, few, SEEN)
    last = concatenate([*models, raw], PAPER.concatenate, few, SEEN)
    assert first.grid.shape == last.grid.shape
    assert not first.grid.allclose(last.grid, atol=1e-3)


def test_range_normalisation_is_over_the_whole_tensor():
    joined = concatenate([part("a", 2, 3, 4), part("b", 2, 3, 4, factor=9.0)], PAPER.concatenate, PAPER.reduce, SEEN)
    # Unscaled PCA of numbers in [0, 1] stays within their centred range's length.
    assert joined.grid.norm(dim=1).max() <= 2.0


def test_one_part_is_no_combination():
    with pytest.raises(ValueError, match="at least two"):
        concatenate([part("a", 2, 3, 4)], LITE.concatenate, LITE.reduce, SEEN)
