"""What the latent field is compared with (table 1 of the paper): colours at the resolution of the latents, and others."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from benchmark.lrf.artifacts import LatentScene
from benchmark.lrf.field import GaussianField, fit_field, start_gaussians
from benchmark.lrf.latent_nerf import RayField, fit_rays
from benchmark.lrf.modes import ImageBaseline
from benchmark.lrf.photographs import at_scale
from benchmark.report import Report


def reduced(images: Float[Tensor, "view 3 height width"], factor: int) -> Float[Tensor, "view row column 3"]:
    """Photographs at the resolution of the latents: means of squares of pixels, channels last."""
    return functional.avg_pool2d(images, factor).movedim(1, -1).contiguous()


def image_field(
    baseline: ImageBaseline, scene: LatentScene, repetition: int, device: str, report: Report
) -> GaussianField:
    """`3DGS/8` and `Mip-Splatting/8`: Gaussians fitted to the reduced photographs."""
    protocol, photographs = scene.protocol, scene.photographs
    fit = protocol.image.fit
    targets = reduced(photographs.train, scene.downscale)
    generator = torch.Generator().manual_seed(scene.seed(repetition))
    start = start_gaussians(photographs.points, targets, protocol.start, fit.sh_degree, generator)
    cameras = at_scale(photographs.cameras, scene.downscale, device)
    return fit_field(start, cameras, targets.to(device), fit, generator, report, filtered=baseline.filtered)


def enlarged(images: Float[Tensor, "view 3 height width"], factor: int) -> Float[Tensor, "view 3 height width"]:
    """The reference line: the true photographs reduced, and enlarged again by bicubic interpolation."""
    small = reduced(images, factor).movedim(-1, 1)
    return functional.interpolate(small, scale_factor=factor, mode="bicubic").clamp(0, 1)


def joint_field(
    latents: Float[Tensor, "view row column channel"], scene: LatentScene, repetition: int, device: str, report: Report
) -> GaussianField:
    """`Feature-GS`: colours and latents on the same Gaussians, one loss over both; latents are the last channels.

    The published baseline renders colours at the size of the photograph; here both are at that of the latents.
    """
    protocol, photographs = scene.protocol, scene.photographs
    targets = torch.cat([reduced(photographs.train, scene.downscale), latents], dim=-1)
    generator = torch.Generator().manual_seed(scene.seed(repetition))
    start = start_gaussians(photographs.points, targets, protocol.start, protocol.fit.sh_degree, generator)
    cameras = at_scale(photographs.cameras, scene.downscale, device)
    return fit_field(start, cameras, targets.to(device), protocol.fit, generator, report)


def ray_field(
    latents: Float[Tensor, "view row column channel"], scene: LatentScene, repetition: int, device: str, report: Report
) -> RayField:
    """`Latent-NeRF`: the same latents in a field of grids and a network."""
    cameras = at_scale(scene.photographs.cameras, scene.downscale, device)
    generator = torch.Generator().manual_seed(scene.seed(repetition))
    settings = scene.protocol.latent_nerf
    return fit_rays(scene.photographs.points, cameras, latents.to(device), settings, generator, report)
