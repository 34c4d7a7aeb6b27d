"""FeatUp's upsampler: four learned joint bilateral filters, each doubling the tokens' grid along the photograph.

Parts keep the names that the released files give their tensors.

References
----------
Fu, Hamilton et al., FeatUp: A Model-Agnostic Framework for Features at Any Resolution, ICLR 2024, arXiv 2403.10516,
section 3.2 (JBU); github.com/mhamilton723/FeatUp, ``featup/upsamplers.py``, for what the paper leaves open: the
filters' last correction, bicubic enlargement, and means by area for the guides.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

RADIUS = 3
DIAMETER = 2 * RADIUS + 1
KEY_CHANNELS = 32
# Of what the last layers add to the filter and to the features.
CORRECTION = 0.1
DOUBLINGS = 4


class JointBilateral(nn.Module):
    """One doubling: a 7 x 7 filter a pixel, by distance and by learned likeness of the guide, then corrected."""

    def __init__(self) -> None:
        super().__init__()
        self.range_temp = nn.Parameter(torch.tensor(0.0))
        self.sigma_spatial = nn.Parameter(torch.tensor(1.0))
        self.range_proj = _projection(3, KEY_CHANNELS)
        self.fixup_proj = _projection(3 + DIAMETER**2, DIAMETER**2)

    def forward(
        self, features: Float[Tensor, "batch channel row column"], guide: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channel height width"]:
        """Features on the guide's grid."""
        weights = self.filters(guide)
        enlarged = functional.interpolate(features, guide.shape[2:], mode="bicubic", align_corners=False)
        # One shift at a time: all 49 side by side would be 49 times the size of the result.
        filtered = torch.zeros_like(enlarged)
        for index, shifted in enumerate(_shifts(enlarged)):
            filtered.addcmul_(shifted, weights[:, index : index + 1])
        return filtered

    def filters(self, guide: Float[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch 49 height width"]:
        """Weights of the neighbours of every pixel, row by row."""
        keys = self.range_proj(guide)
        likeness = torch.stack([(shifted * keys).sum(1) for shifted in _shifts(keys)], dim=1)
        ranges = functional.softmax(self.range_temp.exp().clamp(1e-4, 1e4) * likeness, dim=1)
        steps = torch.linspace(-1, 1, DIAMETER, device=guide.device)
        distance = steps.square().unsqueeze(0) + steps.square().unsqueeze(1)
        near = torch.exp(-distance / (2 * self.sigma_spatial**2)).view(1, -1, 1, 1)
        weights = ranges * near
        weights = weights / weights.sum(1, keepdim=True).clamp(min=1e-7)
        return weights + CORRECTION * self.fixup_proj(torch.cat([weights, guide], dim=1))


class JointBilateralStack(nn.Module):
    """Tokens to 16 times as many along each axis, on any guide that has at least as many pixels."""

    def __init__(self, channels: int):
        super().__init__()
        self.up1, self.up2, self.up3, self.up4 = (JointBilateral() for _ in range(DOUBLINGS))
        self.fixup_proj = nn.Sequential(nn.Dropout2d(0.2), nn.Conv2d(channels, channels, 1))

    def forward(
        self, features: Float[Tensor, "batch channel row column"], guide: Float[Tensor, "batch 3 height width"]
    ) -> Float[Tensor, "batch channel 16*row 16*column"]:
        """Upsampled features; the guide is the normalised photograph."""
        for up in (self.up1, self.up2, self.up3, self.up4):
            rows, columns = features.shape[2:]
            features = up(features, functional.adaptive_avg_pool2d(guide, (2 * rows, 2 * columns)))
        return features + CORRECTION * self.fixup_proj(features)


class ChannelNorm(nn.Module):
    """Every token normalised over its channels."""

    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels)

    def forward(self, tokens: Float[Tensor, "batch channel row column"]) -> Float[Tensor, "batch channel row column"]:
        """Tokens of mean 0 and variance 1 over their channels, before the layer's own factors."""
        return self.norm(tokens.movedim(1, -1)).movedim(-1, 1)


class Upsampled(nn.Module):
    """A network's tokens, normalised and brought to the pixels of its input.

    Parameters
    ----------
    tokens
        From normalised images and view positions to tokens.
    """

    def __init__(self, tokens: nn.Module, norm: ChannelNorm, upsampler: JointBilateralStack):
        super().__init__()
        self.tokens, self.norm, self.upsampler = tokens, norm, upsampler

    def forward(
        self, images: Float[Tensor, "batch 3 height width"], view_positions: Float[Tensor, "batch"]
    ) -> Float[Tensor, "batch channel height width"]:
        """A token a pixel; where 16 times the tokens are not the pixels, resampled, as its authors train it."""
        # One image at a time: a batch of maps at full size is gigabytes.
        return torch.cat(
            [self._one(image, place) for image, place in zip(images.split(1), view_positions.split(1), strict=True)]
        )

    def _one(self, image: Tensor, place: Tensor) -> Tensor:
        upsampled = self.upsampler(self.norm(self.tokens(image, place)), image)
        if upsampled.shape[2:] == image.shape[2:]:
            return upsampled
        return functional.interpolate(upsampled, image.shape[2:], mode="bilinear", align_corners=False)


def _projection(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1), nn.GELU(), nn.Dropout2d(0.1), nn.Conv2d(outputs, outputs, 1))


def _shifts(maps: Float[Tensor, "batch channel height width"]) -> Iterator[Tensor]:
    """The maps as each neighbour of every pixel sees them, mirrored beyond the border."""
    height, width = maps.shape[2:]
    padded = functional.pad(maps, [RADIUS] * 4, mode="reflect")
    for down in range(DIAMETER):
        for across in range(DIAMETER):
            yield padded[:, :, down : down + height, across : across + width]
