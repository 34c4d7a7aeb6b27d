"""The two stages of the fit: regression onto the start values, then photometric (section 5 of the protocol notes)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float

from benchmark.errors import CellError
from benchmark.feat2gs.model import ProbedScene
from benchmark.feat2gs.pose_fit import TrainPoses
from benchmark.feat2gs.rates import log_linear
from benchmark.feat2gs.report import Report
from benchmark.metrics.loss import photometric_loss
from benchmark.protocols import JointFit, WarmStart
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
) -> TorchCameras:
    """Fit the rendered train views to their photographs, one view a step; returns the cameras, refined if asked.

    Views are drawn without replacement from a stack that is refilled when empty.
    """
    for group in optimizer.param_groups:
        group["lr"] = getattr(settings.rates, group["name"])
    poses = TrainPoses(cameras, settings)
    guard = LossGuard("joint fit")
    stack: list[int] = []
    for step in range(settings.steps):
        decay = log_linear(1.0, settings.means_decay, step / settings.steps)
        for group in optimizer.param_groups:
            if group["name"] == "means":
                group["lr"] = settings.rates.means * decay
        if not stack:
            stack = torch.randperm(len(photographs), generator=generator).tolist()
        view = stack.pop()
        image = render(scene.gaussians(), poses.cameras([view])).image[0]
        loss = photometric_loss(image, photographs[view], settings.ssim_weight)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        poses.step(step)
        report("joint fit", step + 1, settings.steps, guard(step, loss))
    return poses.cameras()


class LossGuard:
    """Ends a cell whose loss stops being a number, naming the step and the last good loss."""

    def __init__(self, stage: str):
        self.stage = stage
        self.last = math.nan

    def __call__(self, step: int, loss: torch.Tensor) -> float:
        """The loss as a number."""
        value = float(loss.detach())
        if not math.isfinite(value):
            raise CellError(
                f"{self.stage}: the loss is {value} at step {step + 1} (before it {self.last:.6g}); "
                "lower the protocol's rates, or look for a feature or point that is not finite"
            )
        self.last = value
        return value
