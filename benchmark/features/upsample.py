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

# Channels filtered at once: the filter keeps a covariance with each colour of all of them.
CHANNELS = 32


def upsample_guided(
    maps: FeatureMaps, photographs: Float[torch.Tensor, "view height width 3"], settings: Upsample
) -> FeatureMaps:
    """A finer grid of tokens: bilinear, then a guided filter with the photograph as the guide.

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
        from kornia.filters import guided_blur
    except ImportError:
        raise MissingError(
            "modes *_up: the guided filter is kornia's, which is not installed; pip install 'splatbench[upsample]'"
        ) from None
    window = window_side(maps, (height, width), settings)
    guides = functional.interpolate(photographs.movedim(-1, 1), (height, width), mode="bilinear", antialias=True)
    filtered = []
    for grid, guide in zip(maps.grid.split(1), guides.split(1), strict=True):
        bilinear = sample_grid(grid, maps.extent, (height, width))
        # Mirrored by hand, as far as a small picture allows: the library mirrors at most one side less a pixel.
        pad = min(window // 2, height - 1, width - 1)
        parts = [
            guided_blur(_mirrored(guide, pad), _mirrored(part, pad), window, settings.epsilon, border_type="replicate")
            for part in bilinear.split(CHANNELS, dim=1)
        ]
        filtered.append(torch.cat(parts, dim=1)[..., pad : pad + height, pad : pad + width])
    reduction = {**maps.reduction, "upsampled": {"method": "guided", "window": window, **asdict(settings)}}
    return replace(maps, grid=torch.cat(filtered).contiguous(), extent=(0.0, 0.0, 1.0, 1.0), reduction=reduction)


def window_side(maps: FeatureMaps, size: tuple[int, int], settings: Upsample) -> int:
    """Side of the filter's window, odd, on a grid of ``size`` (height, width)."""
    left, top, right, bottom = maps.extent
    rows, columns = maps.grid.shape[2:]
    token = max(size[0] * (bottom - top) / rows, size[1] * (right - left) / columns)
    return max(3, 2 * round(settings.window * token / 2) + 1)


def _mirrored(
    image: Float[torch.Tensor, "1 channel height width"], pad: int
) -> Float[torch.Tensor, "1 channel rows columns"]:
    return functional.pad(image, (pad, pad, pad, pad), mode="reflect")
