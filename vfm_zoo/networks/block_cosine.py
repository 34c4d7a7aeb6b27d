"""The block cosine transform as an autoencoder: two strided convolutions that start as the transform and its inverse.

References
----------
Ahmed, Natarajan, Rao: Discrete Cosine Transform, IEEE Transactions on Computers, 1974. JPEG (ITU-T T.81) orders the
coefficients of a block along diagonals in the same way, and keeps colour apart from brightness.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import skip_init

# Rows: brightness, blue against the rest, red against the rest; orthonormal, so that its transpose is its inverse.
OPPONENT = torch.tensor([[1.0, 1.0, 1.0], [-1.0, -1.0, 2.0], [1.0, -1.0, 0.0]])
OPPONENT = OPPONENT / OPPONENT.norm(dim=1, keepdim=True)


def kept(channels: int, block: int) -> list[tuple[int, int]]:
    """Pairs (colour, place along the diagonals) of the coefficients that are kept, most important first.

    Of every sixteen, ten are of brightness and three of each opponent colour; where a block has no more coefficients
    of one, the others take its place.
    """
    order = ([0] * 4 + [1, 2]) + [0] * 3 + [1, 2] + [0] * 3 + [1, 2]
    found: list[tuple[int, int]] = []
    taken = [0, 0, 0]
    place = 0
    while len(found) < channels:
        colour = order[place % len(order)]
        place += 1
        if taken[colour] < block * block:
            found.append((colour, taken[colour]))
            taken[colour] += 1
    return found


def basis(channels: int, block: int) -> Float[Tensor, "channel 3 block block"]:
    """Orthonormal patterns; ``ValueError`` for more channels than a block of colour has numbers."""
    if not 1 <= channels <= 3 * block * block:
        raise ValueError(f"channels: a block of {block} x {block} has 1 to {3 * block * block}, got {channels}")
    place = (torch.arange(block) + 0.5) * math.pi / block
    waves = torch.stack([torch.cos(place * frequency) for frequency in range(block)])
    waves = waves / waves.norm(dim=1, keepdim=True)
    diagonals = sorted(((r, c) for r in range(block) for c in range(block)), key=lambda rc: (sum(rc), rc))
    patterns = []
    for colour, position in kept(channels, block):
        row, column = diagonals[position]
        pattern = waves[row][:, None] * waves[column]
        patterns.append(OPPONENT[colour].view(3, 1, 1) * pattern)
    return torch.stack(patterns)


class BlockEncoder(nn.Module):
    """From images in [-0.5, 0.5] to coefficients, divided by the side of the block so that they are of order one.

    Parameters
    ----------
    reach
        Pixels around a block that may take part once it has been taught; before, their weights are zero.
    """

    def __init__(self, channels: int, block: int, reach: int = 0):
        super().__init__()
        side = block + 2 * reach
        self.transform = skip_init(nn.Conv2d, 3, channels, side, stride=block, padding=reach)
        with torch.no_grad():
            self.transform.weight.copy_(functional.pad(basis(channels, block) / block, [reach] * 4))
            self.transform.bias.zero_()

    def forward(self, images: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch channel row column"]:
        """Coefficients of each block."""
        return self.transform(images)


class BlockDecoder(nn.Module):
    """The inverse: exact where all coefficients are kept; ``reach`` as in `BlockEncoder`."""

    def __init__(self, channels: int, block: int, reach: int = 0):
        super().__init__()
        side = block + 2 * reach
        self.inverse = skip_init(nn.ConvTranspose2d, channels, 3, side, stride=block, padding=reach)
        with torch.no_grad():
            self.inverse.weight.copy_(functional.pad(basis(channels, block) * block, [reach] * 4))
            self.inverse.bias.zero_()

    def forward(self, latents: Float[Tensor, "batch channel row column"]) -> Float[Tensor, "batch 3 height width"]:
        """Blocks side by side."""
        return self.inverse(latents)
