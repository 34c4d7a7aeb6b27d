"""The 3-D smoothing filter of Mip-Splatting: no Gaussian finer than any training view could have seen it."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.render import TorchCameras

# Published value of s in equation 9: the variance of the low-pass filter at a sampling rate of 1.
FILTER_VARIANCE = 0.2


@torch.no_grad()
def maximal_sampling_rate(
    means: Float[Tensor, "gaussian 3"], cameras: TorchCameras, near_plane: float = 0.2, margin: float = 0.15
) -> Float[Tensor, "gaussian"]:
    """Samples per unit of length with which the closest camera sees each point (equations 6 and 7).

    That is focal length over depth, the largest of the cameras that see the point; with two focal lengths the larger
    counts. A point that no camera sees gets the least rate of those seen, as in the public code. Not differentiable;
    it changes only as points move, so it may be kept for some steps (the public code: 100).

    Parameters
    ----------
    near_plane
        Depth from which a camera sees, in the scene's unit.
    margin
        Fraction of the image's size by which a point may lie outside and still count, since its Gaussian may reach in.

    Raises
    ------
    ValueError
        If no camera sees any point.
    """
    largest = torch.zeros(len(means), dtype=means.dtype, device=means.device)
    size = torch.tensor([cameras.width, cameras.height], dtype=means.dtype, device=means.device)
    for world_to_camera, intrinsics in zip(cameras.world_to_camera, cameras.intrinsics, strict=True):
        in_camera = means @ world_to_camera[:3, :3].mT + world_to_camera[:3, 3]
        depth = in_camera[:, 2]
        pixels = (in_camera @ intrinsics.mT)[:, :2] / depth.clamp_min(near_plane)[:, None]
        seen = (depth > near_plane) & ((pixels >= -margin * size) & (pixels <= (1 + margin) * size)).all(-1)
        rate = torch.maximum(intrinsics[0, 0], intrinsics[1, 1]) / depth
        largest = torch.maximum(largest, torch.where(seen, rate, torch.zeros_like(rate)))
    seen = largest > 0
    if len(means) == 0:
        return largest
    if not bool(seen.any()):
        raise ValueError("cameras: none of them sees any of the points, so there is no sampling rate")
    return torch.where(seen, largest, largest[seen].min())


def smooth(
    gaussians: Gaussians, sampling_rate: Float[Tensor, "gaussian"], variance: float = FILTER_VARIANCE
) -> Gaussians:
    """Gaussians after the 3-D smoothing filter; differentiable in scales and opacities.

    Each covariance ``S`` becomes ``S + (variance / rate^2) I`` and each opacity is multiplied by
    ``sqrt(det S / det S')`` (equation 9 of Yu et al., "Mip-Splatting", CVPR 2024, arXiv 2311.16493). The filter is a
    part of the model: render and save its result, optimise what goes in.

    Parameters
    ----------
    sampling_rate
        Of `maximal_sampling_rate`, in samples per unit of length, above 0.
    variance
        ``s`` of the paper, in squared samples.
    """
    if sampling_rate.shape != gaussians.opacity_logits.shape or not bool((sampling_rate > 0).all()):
        raise ValueError(
            f"sampling_rate: expected [{len(gaussians.means)}] above 0, got {list(sampling_rate.shape)}"
            f" with a least value of {float(sampling_rate.min()) if sampling_rate.numel() else float('nan'):.3g}"
        )
    added = (variance / sampling_rate.square()).log()[:, None]
    log_scales = torch.logaddexp(2 * gaussians.log_scales, added.expand_as(gaussians.log_scales)) / 2
    # Volume kept, as a logarithm: softplus keeps it exact where the filter hardly matters, log(1 + x) with tiny x.
    log_kept = -functional.softplus(added - 2 * gaussians.log_scales).sum(-1) / 2
    tiny = torch.finfo(log_kept.dtype).tiny
    log_lost = (-torch.expm1(log_kept)).clamp_min(tiny).log()
    # logit(k * sigmoid(l)) = log k - log(exp(-l) + 1 - k), which neither overflows nor cancels.
    opacity_logits = log_kept - torch.logaddexp(-gaussians.opacity_logits, log_lost)
    return replace(gaussians, log_scales=log_scales, opacity_logits=opacity_logits)
