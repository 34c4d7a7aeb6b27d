"""Adaptive density control of 3-D Gaussian Splatting: clone, split, prune, reset opacities.

Plain torch operations, so the CPU and CUDA backends share every line of arithmetic. The decisions and their order are
those of gsplat's ``DefaultStrategy``, which is not used itself: it is an extra that CPU users do not have, it draws
from the global generator, and its release 1.5.3 never resets an opacity (``0 & step > 0`` is always false).

Reference: Kerbl et al., "3D Gaussian Splatting for Real-Time Radiance Field Rendering", SIGGRAPH 2023, section 5.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from benchmark.splatting.poses import quaternion_to_matrix

# One learned tensor a name, one row a Gaussian. These four are read here; any others (``sh``, or ``sh_dc`` and
# ``sh_rest`` with their own rates, or features) are carried along.
Parameters = dict[str, torch.nn.Parameter]
REQUIRED = ("means", "log_scales", "quaternions", "opacity_logits")


@dataclass(frozen=True)
class DensificationSettings:
    """When and where Gaussians are added and removed; the defaults are the published ones. Steps count from 0.

    Attributes
    ----------
    start, stop, every
        Gaussians are added and removed at steps ``start < step < stop`` that are multiples of ``every``.
    gradient_threshold
        A Gaussian is cloned or split if the loss's gradient at its projected centre is longer than this, in the mean
        over the views that saw it; in normalised device coordinates (the image is 2 wide and 2 high).
    split_scale
        Largest standard deviation, as a fraction of the scene's extent, up to which a Gaussian is cloned; above it,
        it is split in two.
    split_factor
        The halves' standard deviations are the whole's divided by this.
    prune_opacity
        Opacity under which a Gaussian is removed.
    prune_scale
        Largest standard deviation, as a fraction of the scene's extent, above which a Gaussian is removed, from the
        first opacity reset on.
    reset_every
        Opacities are cut down at multiples of this step (before ``stop``).
    reset_opacity
        Opacity to which they are cut down.
    pause_after_reset
        Steps after a reset in which nothing is added or removed.
    """

    start: int = 500
    stop: int = 15_000
    every: int = 100
    gradient_threshold: float = 0.0002
    split_scale: float = 0.01
    split_factor: float = 1.6
    prune_opacity: float = 0.005
    prune_scale: float = 0.1
    reset_every: int = 3000
    reset_opacity: float = 0.01
    pause_after_reset: int = 0

    def refines_at(self, step: int) -> bool:
        """Whether Gaussians are added and removed after this step."""
        paused = step % self.reset_every < self.pause_after_reset
        return self.start < step < self.stop and step % self.every == 0 and not paused

    def resets_at(self, step: int) -> bool:
        """Whether opacities are cut down after this step."""
        return 0 < step < self.stop and step % self.reset_every == 0


@dataclass(frozen=True)
class GradientStatistics:
    """How strongly each Gaussian's centre is pulled in the images, since the last refinement.

    Attributes
    ----------
    total
        Sum over the views that saw it of the gradient's length in normalised device coordinates.
    views
        Number of those views.
    """

    total: Float[Tensor, "gaussian"]
    views: Float[Tensor, "gaussian"]

    @classmethod
    def none(cls, count: int, device: torch.device | str = "cpu") -> GradientStatistics:
        """Before any view."""
        return cls(torch.zeros(count, device=device), torch.zeros(count, device=device))

    @property
    def mean(self) -> Float[Tensor, "gaussian"]:
        """Mean over views; 0 for a Gaussian that none saw."""
        return self.total / self.views.clamp_min(1)

    @torch.no_grad()
    def with_views(self, meta: Mapping[str, Any]) -> GradientStatistics:
        """Add what the backward pass left in ``meta`` of the rasteriser: ``means2d.grad`` and ``radii``.

        The size of the image comes from ``width`` and ``height``; with several cameras in a call the loss is taken to
        be a mean over them, so gradients are multiplied by their number.
        """
        gradient = meta["means2d"].grad
        if gradient is None:
            raise ValueError("meta['means2d'] has no gradient; call retain_grad() on it before the backward pass")
        radii = meta["radii"]
        visible = (radii > 0).all(-1) if radii.ndim == gradient.ndim else radii > 0
        cameras = len(gradient)
        to_device_coordinates = gradient.new_tensor([meta["width"], meta["height"]]) / 2 * cameras
        length = torch.where(visible, (gradient * to_device_coordinates).norm(dim=-1), 0.0)
        return replace(self, total=self.total + length.sum(0), views=self.views + visible.sum(0))


@dataclass(frozen=True)
class Refinement:
    """Which rows the next set of Gaussians is made of.

    Attributes
    ----------
    source
        For each new Gaussian, the old one it copies.
    fresh
        Whether it is a new one, whose optimiser state starts at zero.
    means, log_scales
        Of the new set; the halves of a split differ from their source.
    cloned, split, pruned
        How many Gaussians were.
    """

    source: Int[Tensor, "new"]
    fresh: Bool[Tensor, "new"]
    means: Float[Tensor, "new 3"]
    log_scales: Float[Tensor, "new 3"]
    cloned: int
    split: int
    pruned: int


@torch.no_grad()
def plan_refinement(
    parameters: Mapping[str, Tensor],
    statistics: GradientStatistics,
    settings: DensificationSettings,
    step: int,
    extent: float,
    generator: torch.Generator | None = None,
) -> Refinement:
    """Decide which Gaussians are cloned, split and pruned; nothing is changed.

    A strongly pulled Gaussian is copied if it is small and otherwise gives way to two smaller ones, drawn from it.
    Then what is nearly transparent, or too large after the first opacity reset, goes. Order of the new set: those kept
    as they were, clones, first halves, second halves.

    Parameters
    ----------
    parameters
        Raw values under the names of `Gaussians`' fields; only means, scales, rotations and opacities are read.
    extent
        Size of the scene; published: 1.1 times the largest distance of a camera from the mean of all.
    generator
        On the CPU, whatever the device, so that every device draws the same halves.
    """
    means, log_scales = parameters["means"], parameters["log_scales"]
    rows = torch.arange(len(means), device=means.device)
    pulled = statistics.mean > settings.gradient_threshold
    small = log_scales.exp().amax(-1) <= settings.split_scale * extent
    cloned, halved = rows[pulled & small], rows[pulled & ~small]
    kept = rows[~(pulled & ~small)]

    offsets = torch.randn(2, len(halved), 3, generator=generator).to(means) * log_scales[halved].exp()
    turned = quaternion_to_matrix(parameters["quaternions"][halved]) @ offsets[..., None]
    halves_means = (means[halved] + turned.squeeze(-1)).flatten(0, 1)
    halves_log_scales = (log_scales[halved] - math.log(settings.split_factor)).repeat(2, 1)

    source = torch.cat([kept, cloned, halved, halved])
    fresh = torch.arange(len(source), device=means.device) >= len(kept)
    new_means = torch.cat([means[kept], means[cloned], halves_means])
    new_log_scales = torch.cat([log_scales[kept], log_scales[cloned], halves_log_scales])

    gone = parameters["opacity_logits"][source].sigmoid().flatten() < settings.prune_opacity
    if step > settings.reset_every:
        gone |= new_log_scales.exp().amax(-1) > settings.prune_scale * extent
    stay = ~gone
    return Refinement(
        source[stay], fresh[stay], new_means[stay], new_log_scales[stay], len(cloned), len(halved), int(gone.sum())
    )


def apply_refinement(refinement: Refinement, parameters: Parameters, optimizer: torch.optim.Optimizer) -> Parameters:
    """Parameters of the new set, put in the place of the old ones in the optimiser.

    Every tensor of the optimiser's state with a row a Gaussian (Adam's moments) follows its Gaussian; new Gaussians
    start with zeros.
    """
    values = {name: parameter.detach()[refinement.source] for name, parameter in parameters.items()}
    values |= {"means": refinement.means, "log_scales": refinement.log_scales}

    def follow(state: Tensor) -> Tensor:
        rows = state[refinement.source]
        rows[refinement.fresh] = 0
        return rows

    return {name: _exchange(optimizer, parameters[name], value, follow) for name, value in values.items()}


def reset_opacities(parameters: Parameters, optimizer: torch.optim.Optimizer, opacity: float) -> Parameters:
    """Cut opacities down to at most ``opacity`` and forget the optimiser's moments of theirs; others stay."""
    old = parameters["opacity_logits"]
    value = old.detach().clamp_max(math.log(opacity / (1 - opacity)))
    return {**parameters, "opacity_logits": _exchange(optimizer, old, value, torch.zeros_like)}


