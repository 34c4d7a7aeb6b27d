"""The baseline Latent-NeRF: a radiance field of feature grids and a small network, rendered to latents along rays.

After Metzer et al., "Latent-NeRF for Shape-Guided Generation of 3D Shapes and Textures" (CVPR 2023, arXiv 2211.07600),
fitted to encoded views instead of a text; far space is contracted as in Mip-NeRF 360 (Barron et al., CVPR 2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from benchmark.lrf.photographs import Points
from benchmark.protocols.lrf import LatentField
from benchmark.report import Report
from benchmark.splatting.fitting import LossGuard, log_linear
from benchmark.splatting.render import TorchCameras

# Rays that are rendered at once when whole views are.
CHUNK = 8192


class GridField(nn.Module):
    """Density and value at points of contracted space.

    Parameters
    ----------
    radius
        Half of the side of the cube that is not contracted.
    """

    def __init__(self, settings: LatentField, channels: int, radius: float, generator: torch.Generator):
        super().__init__()
        shapes = [(1, settings.features, side, side, side) for side in settings.resolutions]
        self.grids = nn.ParameterList(torch.randn(shape, generator=generator) * 0.1 for shape in shapes)
        sizes = (settings.features * len(shapes), settings.width, 1 + channels)
        self.layers = nn.ParameterList(
            torch.randn(out, inner, generator=generator) / inner**0.5 for inner, out in pairwise(sizes)
        )
        self.shifts = nn.ParameterList(torch.zeros(out) for out in sizes[1:])
        self.radius = radius

    def forward(self, points: Float[Tensor, "point 3"]) -> tuple[Tensor, Tensor]:
        """Density (at least 0, per unit of length) and value in [0, 1]."""
        scaled = points / self.radius
        length = scaled.norm(dim=-1, keepdim=True).clamp_min(1e-6)
        contracted = torch.where(length <= 1, scaled, (2 - 1 / length) * scaled / length) / 2
        place = contracted.view(1, -1, 1, 1, 3)
        features = torch.cat(
            [functional.grid_sample(grid, place, align_corners=True).flatten(0, 1)[..., 0, 0] for grid in self.grids]
        ).T
        hidden = functional.relu(functional.linear(features, self.layers[0], self.shifts[0]))
        out = functional.linear(hidden, self.layers[1], self.shifts[1])
        return functional.softplus(out[:, 0]) / self.radius, out[:, 1:].sigmoid()


@dataclass(frozen=True)
class RayField:
    """A fitted field and the depths between which it is looked at."""

    network: GridField
    near: float
    far: float
    samples: int
    background: Float[Tensor, "channel"]

    @torch.no_grad()
    def render(self, cameras: TorchCameras) -> Float[Tensor, "camera height width channel"]:
        """What cameras see."""
        images = []
        for view in range(len(cameras)):
            origins, directions = rays_of(cameras, view)
            parts = zip(origins.split(CHUNK), directions.split(CHUNK), strict=True)
            values = torch.cat([self.along(o, d, None) for o, d in parts])
            images.append(values.view(cameras.height, cameras.width, -1))
        return torch.stack(images)

    def along(self, origins: Tensor, directions: Tensor, generator: torch.Generator | None) -> Tensor:
        """Values of rays; with a generator, samples are jittered within their intervals.

        Intervals are even in inverse depth, so that near things get more.
        """
        edges = torch.linspace(0, 1, self.samples + 1, device=origins.device).expand(len(origins), -1)
        shift = torch.full((len(origins), 1), 0.5)
        if generator is not None:
            shift = torch.rand(len(origins), self.samples, generator=generator)
        place = edges[:, :-1] + (edges[:, 1:] - edges[:, :-1]) * shift.to(origins)
        depth = 1 / (1 / self.near + (1 / self.far - 1 / self.near) * place)
        between = (depth[:, 1:] + depth[:, :-1]) / 2
        bounds = torch.cat([depth[:, :1], between, depth[:, -1:]], dim=1)
        lengths = (bounds[:, 1:] - bounds[:, :-1]) * directions.norm(dim=-1, keepdim=True)
        points = origins[:, None] + depth[..., None] * directions[:, None]
        density, values = self.network(points.flatten(0, 1))
        opacity = 1 - torch.exp(-density.view_as(depth) * lengths)
        kept = torch.cumprod(1 - opacity + 1e-10, dim=1)
        weights = opacity * torch.cat([torch.ones_like(kept[:, :1]), kept[:, :-1]], dim=1)
        seen = (weights[..., None] * values.view(*depth.shape, -1)).sum(dim=1)
        return seen + (1 - weights.sum(dim=1, keepdim=True)) * self.background


def rays_of(cameras: TorchCameras, view: int) -> tuple[Float[Tensor, "pixel 3"], Float[Tensor, "pixel 3"]]:
    """Origin and direction of each pixel's ray, one unit of depth long; row by row."""
    device = cameras.intrinsics.device
    rows, columns = torch.meshgrid(
        torch.arange(cameras.height, device=device) + 0.5,
        torch.arange(cameras.width, device=device) + 0.5,
        indexing="ij",
    )
    pixels = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).view(-1, 3)
    rotation, translation = cameras.world_to_camera[view, :3, :3], cameras.world_to_camera[view, :3, 3]
    directions = pixels @ torch.linalg.inv(cameras.intrinsics[view]).T @ rotation
    return (-rotation.T @ translation).expand_as(directions), directions


def fit_rays(
    points: Points,
    cameras: TorchCameras,
    targets: Float[Tensor, "view height width channel"],
    settings: LatentField,
    generator: torch.Generator,
    report: Report,
) -> RayField:
    """Fit the field to the targets in [0, 1]: the mean square error of some rays of one view a step."""
    device = targets.device
    (low, near_margin), (high, far_margin) = settings.near, settings.far
    near = max(float(points.depth_quantiles[round(low * 100)]) * near_margin, 1e-3)
    far = max(float(points.depth_quantiles[round(high * 100)]) * far_margin, near * 1.01)
    radius = float(torch.from_numpy(points.xyz).norm(dim=1).median()) * 2
    network = GridField(settings, targets.shape[-1], max(radius, 1e-3), generator).to(device)
    background = targets.mean(dim=(0, 1, 2))
    field = RayField(network, near, far, settings.samples, background)
    optimizer = torch.optim.Adam(network.parameters(), lr=settings.rate, eps=1e-15, fused=True)
    rays = [rays_of(cameras, view) for view in range(len(targets))]
    guard = LossGuard("latent nerf", settings.steps)
    for step in range(settings.steps):
        optimizer.param_groups[0]["lr"] = log_linear(settings.rate, settings.final_rate, step / settings.steps)
        view = int(torch.randint(len(targets), (1,), generator=generator))
        chosen = torch.randint(targets[view, ..., 0].numel(), (settings.rays,), generator=generator).to(device)
        origins, directions = (part[chosen] for part in rays[view])
        loss = (field.along(origins, directions, generator) - targets[view].flatten(0, 1)[chosen]).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        report("latent nerf", step + 1, settings.steps, guard(step, loss))
    return field
