"""The readout: one small MLP an attribute, from a pixel's feature to its Gaussian (section 3.3 of Feat2GS)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import nn

from benchmark.feat2gs.fused import PixelReadout, TokenReadout
from benchmark.feat2gs.token_kernel import sample_tokens

Extent = tuple[float, float, float, float]
WHOLE_IMAGE: Extent = (0.0, 0.0, 1.0, 1.0)

# Features at pixel resolution with more channels than this are read out faster by plain matrix products.
FUSED_CHANNELS = 16
# Floats in a vector register.
UNITS_AT_ONCE = 8


class Readout(nn.Module):
    """One MLP an attribute: Linear, ReLU, Linear, with biases; no trunk is shared and nothing follows.

    Parameters
    ----------
    in_channels
        Channels of the features.
    outputs
        Numbers a Gaussian for each attribute.
    width
        Hidden units of each MLP.
    generator
        Draws the first weights by PyTorch's rule for `nn.Linear` (uniform in ``1 / sqrt(inputs)``), so that they do not
        depend on global state. Weights are drawn in the order of ``outputs``.

    Notes
    -----
    `forward` reads out of the token grid: bilinear upsampling commutes with the first layer, which is applied to a few
    hundred tokens instead of every pixel, and a fused kernel does the rest without writing the hidden layer.
    `forward_plain` is the same function of features that are given a Gaussian each. The two agree to rounding.
    """

    def __init__(self, in_channels: int, outputs: Mapping[str, int], width: int, generator: torch.Generator):
        super().__init__()
        if not outputs:
            raise ValueError("outputs: expected at least one attribute, got none")
        self.in_channels = in_channels
        self.heads = nn.ModuleDict({name: Head(in_channels, width, size, generator) for name, size in outputs.items()})

    def forward(
        self,
        grid: Float[torch.Tensor, "view channel row column"],
        extent: Extent,
        valid: Bool[torch.Tensor, "view height width"],
        pixels: Int[torch.Tensor, "pixel"] | None = None,
    ) -> dict[str, Float[torch.Tensor, "pixel size"]]:
        """Attributes of the valid pixels, in their order.

        Parameters
        ----------
        grid, extent
            As in `FeatureMaps`. float32 on the CPU takes the fused kernels; anything else takes the plain path.
        valid
            Pixels that are a Gaussian.
        pixels
            Rising indices into the valid pixels, to read out only those; the cost is in proportion to their number.

        Returns
        -------
        By attribute, contiguous.

        Raises
        ------
        ValueError
            If shapes disagree, no pixel is asked for, or ``pixels`` do not rise or lie outside.
        """
        positions = asked_pixels(grid, valid, pixels)
        image = (valid.shape[1], valid.shape[2])
        at_pixels = extent == WHOLE_IMAGE and grid.shape[2:] == image
        fused = grid.device.type == "cpu" and grid.dtype == torch.float32
        if at_pixels and fused and grid.shape[1] <= FUSED_CHANNELS and not grid.requires_grad:
            values = PixelReadout.apply(features_at(grid, extent, image, positions), *self._stacked())
        elif not at_pixels and fused:
            values = self._from_tokens(grid, extent, valid, positions)
        else:
            return self.forward_plain(features_at(grid, extent, image, positions))
        return dict(zip(self.heads, values, strict=True))

    def forward_plain(
        self, features: Float[torch.Tensor, "gaussian channel"]
    ) -> dict[str, Float[torch.Tensor, "gaussian size"]]:
        """Attributes of Gaussians whose features are given, or free parameters themselves."""
        return {name: head(features) for name, head in self.heads.items()}

    def parameters_by_attribute(self) -> dict[str, list[nn.Parameter]]:
        """Weights and biases of each attribute's MLP."""
        return {name: list(head.parameters()) for name, head in self.heads.items()}

    def _stacked(self) -> list[torch.Tensor]:
        """First layers as one weight and one bias for all heads, then each head's second weight and bias."""
        heads = cast(list[Head], list(self.heads.values()))
        firsts = [head.first for head in heads]
        seconds = [parameter for head in heads for parameter in head.second.parameters()]
        stacked = [torch.stack([f.weight for f in firsts]), torch.stack([f.bias for f in firsts]), *seconds]
        return pad_units(stacked, -stacked[1].shape[1] % UNITS_AT_ONCE)

    def _from_tokens(
        self,
        grid: Float[torch.Tensor, "view channel row column"],
        extent: Extent,
        valid: Bool[torch.Tensor, "view height width"],
        positions: Int[torch.Tensor, "pixel"],
    ) -> tuple[torch.Tensor, ...]:
        views, channels, rows, columns = grid.shape
        height, width = valid.shape[1:]
        sampling = sample_tokens(views, (height, width), (rows, columns), extent, positions.numpy())
        weight, bias, *seconds = self._stacked()
        tokens = grid.permute(0, 2, 3, 1).reshape(1, -1, channels).expand(len(weight), -1, -1)
        hidden = torch.baddbmm(bias[:, None], tokens, weight.transpose(1, 2))
        return TokenReadout.apply(hidden.unflatten(1, (views * rows, columns)), sampling, *seconds)


