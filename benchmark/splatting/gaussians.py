"""`Gaussians`: the parameters that are fitted, in the spaces in which they are fitted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float


@dataclass(frozen=True)
class Gaussians:
    """A splat, as raw parameters (before exp, sigmoid and normalisation).

    Attributes
    ----------
    means
        Centres in world coordinates.
    log_scales
        Natural log of the standard deviations along the axes of the rotated frame.
    quaternions
        ``(w, x, y, z)``, any length but zero.
    opacity_logits
        Opacity is their sigmoid.
    sh
        Spherical-harmonic coefficients, ``(degree + 1) ** 2`` of them, for any number of channels; the DC value
        ``c`` shows as ``0.28209479 * c + 0.5``.
    """

    means: Float[torch.Tensor, "gaussian 3"]
    log_scales: Float[torch.Tensor, "gaussian 3"]
    quaternions: Float[torch.Tensor, "gaussian 4"]
    opacity_logits: Float[torch.Tensor, "gaussian"]
    sh: Float[torch.Tensor, "gaussian coefficient channel"]

    @property
    def sh_degree(self) -> int:
        """0 to 3."""
        return math.isqrt(self.sh.shape[1]) - 1
