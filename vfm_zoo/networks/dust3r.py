"""The network of DUSt3R: two photographs in, a point for every pixel of both out, in the frame of the first.

References
----------
Wang, Leroy, Cabon, Chidlovskii, Revaud, DUSt3R: Geometric 3D Vision Made Easy, CVPR 2024, arXiv 2312.14132.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from vfm_zoo.networks.croco import (
    BASE_DECODER,
    LARGE_ENCODER,
    Size,
    TwoBranchDecoder,
    build_encoder,
    encoder_tensors,
)
from vfm_zoo.networks.dpt import Dpt

PATCH = 16

# In the released files, and read by nothing: what hid patches in pre-training, and the unit of the DPT head that would
# add a level coarser than the coarsest.
UNUSED = re.compile(r"mask_token|downstream_head\d\.dpt\.scratch\.refinenet4\.resConfUnit1\..*")
# The public code registers these convolutions twice; which of the names a file holds depends on what wrote it.
ALIAS = re.compile(r"\.scratch\.layer_rn\.(\d)\.")

Prediction = dict[str, Tensor]
Grid = tuple[int, int]


class Encoded(NamedTuple):
    """Views after the encoder, each for itself: encode once, decode in many pairs.

    Attributes
    ----------
    tokens
        Normalised.
    grid
        Rows and columns of the tokens.
    """

    tokens: Float[Tensor, "batch token channel"]
    grid: Grid


def points_of(raw: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch height width 3"]:
    """Points from what a head gives: the direction is kept, the distance ``d`` becomes ``exp(d) - 1``."""
    distance = raw.norm(dim=1, keepdim=True)
    return (raw / distance.clip(min=1e-8) * torch.expm1(distance)).permute(0, 2, 3, 1)


class LinearHead(nn.Module):
    """Every pixel of a patch from the last token of its patch."""

    def __init__(self, encoder: Size, decoder: Size):
        super().__init__()
        self.proj = nn.Linear(decoder.width, 4 * PATCH**2)

    def forward(self, layers: list[Tensor], grid: Grid) -> Prediction:
        """Points ``[batch height width 3]`` and confidence ``[batch height width]``."""
        raw = pixels_of(self.proj(layers[-1]), grid)
        return {"points": points_of(raw[:, :3]), "confidence": 1 + raw[:, 3].exp()}


class DptHead(nn.Module):
    """Pixels from the encoder and three blocks of the decoder (half-way, three quarters, last)."""

    def __init__(self, encoder: Size, decoder: Size):
        super().__init__()
        self.taps = (0, decoder.depth // 2, decoder.depth * 3 // 4, decoder.depth)
        self.dpt = Dpt((encoder.width, *3 * (decoder.width,)), outputs=4)

    def forward(self, layers: list[Tensor], grid: Grid) -> Prediction:
        """Points ``[batch height width 3]`` and confidence ``[batch height width]``."""
        raw = self.dpt([layers[tap] for tap in self.taps], grid)
        return {"points": points_of(raw[:, :3]), "confidence": 1 + raw[:, 3].exp()}


def pixels_of(
    tokens: Float[Tensor, "batch token patch_channel"], grid: Grid
) -> Float[Tensor, "batch channel height width"]:
    """Tokens that hold all pixels of their patch, laid out as a map."""
    return functional.pixel_shuffle(tokens.transpose(1, 2).unflatten(2, grid), PATCH)


class Dust3r(nn.Module):
    """DUSt3R, with the same results as the public code to rounding.

    Parameters
    ----------
    head
        ``dpt`` or ``linear``, as in the name of the checkpoint.
    """

    def __init__(
        self, encoder: Size = LARGE_ENCODER, decoder: Size = BASE_DECODER, head: Literal["dpt", "linear"] = "dpt"
    ):
        super().__init__()
        self.encoder = build_encoder(encoder, PATCH)
        self.decoder = TwoBranchDecoder(encoder.width, decoder)
        kind = {"dpt": DptHead, "linear": LinearHead}[head]
        self.downstream_head1: nn.Module = kind(encoder, decoder)
        self.downstream_head2: nn.Module = kind(encoder, decoder)

    def forward(
        self,
        images1: Float[Tensor, "batch 3 height1 width1"],
        images2: Float[Tensor, "batch 3 height2 width2"],
    ) -> tuple[Prediction, Prediction]:
        """Predict the points of pairs of views.

        Parameters
        ----------
        images1, images2
            sRGB in [-1, 1]; sides multiples of 16 (the released networks were trained with the longer side 512).
            They may differ in size. Portrait photographs are taken as they are, as in the public code for inference.

        Returns
        -------
        For each view ``points`` [batch height width 3], **both in the camera frame of the first view** (x right, y
        down, z forward) and up to scale, and ``confidence`` [batch height width] in (1, inf).

        Raises
        ------
        ValueError
            For images of another shape or size.
        """
        return self.decode(self.encode(images1), self.encode(images2))

    def encode(self, images: Float[Tensor, "batch 3 height width"]) -> Encoded:
        """Encode views, each for itself; a view in many pairs needs it once."""
        if images.ndim != 4 or images.shape[1] != 3 or any(side % PATCH or not side for side in images.shape[2:]):
            raise ValueError(
                f"images: expected [batch 3 height width] with sides that are multiples of {PATCH}, "
                f"got {tuple(images.shape)}"
            )
        height, width = images.shape[2:]
        return Encoded(self.encoder.forward_features(images), (height // PATCH, width // PATCH))

    def decode(self, view1: Encoded, view2: Encoded) -> tuple[Prediction, Prediction]:
        """Predict the points of encoded pairs; see `forward`."""
        layers1, layers2 = self.decoder(view1.tokens, view2.tokens, view1.grid, view2.grid)
        # Exponentials of half-precision numbers would be off by much.
        with torch.autocast(view1.tokens.device.type, enabled=False):
            return (
                self.downstream_head1([tokens.float() for tokens in layers1], view1.grid),
                self.downstream_head2([tokens.float() for tokens in layers2], view2.grid),
            )


def network_tensors(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of a released DUSt3R or MASt3R, in the names of our network; unused ones are left out."""
    tensors = {f"encoder.{name}": tensor for name, tensor in encoder_tensors(official).items()}
    for name, tensor in official.items():
        if UNUSED.fullmatch(name):
            continue
        if name.startswith(("dec_", "dec_blocks", "decoder_embed.")):
            tensors[f"decoder.{name}"] = tensor
        elif not name.startswith(("enc_", "patch_embed.")):
            tensors[ALIAS.sub(lambda match: f".scratch.layer{int(match[1]) + 1}_rn.", name)] = tensor
    return tensors
