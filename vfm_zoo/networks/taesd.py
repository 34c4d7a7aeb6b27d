"""The tiny autoencoder TAESD as it was made for FLUX.2's latents: plain blocks, some of which see the whole image.

Own code after the layout of the released tensors. `diffusers.AutoencoderTiny` (0.42) lacks the branch of those blocks
that pools over the image.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

WIDTH, POOLED = 64, 256


class Block(nn.Module):
    """Three convolutions around which the input goes; ``pooled`` adds a branch normalised over the whole image first.

    The normalisation (groups of 64 channels) sees every pixel: latents of a crop are not the crop of the latents.
    """

    def __init__(self, pooled: bool = False):
        super().__init__()
        layers: list[nn.Module] = []
        for _ in range(3):
            layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU()]
        self.conv = nn.Sequential(*layers[:-1])
        self.pool: nn.Module | None = None
        if pooled:
            self.pool = nn.Sequential(
                nn.Conv2d(WIDTH, POOLED, 1, bias=False),
                nn.GroupNorm(4, POOLED),
                nn.ReLU(),
                nn.Conv2d(POOLED, WIDTH, 1, bias=False),
            )

    def forward(self, x: Float[Tensor, "batch 64 height width"]) -> Float[Tensor, "batch 64 height width"]:
        """The same size."""
        if self.pool is not None:
            x = x + self.pool(x)
        return torch.relu(self.conv(x) + x)


class SoftClamp(nn.Module):
    """Keeps latents within three of zero, as the decoder was trained with."""

    def forward(self, latents: Tensor) -> Tensor:
        """``3 tanh(z / 3)``."""
        return torch.tanh(latents / 3) * 3


def _narrower() -> nn.Module:
    return nn.Conv2d(WIDTH, WIDTH, 3, stride=2, padding=1, bias=False)


def _wider() -> list[nn.Module]:
    return [nn.Upsample(scale_factor=2), nn.Conv2d(WIDTH, WIDTH, 3, padding=1, bias=False)]


def encoder(channels: int) -> nn.Sequential:
    """From images in [0, 1] to latents at an eighth of the size."""
    return nn.Sequential(
        nn.Conv2d(3, WIDTH, 3, padding=1), Block(),
        _narrower(), Block(), Block(), Block(),
        _narrower(), Block(), Block(), Block(),
        _narrower(), Block(True), Block(True), Block(True),
        nn.Conv2d(WIDTH, channels, 3, padding=1),
    )  # fmt: skip


def decoder(channels: int) -> nn.Sequential:
    """From latents to images in [0, 1]."""
    return nn.Sequential(
        SoftClamp(), nn.Conv2d(channels, WIDTH, 3, padding=1), nn.ReLU(),
        Block(True), Block(True), Block(True), *_wider(),
        Block(), Block(), Block(), *_wider(),
        Block(), Block(), Block(), *_wider(),
        Block(), nn.Conv2d(WIDTH, 3, 3, padding=1),
    )  # fmt: skip
