"""The photometric loss of the fit."""

from __future__ import annotations

import torch
from jaxtyping import Float

from benchmark.metrics.image import ssim


def photometric_loss(
    image: Float[torch.Tensor, "height width channel"],
    truth: Float[torch.Tensor, "height width channel"],
    ssim_weight: float,
) -> Float[torch.Tensor, ""]:
    """``(1 - w) L1 + w (1 - SSIM)`` (3DGS, equation 7)."""
    return (1 - ssim_weight) * (image - truth).abs().mean() + ssim_weight * (1 - ssim(image, truth))
