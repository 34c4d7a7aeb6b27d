"""Tokens of VGGT's alternating attention, whatever package holds the network.

References
----------
Wang et al., VGGT: Visual Geometry Grounded Transformer, CVPR 2025, arXiv 2503.11651, section 3.2.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn


class AggregatedTokens(nn.Module):
    """Patch tokens after the last pair of blocks: channels of the frame block, then of the global block.

    Parameters
    ----------
    aggregator
        From ``[scene view 3 height width]`` in [0, 1] to a list of ``[scene view token channel]`` and the index of the
        first patch token (camera and registers come before).
    together
        Whether a batch is the views of one scene; else every image is a scene of its own.
    """

    def __init__(self, aggregator: nn.Module, together: bool):
        super().__init__()
        self.aggregator: Any = aggregator
        self.together = together

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel row column"]:
        """Tokens of images; ``view_positions`` is not looked at."""
        layers, first_patch = self.aggregator(images[None] if self.together else images[:, None])
        tokens = layers[-1][:, :, first_patch:].flatten(0, 1)
        grid = tuple(side // self.aggregator.patch_size for side in images.shape[2:])
        return tokens.transpose(1, 2).unflatten(2, grid)
