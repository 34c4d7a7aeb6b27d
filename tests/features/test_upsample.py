"""Features brought to the pixels along the photograph's edges."""

from __future__ import annotations

import pytest
import torch

from benchmark.features.feature_maps import FeatureMaps, sample_grid
from benchmark.features.upsample import token_side, upsample_bilateral
from benchmark.protocols import LITE, STRICT, Upsample

pytest.importorskip("kornia")


def edge(height: int, width: int, at: int) -> torch.Tensor:
    """A photograph that is dark to the left of a column and light from there on."""
    picture = torch.zeros(1, height, width, 3)
    picture[:, :, at:] = 1.0
    return picture


def test_an_edge_of_the_photograph_becomes_the_features_edge():
    # Tokens of 8 pixels whose border is that of the photograph: bilinear interpolation smears it over 8 pixels.
    grid = torch.tensor([-1.0, -1.0, 1.0, 1.0]).expand(1, 2, 3, 4).contiguous()
    maps, photograph = FeatureMaps(grid), edge(24, 32, 16)
    sharp = upsample_bilateral(maps, photograph, Upsample(pitch=1)).grid
    smooth = sample_grid(grid, maps.extent, (24, 32))
    truth = photograph[..., :1].movedim(-1, 1) * 2 - 1
    assert sharp.shape == (1, 2, 24, 32)
    assert (sharp - truth).abs().mean() < 0.3 * (smooth - truth).abs().mean()


def test_over_a_flat_photograph_features_are_only_smoothed():
    grid = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    up = upsample_bilateral(FeatureMaps(grid), torch.full((1, 32, 32, 3), 0.5), Upsample(pitch=1)).grid
    assert up.abs().max() <= grid.abs().max() + 1e-5
    constant = upsample_bilateral(
        FeatureMaps(torch.full((1, 1, 4, 4), 3.0)), torch.rand(1, 32, 32, 3), Upsample(pitch=1)
    )
    assert torch.allclose(constant.grid, torch.tensor(3.0), atol=1e-3)


def test_the_pitch_sets_the_grid_and_a_grid_as_fine_is_left():
    maps, photographs = FeatureMaps(torch.rand(2, 5, 6, 8)), torch.rand(2, 95, 128, 3)
    assert upsample_bilateral(maps, photographs, LITE.upsample).grid.shape == (2, 5, 48, 64)
    assert upsample_bilateral(maps, photographs, STRICT.upsample).grid.shape == (2, 5, 24, 32)
    fine = FeatureMaps(torch.rand(2, 5, 95, 128))
    assert upsample_bilateral(fine, photographs, STRICT.upsample) is fine


def test_a_token_is_measured_on_the_new_grid_whatever_the_padding():
    grid = torch.rand(1, 1, 6, 8)
    assert token_side(FeatureMaps(grid), (48, 64)) == 8
    assert token_side(FeatureMaps(grid, extent=(-0.5, 0.0, 1.5, 1.0)), (48, 64)) == 16