def _exchange(
    optimizer: torch.optim.Optimizer, old: torch.nn.Parameter, value: Tensor, follow: Callable[[Tensor], Tensor]
) -> torch.nn.Parameter:
    """Put a new parameter where an old one was; state tensors of the old one's shape go through ``follow``."""
    new = torch.nn.Parameter(value, requires_grad=old.requires_grad)
    for group in optimizer.param_groups:
        group["params"] = [new if parameter is old else parameter for parameter in group["params"]]
    state = optimizer.state.pop(old, None)
    if state is not None:
        optimizer.state[new] = {
            key: follow(entry) if isinstance(entry, Tensor) and entry.shape == old.shape else entry
            for key, entry in state.items()
        }
    return new


class Densification:
    """The whole strategy in two calls a step, one before the backward pass and one after the optimiser's step.

    Parameters
    ----------
    extent
        Size of the scene, to which ``split_scale`` and ``prune_scale`` are relative.
    generator
        On the CPU; None draws from the global one.

    Examples
    --------
    >>> densification = Densification(DensificationSettings(), extent=1.0, generator=torch.Generator().manual_seed(0))
    >>> for step in range(steps):  # doctest: +SKIP
    ...     image, alpha, meta = rasterize(...)
    ...     densification.before_backward(meta)
    ...     loss(image).backward()
    ...     optimizer.step()
    ...     parameters = densification.after_step(step, parameters, optimizer, meta)
    """

    def __init__(self, settings: DensificationSettings, extent: float, generator: torch.Generator | None = None):
        self.settings = settings
        self.extent = extent
        self.generator = generator
        self.statistics: GradientStatistics | None = None
        self.last: Refinement | None = None

    def before_backward(self, meta: Mapping[str, Any]) -> None:
        """Keep the gradient of the projected centres, which autograd otherwise drops."""
        if meta["means2d"].requires_grad:
            meta["means2d"].retain_grad()

    def after_step(
        self, step: int, parameters: Parameters, optimizer: torch.optim.Optimizer, meta: Mapping[str, Any]
    ) -> Parameters:
        """The parameters to go on with: the same objects, or new ones that the optimiser already holds.

        ``last`` then tells what the latest refinement did.
        """
        missing = [name for name in REQUIRED if name not in parameters]
        if missing:
            raise ValueError(f"parameters: missing {', '.join(missing)}; got {', '.join(parameters)}")
        if step >= self.settings.stop:
            return parameters
        count, device = len(parameters["means"]), parameters["means"].device
        statistics = self.statistics or GradientStatistics.none(count, device)
        self.statistics = statistics.with_views(meta)
        if self.settings.refines_at(step):
            self.last = plan_refinement(parameters, self.statistics, self.settings, step, self.extent, self.generator)
            parameters = apply_refinement(self.last, parameters, optimizer)
            self.statistics = None
        if self.settings.resets_at(step):
            parameters = reset_opacities(parameters, optimizer, self.settings.reset_opacity)
        return parameters
