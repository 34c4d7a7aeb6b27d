"""`FeatureMaps`: what a model sees in each train view, at token resolution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from jaxtyping import Float


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
