"""`FeatureMaps`: what a model sees in each train view, at token resolution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch.nn import functional


@dataclass(frozen=True)
class FeatureMaps:
    """Reduced features of a scene's train views.

    Attributes
    ----------
    grid
        One vector a token. Never upsampled here: bilinear upsampling commutes with the readout's first layer.
    extent
        ``(left, top, right, bottom)`` of the whole grid as fractions of the image: ``(0, 0, 1, 1)`` where the network
        saw exactly the image, beyond it where the input was padded. The value at image fraction ``u`` is the bilinear
        sample at ``(u - left) / (right - left) * columns - 0.5``, clamped at the border (``align_corners=False``).
    reduction
        How the channels were reduced: components, explained variance, scale. Kept in the record.
    """

    grid: Float[torch.Tensor, "view channel row column"]
    extent: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    reduction: dict[str, Any] = field(default_factory=dict)

    def to(self, device: torch.device | str) -> FeatureMaps:
        """The same maps on another device."""
        return replace(self, grid=self.grid.to(device))


def sample_grid(
    grid: Float[torch.Tensor, "view channel row column"],
    extent: tuple[float, float, float, float],
    size: tuple[int, int],
    mode: Literal["bilinear", "nearest"] = "bilinear",
) -> Float[torch.Tensor, "view channel height width"]:
    """Sample at every pixel centre of an image of ``size`` (height, width), as `FeatureMaps` defines it."""
    height, width = size
    left, top, right, bottom = extent
    options: dict[str, Any] = {"dtype": grid.dtype, "device": grid.device}
    u = ((torch.arange(width, **options) + 0.5) / width - left) / (right - left) * 2 - 1
    v = ((torch.arange(height, **options) + 0.5) / height - top) / (bottom - top) * 2 - 1
    places = torch.stack(torch.meshgrid(u, v, indexing="xy"), dim=-1).expand(len(grid), -1, -1, -1)
    return functional.grid_sample(grid, places, mode=mode, padding_mode="border", align_corners=False)
