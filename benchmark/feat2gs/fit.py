"""The two stages of the fit: regression onto the start values, then photometric (section 5 of the protocol notes)."""

from __future__ import annotations

from dataclasses import asdict

import torch
from jaxtyping import Float

from benchmark.feat2gs.model import ProbedScene
from benchmark.feat2gs.pose_fit import TrainPoses
from benchmark.metrics.loss import photometric_loss
from benchmark.protocols import JointFit, WarmStart
from benchmark.report import Report
from benchmark.splatting.fitting import LossGuard, camera_extent, log_linear
from benchmark.splatting.render import TorchCameras, render


def warm_start(scene: ProbedScene, optimizer: torch.optim.Adam, settings: WarmStart, report: Report) -> None:
    """Teach the readout the start values: the sum over attributes of the mean L1 distance, no rendering."""
    if scene.readout is None:
        return
    guard = LossGuard("warm start")
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = log_linear(settings.rate, settings.final_rate, step / settings.steps)
        view = step % len(scene.views) if settings.one_view else None
        targets = scene.targets(view)
        distances = [(value - targets[name]).abs().mean() for name, value in scene.read_out(view).items()]
        loss = torch.stack(distances).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        report("warm start", step + 1, settings.steps, guard(step, loss))


def joint_fit(
    scene: ProbedScene,
    optimizer: torch.optim.Adam,
    cameras: TorchCameras,
    photographs: Float[torch.Tensor, "view height width 3"],
    settings: JointFit,
    generator: torch.Generator,
    report: Report,
    scale_penalty: float = 0.0,
) -> TorchCameras:
    """Fit the rendered train views to their photographs, one view a step; returns the cameras, refined if asked.

    Views are drawn without replacement from a stack that is refilled when empty. Features that were free in the warm
    start stay as it left them.
    """
    means_rate = settings.rates.means * (camera_extent(cameras) if settings.rate_by_extent else 1.0)
    rates = {**asdict(settings.rates), "means": means_rate}
    if scene.own_features is not None:
        scene.own_features.requires_grad_(False)
    for group in optimizer.param_groups:
        group["lr"] = rates.get(group["name"], 0.0)
    poses = TrainPoses(cameras, settings)
    guard = LossGuard("joint fit")
    stack: list[int] = []
    for step in range(settings.steps):
        decay = log_linear(1.0, settings.means_decay, step / settings.steps)
        for group in optimizer.param_groups:
            if group["name"] == "means":
                group["lr"] = means_rate * decay
        if not stack:
            stack = torch.randperm(len(photographs), generator=generator).tolist()
        view = stack.pop()
        gaussians = scene.gaussians()
        image = render(gaussians, poses.cameras([view])).image[0]
        loss = photometric_loss(image, photographs[view], settings.ssim_weight)
        if scale_penalty > 0:
            loss = loss + scale_penalty * (gaussians.log_scales - scene.start["log_scales"]).abs().mean()
        optimizer.zero_grad(set_to_none=True)
        if step + 1 < settings.steps or settings.update_last:
            loss.backward()
            optimizer.step()
            poses.step(step)
        report("joint fit", step + 1, settings.steps, guard(step, loss))
    return poses.cameras()