class Head(nn.Module):
    """The MLP of one attribute."""

    def __init__(self, inputs: int, width: int, outputs: int, generator: torch.Generator):
        super().__init__()
        self.first = seeded_linear(inputs, width, generator)
        self.second = seeded_linear(width, outputs, generator)

    def forward(self, features: Float[torch.Tensor, "gaussian channel"]) -> Float[torch.Tensor, "gaussian size"]:
        """The attribute as it is read, nothing applied to it."""
        return self.second(F.relu(self.first(features)))


def seeded_linear(inputs: int, outputs: int, generator: torch.Generator) -> nn.Linear:
    """`nn.Linear` with PyTorch's usual first weights, drawn from ``generator`` alone."""
    layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
    bound = 1 / math.sqrt(inputs)
    with torch.no_grad():
        layer.weight.uniform_(-bound, bound, generator=generator)
        layer.bias.uniform_(-bound, bound, generator=generator)
    return layer


def pad_units(stacked: list[torch.Tensor], more: int) -> list[torch.Tensor]:
    """Hidden units that are always zero and lead nowhere, so that a register's worth is worked on at once."""
    if not more:
        return stacked
    weight, bias, *seconds = stacked
    padded = [F.pad(second, (0, more)) if second.ndim == 2 else second for second in seconds]
    return [F.pad(weight, (0, 0, 0, more)), F.pad(bias, (0, more)), *padded]


def asked_pixels(
    grid: Float[torch.Tensor, "view channel row column"],
    valid: Bool[torch.Tensor, "view height width"],
    pixels: Int[torch.Tensor, "pixel"] | None,
) -> Int[torch.Tensor, "pixel"]:
    """Flat positions ``(view * height + y) * width + x`` of the pixels asked for."""
    if grid.shape[0] != valid.shape[0]:
        raise ValueError(f"valid: expected {grid.shape[0]} views as in the features, got {valid.shape[0]}")
    positions = valid.flatten().nonzero().squeeze(1)
    if pixels is not None:
        if len(pixels) and (int(pixels[0]) < 0 or int(pixels[-1]) >= len(positions) or (pixels.diff() < 0).any()):
            raise ValueError(f"pixels: expected rising indices below {len(positions)}, the number of valid pixels")
        positions = positions[pixels]
    if not len(positions):
        raise ValueError("valid: no pixel to read out")
    return positions


def features_at(
    grid: Float[torch.Tensor, "view channel row column"],
    extent: Extent,
    image: tuple[int, int],
    positions: Int[torch.Tensor, "pixel"],
) -> Float[torch.Tensor, "pixel channel"]:
    """Features upsampled bilinearly to pixels, by the formula of `FeatureMaps`; one vector a pixel.

    Parameters
    ----------
    image
        Height and width of the views in pixels.
    positions
        Flat positions ``(view * height + y) * width + x``.
    """
    height, width = image
    if (height, width) != grid.shape[2:] or extent != WHOLE_IMAGE:
        left, top, right, bottom = extent
        # grid_sample wants -1 and 1 at the ends of the grid; its border clamps as the formula does.
        x = ((torch.arange(width, dtype=torch.float64) + 0.5) / width - left) / (right - left) * 2 - 1
        y = ((torch.arange(height, dtype=torch.float64) + 0.5) / height - top) / (bottom - top) * 2 - 1
        where = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).to(grid)
        grid = F.grid_sample(
            grid, where.expand(len(grid), -1, -1, -1), mode="bilinear", padding_mode="border", align_corners=False
        )
    return grid.permute(0, 2, 3, 1).reshape(-1, grid.shape[1])[positions]
