"""From tokens to pixels along the photographs' edges: the `+` rows of the paper, with no weights (section 3.4)."""

from __future__ import annotations

import math
from dataclasses import asdict, replace

import torch
from jaxtyping import Float
from torch.nn import functional

from benchmark.errors import MissingError
from benchmark.features.feature_maps import FeatureMaps, sample_grid
from benchmark.protocols import Upsample

# Channels filtered at once: the filter lays out every window of all of them.
CHANNELS = 32


def upsample_bilateral(
    maps: FeatureMaps, photographs: Float[torch.Tensor, "view height width 3"], settings: Upsample
) -> FeatureMaps:
    """A finer grid of tokens: each the mean of those around it, weighted by distance and by likeness of colour.

    Parameters
    ----------
    photographs
        sRGB in [0, 1], of the size that is fitted.

    Returns
    -------
    Features with a token for every ``settings.pitch`` pixels along each axis, over the whole image. Features whose grid
    is as fine already are returned as they are.

    Raises
    ------
    MissingError
        If kornia is not installed.
    """
    height, width = (math.ceil(side / settings.pitch) for side in photographs.shape[1:3])
    if maps.grid.shape[2] >= height and maps.grid.shape[3] >= width:
        return maps
    try:
        from kornia.filters import joint_bilateral_blur
    except ImportError:
        raise MissingError(
            "modes *_up: the bilateral filter is kornia's, which is not installed; pip install 'splatbench[upsample]'"
        ) from None
    guides = functional.interpolate(photographs.movedim(-1, 1), (height, width), mode="bilinear", antialias=True)
    token = token_side(maps, (height, width))
    side = max(3, 2 * round(settings.window * token / 2) + 1)
    sigma = (settings.sigma_space * token,) * 2
    # Nearest, not bilinear: the filter must see tokens, not what an edge between them was smeared to.
    nearest = sample_grid(maps.grid, maps.extent, (height, width), mode="nearest")
    filtered = [
        torch.cat(
            [
                joint_bilateral_blur(part, guide, side, settings.sigma_color, sigma, border_type="replicate")
                for part in view.split(CHANNELS, dim=1)
            ],
            dim=1,
        )
        for view, guide in zip(nearest.split(1), guides.split(1), strict=True)
    ]
    reduction = {**maps.reduction, "upsampled": {"method": "joint bilateral", "side": side, **asdict(settings)}}
    return replace(maps, grid=torch.cat(filtered).contiguous(), extent=(0.0, 0.0, 1.0, 1.0), reduction=reduction)


def token_side(maps: FeatureMaps, size: tuple[int, int]) -> float:
    """Longer side of a token on a grid of ``size`` (height, width) over the whole image."""
    left, top, right, bottom = maps.extent
    rows, columns = maps.grid.shape[2:]
    return max(size[0] * (bottom - top) / rows, size[1] * (right - left) / columns)
