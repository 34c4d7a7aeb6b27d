"""The encoder of MAE on a table of positions that is made for the grid, as Feat2GS runs it.

References
----------
He et al., Masked Autoencoders Are Scalable Vision Learners, CVPR 2022, arXiv 2111.06377, section 3.
"""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class GeneratedPositions(nn.Module):
    """Tokens of a block of timm's network, with sines and cosines of whole numbers for positions.

    Parameters
    ----------
    layer
        Block, from 0.
    norm
        Whether the final normalisation is applied.
    """

    def __init__(self, network: nn.Module, layer: int, norm: bool):
        super().__init__()
        self.network: Any = network
        self.layer = layer
        self.norm = norm

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Tokens of normalised images; ``view_positions`` is not looked at."""
        patches = self.network.patch_embed(images)
        rows, columns, channels = patches.shape[1:]
        tokens = patches.flatten(1, 2) + position_table(rows, columns, channels).to(patches)
        # The table is zero at the class token.
        tokens = torch.cat((self.network.cls_token.expand(len(images), -1, -1), tokens), dim=1)
        for block in self.network.blocks[: self.layer + 1]:
            tokens = block(tokens)
        if self.norm:
            tokens = self.network.norm(tokens)
        return tokens[:, 1:].transpose(1, 2).unflatten(2, (rows, columns))


def position_table(rows: int, columns: int, channels: int) -> Float[Tensor, "token channel"]:
    """Sines, then cosines, of the column in the first half of the channels and of the row in the second."""
    quarter = channels // 4
    frequencies = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    angles = [place.flatten()[:, None] * frequencies for place in (column, row)]
    return torch.cat([half(angle) for angle in angles for half in (torch.sin, torch.cos)], dim=1).float()
