"""Tokens of any timm model, by its ``forward_intermediates``."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional


class TimmTokens(nn.Module):
    """The output of a block (transformers) or stage (convolutional networks) as a grid.

    Parameters
    ----------
    layer
        Index of a block or stage as timm counts, from 0. Several are joined along the channels on the grid of the
        first, the others resampled to it.
    norm
        Whether the network's final normalisation is applied.
    """

    def __init__(self, network: nn.Module, layer: int | tuple[int, ...], norm: bool = False):
        super().__init__()
        self.network: Any = network
        self.indices = list(layer) if isinstance(layer, tuple) else [layer]
        self.norm = norm

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Tokens of normalised images; ``view_positions`` is not looked at."""
        # timm returns stages in ascending order, whatever the order of the indices.
        ascending = self.network.forward_intermediates(
            images, indices=self.indices, norm=self.norm, stop_early=True, output_fmt="NCHW", intermediates_only=True
        )
        maps = dict(zip(sorted(self.indices), ascending, strict=True))
        first = maps[self.indices[0]]
        others = [
            functional.interpolate(maps[index], size=first.shape[2:], mode="bilinear", align_corners=False)
            for index in self.indices[1:]
        ]
        return torch.cat([first, *others], dim=1)


class ProjectedTokens(TimmTokens):
    """Normalised tokens of a block times the network's last linear layer, as models of images and words compare them."""

    def __init__(self, network: nn.Module, layer: int):
        super().__init__(network, layer, norm=True)

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Projected tokens of normalised images."""
        tokens = super().forward(images, view_positions)
        return self.network.head(tokens.movedim(1, -1)).movedim(-1, 1)
