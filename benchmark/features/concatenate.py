"""Several models as one entry, ``a+b``: each reduced by itself, brought to one grid, joined and reduced again.

Section 3.3 of the protocol notes. The common grid has a token for every 16 pixels of what the models saw; raw entries
join at the size that is fitted, where their colours lie.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from benchmark.features.feature_maps import FeatureMaps, sample_grid
from benchmark.features.reduce import reduce_channels
from benchmark.protocols import Concatenate, Reduce

TOKEN = 16


@dataclass(frozen=True)
class Part:
    """One entry's features with all their channels.

    Attributes
    ----------
    is_raw
        Whether they are the photograph itself, a value a pixel.
    """

    name: str
    maps: FeatureMaps
    is_raw: bool


def concatenate(
    parts: Sequence[Part], settings: Concatenate, reduce: Reduce, seen_size: tuple[int, int]
) -> FeatureMaps:
    """Join parts, in their order.

    Parameters
    ----------
    seen_size
        Width and height at which networks see the photographs.

    Raises
    ------
    ValueError
        With fewer than two parts.
    """
    if len(parts) < 2:
        raise ValueError(f"parts: expected at least two, got {len(parts)}")
    if settings.ordered:
        first_raw = next((number for number, part in enumerate(parts) if part.is_raw), len(parts))
    else:
        parts, first_raw = sorted(parts, key=lambda part: part.name), len(parts)
    plain = replace(reduce, scaling="none")
    width, height = seen_size
    grid = (max(1, height // TOKEN), max(1, width // TOKEN))
    tokens, pixels = [], []
    for number, part in enumerate(parts):
        by_itself = not part.is_raw and number < first_raw
        maps = reduce_channels(part.maps, plain) if by_itself else part.maps
        normalised = replace(maps, grid=_normalised(maps.grid, settings))
        if part.is_raw:
            pixels.append(normalised)
        else:
            tokens.append(sample_grid(normalised.grid, normalised.extent, grid))
    names = {"parts": [part.name for part in parts]}
    if not tokens:
        return reduce_channels(FeatureMaps(torch.cat([maps.grid for maps in pixels], dim=1), reduction=names), reduce)
    joined = FeatureMaps(torch.cat(tokens, dim=1), reduction=names)
    if not pixels:
        return reduce_channels(joined, reduce)
    joined = reduce_channels(joined, plain)
    size = (pixels[0].grid.shape[2], pixels[0].grid.shape[3])
    wide = sample_grid(_normalised(joined.grid, settings), joined.extent, size)
    return reduce_channels(
        FeatureMaps(torch.cat([wide, *(maps.grid for maps in pixels)], dim=1), reduction=names), reduce
    )


def _normalised(grid: torch.Tensor, settings: Concatenate) -> torch.Tensor:
    """One factor for all channels, so that no model outweighs another by the scale of its numbers."""
    if settings.normalise == "range":
        low, high = grid.amin(), grid.amax()
        return (grid - low) / (high - low).clamp_min(torch.finfo(grid.dtype).tiny)
    centred = grid - grid.mean(dim=(0, 2, 3), keepdim=True)
    return centred / centred.square().mean().sqrt().clamp_min(torch.finfo(grid.dtype).tiny)
