"""Stage II: a field of Gaussians whose colours are latents, or pixels, of any number of channels."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from benchmark.errors import CellError
from benchmark.lrf.latents import sample
from benchmark.lrf.photographs import Points
from benchmark.metrics.loss import photometric_loss
from benchmark.protocols.lrf import FieldFit, LatentStart
from benchmark.report import Report
from benchmark.splatting.densification import Densification, DensificationSettings
from benchmark.splatting.fitting import LossGuard, camera_extent, log_linear, neighbour_distance
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.ply import SH_C0
from benchmark.splatting.render import TorchCameras, render
from benchmark.splatting.smoothing import maximal_sampling_rate, smooth

# The 3-D filter follows the Gaussians every so many steps, as in the code of Mip-Splatting.
FILTER_EVERY = 100


@dataclass(frozen=True)
class GaussianField:
    """Fitted Gaussians, and how they are shown.

    Attributes
    ----------
    background
        What lies behind them.
    antialiased
        Whether the 2-D Mip filter takes the place of the dilation.
    """

    gaussians: Gaussians
    background: Float[Tensor, "channel"]
    antialiased: bool = False

    @torch.no_grad()
    def render(self, cameras: TorchCameras) -> Float[Tensor, "camera height width channel"]:
        """What cameras see, not clamped."""
        behind = self.background.expand(len(cameras), -1)
        return render(self.gaussians, cameras, behind, _blur(self.antialiased)).image


Values = dict[str, torch.nn.Parameter]


def start_gaussians(
    points: Points,
    targets: Float[Tensor, "view height width channel"],
    start: LatentStart,
    sh_degree: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Gaussians at some of the points, each with the value that its own pixel has, by attribute.

    Raises
    ------
    CellError
        With fewer than four points.
    """
    views, height, width, channels = targets.shape
    wanted = round(start.density * views * height * width)
    if len(points.xyz) < 4:
        raise CellError(f"start: {len(points.xyz)} points lie in the cropped photographs; at least 4 are needed")
    chosen = torch.randperm(len(points.xyz), generator=generator)[:wanted].sort().values.numpy()
    xyz, place = np.ascontiguousarray(points.xyz[chosen]), torch.from_numpy(points.place[chosen])
    colours = torch.empty(len(chosen), channels)
    for view in range(views):
        own = torch.from_numpy(points.view[chosen] == view)
        colours[own] = sample(targets[view].movedim(-1, 0).cpu(), place[own] * torch.tensor([width, height]))
    log_scales = torch.from_numpy(np.log(neighbour_distance(xyz)))
    values = {
        "means": torch.from_numpy(xyz),
        "log_scales": log_scales[:, None].repeat(1, 3),
        "quaternions": torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(len(xyz), 1),
        "opacity_logits": torch.full((len(xyz),), math.log(start.opacity / (1 - start.opacity))),
        "sh_dc": ((colours - 0.5) / SH_C0)[:, None],
    }
    if sh_degree > 0:
        values["sh_rest"] = torch.zeros(len(xyz), (sh_degree + 1) ** 2 - 1, channels)
    return values


def fit_field(
    start: dict[str, Tensor],
    cameras: TorchCameras,
    targets: Float[Tensor, "view height width channel"],
    settings: FieldFit,
    generator: torch.Generator,
    report: Report,
    filtered: bool = False,
) -> GaussianField:
    """Fit Gaussians to the targets, one view a step; views are drawn without replacement.

    Parameters
    ----------
    start
        Of `start_gaussians`.
    targets
        In [0, 1] on the device that is worked on.
    filtered
        With both filters of Mip-Splatting.
    """
    device = targets.device
    values: Values = {name: torch.nn.Parameter(value.to(device)) for name, value in start.items()}
    extent = camera_extent(cameras) if settings.rate_by_extent else 1.0
    optimizer = _optimizer(values, settings)
    densification = None
    if settings.densify is not None:
        densification = Densification(DensificationSettings(**asdict(settings.densify)), extent, generator)
    background = _background(targets, settings)
    rate = None
    guard, stack = LossGuard("field", settings.steps), list[int]()
    for step in range(settings.steps):
        means_rate = log_linear(settings.rates.means, settings.rates.means_final, step / settings.steps) * extent
        optimizer.param_groups[0]["lr"] = means_rate
        stack = stack or torch.randperm(len(targets), generator=generator).tolist()
        view = stack.pop()
        degree = min(settings.sh_degree, step // settings.sh_every)
        if filtered and (rate is None or step % FILTER_EVERY == 0 or len(rate) != len(values["means"])):
            rate = maximal_sampling_rate(values["means"].detach(), cameras)
        rendering = render(
            _gaussians(values, degree, rate),
            cameras[[view]],
            background[None],
            "antialiased" if filtered else "classic",
        )
        loss = photometric_loss(rendering.image[0], targets[view], settings.ssim_weight)
        optimizer.zero_grad(set_to_none=True)
        if densification is not None:
            densification.before_backward(rendering.meta)
        loss.backward()
        optimizer.step()
        if densification is not None:
            values = densification.after_step(step, values, optimizer, rendering.meta)
        report("field", step + 1, settings.steps, guard(step, loss))
    if filtered:
        rate = maximal_sampling_rate(values["means"].detach(), cameras)
    with torch.no_grad():
        fitted = _gaussians({name: value.detach() for name, value in values.items()}, settings.sh_degree, rate)
    return GaussianField(fitted, background, filtered)


def _optimizer(values: Values, settings: FieldFit) -> torch.optim.Adam:
    """One group an attribute, the means first."""
    rates = asdict(settings.rates)
    groups = [{"params": [value], "lr": rates[name], "name": name} for name, value in values.items()]
    return torch.optim.Adam(groups, eps=1e-15, fused=True)


def _blur(filtered: bool) -> Literal["classic", "antialiased"]:
    return "antialiased" if filtered else "classic"


def _background(targets: Tensor, settings: FieldFit) -> Float[Tensor, "channel"]:
    if settings.background == "mean":
        return targets.mean(dim=(0, 1, 2))
    return torch.zeros(targets.shape[-1], device=targets.device)


def _gaussians(values: dict[str, Tensor] | Values, degree: int, rate: Tensor | None) -> Gaussians:
    """What is shown: bands up to a degree, after the 3-D filter if there is a rate."""
    sh = values["sh_dc"]
    if degree > 0:
        sh = torch.cat([sh, values["sh_rest"][:, : (degree + 1) ** 2 - 1]], dim=1)
    gaussians = Gaussians(
        means=values["means"],
        log_scales=values["log_scales"],
        quaternions=values["quaternions"],
        opacity_logits=values["opacity_logits"],
        sh=sh,
    )
    return gaussians if rate is None else smooth(gaussians, rate)
