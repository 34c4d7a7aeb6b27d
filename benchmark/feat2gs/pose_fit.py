"""Cameras that move: train cameras beside the scene, test cameras in a frozen one (sections 5.2 and 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float

from benchmark.feat2gs.rates import log_linear
from benchmark.feat2gs.report import Report
from benchmark.protocols import JointFit, TestPoses
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.poses import PoseRefinement
from benchmark.splatting.render import TorchCameras, render


class TrainPoses:
    """The train cameras of a joint fit: fixed, or refined with the first one holding the world (Q17)."""

    def __init__(self, cameras: TorchCameras, settings: JointFit):
        self.given = cameras
        self.settings = settings
        self.refinement: PoseRefinement | None = None
        if settings.refine_poses:
            # Sparse: a camera that a step does not see is left alone by it, not carried on by its momentum (Q17).
            self.refinement = PoseRefinement(cameras.world_to_camera, fix_first=True, sparse=True).to(
                cameras.world_to_camera.device
            )
            groups = self.refinement.parameter_groups(settings.rates.poses, settings.rates.poses)
            self.optimizer = torch.optim.SparseAdam(groups)

    def cameras(self, views: Sequence[int] | None = None) -> TorchCameras:
        """The chosen cameras (None: all) where they stand now; gradients flow to their poses."""
        chosen = self.given if views is None else self.given[views]
        if self.refinement is None:
            return chosen
        return replace(chosen, world_to_camera=self.refinement(views))

    def step(self, step: int) -> None:
        """Move by the gradients of one step, counted from 0."""
        if self.refinement is None:
            return
        settings = self.settings
        fraction = min(1.0, step / settings.pose_decay_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = log_linear(settings.rates.poses, settings.pose_rate_final, fraction)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


def fit_test_poses(
    gaussians: Gaussians,
    cameras: TorchCameras,
    photographs: Float[torch.Tensor, "view height width 3"],
    masks: Bool[torch.Tensor, "view height width"],
    settings: TestPoses,
    report: Report,
) -> TorchCameras:
    """Move the test cameras until the frozen scene fits their photographs best, all in one batch.

    The loss is the L1 distance over the mask; each view keeps the pose of its own lowest loss. With 0 steps the
    cameras are returned as they are.
    """
    if settings.steps == 0:
        return cameras
    poses = PoseRefinement(cameras.world_to_camera).to(cameras.world_to_camera.device)
    optimizer = torch.optim.Adam(poses.parameter_groups(settings.rate_rotation, settings.rate_translation))
    weight = masks[..., None].to(photographs.dtype)
    best_loss = torch.full((len(cameras),), torch.inf, device=photographs.device)
    best = cameras.world_to_camera.clone()
    for step in range(settings.steps + 1):
        world_to_camera = poses()
        image = render(gaussians, replace(cameras, world_to_camera=world_to_camera)).image
        losses = ((image - photographs).abs() * weight).mean(dim=(1, 2, 3))
        better = losses.detach() < best_loss
        best_loss = torch.where(better, losses.detach(), best_loss)
        best = torch.where(better[:, None, None], world_to_camera.detach(), best)
        if step == settings.steps:
            break
        optimizer.zero_grad(set_to_none=True)
        losses.sum().backward()
        optimizer.step()
        report("test poses", step + 1, settings.steps, float(best_loss.mean()))
    return replace(cameras, world_to_camera=best)
