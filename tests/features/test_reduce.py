"""Scene-level PCA against NumPy's singular value decomposition and closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from benchmark.features.feature_maps import FeatureMaps
from benchmark.features.reduce import principal_directions, reduce_channels
from benchmark.protocols import Reduce


def some_maps(views: int = 2, channels: int = 12, rows: int = 5, columns: int = 7, seed: int = 0) -> FeatureMaps:
    """Correlated channels of very different sizes around a mean that is not zero."""
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator) * torch.logspace(1, -1, channels)[:, None]
    grid = torch.randn(views, channels, rows, columns, generator=generator)
    return FeatureMaps(torch.einsum("vcrk,cd->vdrk", grid, mixing) + 5.0, extent=(0.0, 0.0, 1.1, 1.2))


def as_tokens(maps: FeatureMaps) -> np.ndarray:
    return maps.grid.permute(0, 2, 3, 1).reshape(-1, maps.grid.shape[1]).double().numpy()


def test_projections_are_those_of_the_singular_value_decomposition() -> None:
    maps = some_maps()
    reduced = reduce_channels(maps, Reduce(4, "none"))
    tokens = as_tokens(maps)
    left, values, _ = np.linalg.svd(tokens - tokens.mean(0), full_matrices=False)
    expected, found = left[:, :4] * values[:4], as_tokens(reduced)
    signs = np.sign((expected * found).sum(0))
    np.testing.assert_allclose(found * signs, expected, atol=1e-4)
    share = (values[:4] ** 2).sum() / (values**2).sum()
    assert reduced.reduction["explained_variance"] == pytest.approx(share, rel=1e-6)
    assert reduced.reduction["components"] == 4 and reduced.reduction["channels"] == 12
    assert reduced.extent == maps.extent


def test_components_are_uncorrelated_and_in_order() -> None:
    tokens = as_tokens(reduce_channels(some_maps(), Reduce(6, "global")))
    covariance = tokens.T @ tokens / len(tokens)
    np.testing.assert_allclose(tokens.mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-5)
    assert (np.diff(np.diag(covariance)) <= 0).all()


def test_global_scaling_is_one_factor_for_a_mean_variance_of_one() -> None:
    maps = some_maps()
    plain, scaled = (reduce_channels(maps, Reduce(6, scaling)) for scaling in ("none", "global"))
    assert as_tokens(scaled).var(axis=0).mean() == pytest.approx(1, rel=1e-5)
    torch.testing.assert_close(scaled.grid, plain.grid * scaled.reduction["scale"])
    assert plain.reduction["scale"] == 1.0


def test_the_size_of_the_features_does_not_matter_when_scaled() -> None:
    maps = some_maps()
    larger = FeatureMaps(maps.grid * 1000 + 7)
    torch.testing.assert_close(
        reduce_channels(larger, Reduce(6, "global")).grid,
        reduce_channels(maps, Reduce(6, "global")).grid,
        rtol=1e-3,
        atol=1e-3,
    )


def test_all_components_keep_all_distances() -> None:
    maps = some_maps()
    reduced = reduce_channels(maps, Reduce(64, "none"))
    assert reduced.grid.shape == maps.grid.shape
    assert reduced.reduction["explained_variance"] == pytest.approx(1, abs=1e-6)
    before, after = torch.from_numpy(as_tokens(maps)), torch.from_numpy(as_tokens(reduced))
    torch.testing.assert_close(torch.cdist(after, after), torch.cdist(before, before), rtol=1e-5, atol=1e-4)


def test_one_pca_for_all_views() -> None:
    """A view that is there twice changes neither mean nor directions, and gets the same features twice."""
    maps = some_maps(views=1)
    single = reduce_channels(maps, Reduce(5, "global")).grid
    double = reduce_channels(FeatureMaps(maps.grid.repeat(2, 1, 1, 1)), Reduce(5, "global")).grid
    for view in double:
        torch.testing.assert_close(view, single[0], rtol=1e-5, atol=1e-5)


def test_the_same_features_give_the_same_bits_and_signs() -> None:
    maps = some_maps()
    first = reduce_channels(maps, Reduce(6, "global"))
    torch.rand(7)
    assert torch.equal(reduce_channels(maps, Reduce(6, "global")).grid, first.grid)
    # Mirrored data have the same directions: the sign belongs to the direction, not to the data.
    mirrored = reduce_channels(FeatureMaps(-maps.grid), Reduce(6, "global")).grid
    torch.testing.assert_close(mirrored, -first.grid, rtol=1e-5, atol=1e-5)
    directions = principal_directions(torch.from_numpy(as_tokens(maps) - as_tokens(maps).mean(0)), 6)
    assert (directions.gather(0, directions.abs().argmax(0, keepdim=True)) > 0).all()
    torch.testing.assert_close(directions.T @ directions, torch.eye(6, dtype=torch.float64))


def test_fewer_tokens_than_components() -> None:
    maps = some_maps(views=1, channels=40, rows=2, columns=3)
    reduced = reduce_channels(maps, Reduce(32, "global"))
    # Six points about their mean span five directions.
    assert reduced.grid.shape == (1, 5, 2, 3)
    assert reduced.reduction["explained_variance"] == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("project", [True, False])
@pytest.mark.parametrize("scaling", ["global", "none"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_features_give_no_nan(project: bool, scaling: str, value: float) -> None:
    maps = FeatureMaps(torch.full((2, 8, 3, 4), value))
    reduced = reduce_channels(maps, Reduce(4, scaling), project=project)  # type: ignore[arg-type]
    assert torch.isfinite(reduced.grid).all()
    if project or scaling == "global":
        assert not reduced.grid.any()
    json.dumps(reduced.reduction, allow_nan=False)


def test_a_constant_channel_is_no_direction() -> None:
    maps = some_maps(channels=6)
    grid = torch.cat([maps.grid, torch.full_like(maps.grid[:, :1], 0.1)], dim=1)
    reduced = reduce_channels(FeatureMaps(grid), Reduce(64, "none"))
    torch.testing.assert_close(reduced.grid, reduce_channels(maps, Reduce(64, "none")).grid)


def test_raw_channels_are_only_centred_and_scaled() -> None:
    maps = some_maps()
    reduced = reduce_channels(maps, Reduce(4, "global"), project=False)
    expected = maps.grid - maps.grid.mean((0, 2, 3), keepdim=True)
    torch.testing.assert_close(reduced.grid, expected * reduced.reduction["scale"], rtol=1e-4, atol=1e-5)
    assert as_tokens(reduced).var(axis=0).mean() == pytest.approx(1, rel=1e-5)
    assert reduced.reduction["method"] == "none" and reduced.reduction["components"] == 12
    torch.testing.assert_close(reduce_channels(maps, Reduce(4, "none"), project=False).grid, maps.grid)
