"""The two stages of the fit: regression onto the start values, then photometric (section 5 of the protocol notes)."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict

import torch
from jaxtyping import Float
from torch.profiler import record_function

from benchmark.errors import CellError
from benchmark.feat2gs.model import ProbedScene
from benchmark.feat2gs.pose_fit import TrainPoses
from benchmark.metrics.loss import photometric_loss
from benchmark.protocols import JointFit, WarmStart
from benchmark.report import Report
from benchmark.splatting.fitting import LossGuard, camera_extent, log_linear, looks_at
from benchmark.splatting.render import TorchCameras, render


def warm_start(scene: ProbedScene, optimizer: torch.optim.Adam, settings: WarmStart, report: Report) -> None:
    """Teach the readout the start values: the sum over attributes of the mean L1 distance, no rendering."""
    if scene.readout is None:
        return
    guard = LossGuard("warm start", settings.steps)
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = log_linear(settings.rate, settings.final_rate, step / settings.steps)
        view = step % len(scene.views) if settings.one_view else None
        targets = scene.targets(view)
        with record_function("readout"):
            attributes = scene.read_out(view)
        with record_function("loss"):
            distances = [(value - targets[name]).abs().mean() for name, value in attributes.items()]
            loss = torch.stack(distances).sum()
        _descend(loss, optimizer)
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
    guard = LossGuard("joint fit", settings.steps)
    stack: list[int] = []
    # Whether the latest views saw anything: if none did, nothing pulls the Gaussians back.
    seen: deque[torch.Tensor] = deque(maxlen=len(photographs))
    for step in range(settings.steps):
        decay = log_linear(1.0, settings.means_decay, step / settings.steps)
        for group in optimizer.param_groups:
            if group["name"] == "means":
                group["lr"] = means_rate * decay
        if not stack:
            stack = torch.randperm(len(photographs), generator=generator).tolist()
        view = stack.pop()
        with record_function("readout"):
            gaussians = scene.gaussians()
        with record_function("render"):
            rendering = render(gaussians, poses.cameras([view]))
        seen.append(rendering.alpha.detach().any())
        looked = looks_at(step, settings.steps, photographs.device)
        if looked and len(seen) == len(photographs) and not torch.stack(list(seen)).any():
            raise CellError(
                f"joint fit: no train view sees a Gaussian any more at step {step + 1} (last loss {guard.last:.6g}); "
                "look at the scale of the entry's features, or lower the protocol's rates"
            )
        with record_function("loss"):
            loss = photometric_loss(rendering.image[0], photographs[view], settings.ssim_weight)
            if scale_penalty > 0:
                loss = loss + scale_penalty * (gaussians.log_scales - scene.start["log_scales"]).abs().mean()
        if step + 1 < settings.steps or settings.update_last:
            _descend(loss, optimizer)
            poses.step(step)
        report("joint fit", step + 1, settings.steps, guard(step, loss))
    return poses.cameras()


def _descend(loss: torch.Tensor, optimizer: torch.optim.Optimizer) -> None:
    optimizer.zero_grad(set_to_none=True)
    with record_function("backward"):
        loss.backward()
    with record_function("optimizer"):
        optimizer.step()
