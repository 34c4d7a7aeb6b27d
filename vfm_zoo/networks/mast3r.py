"""The network of MASt3R: DUSt3R whose points are metric, with a descriptor for every pixel.

References
----------
Leroy, Cabon, Revaud, Grounding Image Matching in 3D with MASt3R, ECCV 2024, arXiv 2406.09756, section 3.2.
"""

from __future__ import annotations

import torch
from timm.layers import Mlp
from torch import Tensor
from torch.nn import functional

from vfm_zoo.networks.croco import BASE_DECODER, LARGE_ENCODER, Size
from vfm_zoo.networks.dust3r import PATCH, DptHead, Dust3r, Grid, Prediction, pixels_of

DESCRIPTOR_CHANNELS = 24


class DescriptorHead(DptHead):
    """Points as in DUSt3R, and descriptors from the first and the last tokens of a patch."""

    def __init__(self, encoder: Size, decoder: Size):
        super().__init__(encoder, decoder)
        joined = encoder.width + decoder.width
        self.head_local_features = Mlp(joined, 4 * joined, (DESCRIPTOR_CHANNELS + 1) * PATCH**2)

    def forward(self, layers: list[Tensor], grid: Grid) -> Prediction:
        """Points and confidence, ``descriptors`` and their confidence; see `Mast3r`."""
        raw = pixels_of(self.head_local_features(torch.cat((layers[0], layers[-1]), dim=-1)), grid)
        descriptors = functional.normalize(raw[:, :DESCRIPTOR_CHANNELS], dim=1).permute(0, 2, 3, 1)
        return {
            **super().forward(layers, grid),
            "descriptors": descriptors,
            "descriptor_confidence": raw[:, DESCRIPTOR_CHANNELS].exp(),
        }


class Mast3r(Dust3r):
    """MASt3R, with the same results as the public code to rounding.

    As `Dust3r`, with points in metres and in each prediction also ``descriptors`` [batch height width 24] of length 1
    and ``descriptor_confidence`` [batch height width] in (0, inf).
    """

    def __init__(self, encoder: Size = LARGE_ENCODER, decoder: Size = BASE_DECODER):
        super().__init__(encoder, decoder)
        self.downstream_head1 = DescriptorHead(encoder, decoder)
        self.downstream_head2 = DescriptorHead(encoder, decoder)
