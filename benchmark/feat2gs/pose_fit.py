"""Cameras that move: train cameras beside the scene, test cameras in a frozen one (sections 5.2 and 6.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Bool, Float

from benchmark.protocols import JointFit, TestPoses
from benchmark.report import Report
from benchmark.splatting.fitting import log_linear, looks_at
from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.poses import PoseRefinement, matrix_to_quaternion, quaternion_to_matrix
from benchmark.splatting.render import TorchCameras, render


class AbsolutePoses(torch.nn.Module):
    """The published parametrisation: quaternions, normalised only where they are used, and translations.

    The quaternions and the translations of all cameras move under one dense Adam, so a camera that a step does not
    see is carried on by its momentum, and nothing holds the world (Q17).
    """

    def __init__(self, world_to_camera: Float[torch.Tensor, "camera 4 4"]):
        super().__init__()
        self.quaternions = torch.nn.Parameter(matrix_to_quaternion(world_to_camera[:, :3, :3]))
        self.translations = torch.nn.Parameter(world_to_camera[:, :3, 3].clone())

    def forward(self, views: Sequence[int] | None = None) -> Float[torch.Tensor, "chosen 4 4"]:
        """World-to-camera matrices of the chosen cameras (None: all, in order)."""
        chosen = slice(None) if views is None else list(views)
        rotation = quaternion_to_matrix(self.quaternions[chosen])
        top = torch.cat([rotation, self.translations[chosen, :, None]], dim=-1)
        last = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=top.dtype, device=top.device)
        return torch.cat([top, last.expand(len(top), 1, 4)], dim=-2)

    def parameter_groups(self, rotation_rate: float, translation_rate: float) -> list[dict[str, Any]]:
        """Groups for an optimiser, each with its learning rate."""
        return [
            {"params": [self.quaternions], "lr": rotation_rate},
            {"params": [self.translations], "lr": translation_rate},
        ]


class TrainPoses:
    """The train cameras of a joint fit: fixed, refined with the first one holding the world, or as published (Q17)."""

    def __init__(self, cameras: TorchCameras, settings: JointFit):
        self.given = cameras
        self.settings = settings
        self.refinement: PoseRefinement | AbsolutePoses | None = None
        self.optimizer: torch.optim.Optimizer | None = None
        if not settings.refine_poses:
            return
        rates = (settings.rates.poses, settings.rates.poses)
        if settings.anchored:
            # Sparse: a camera that a step does not see is left alone by it, not carried on by its momentum (Q17).
            self.refinement = PoseRefinement(cameras.world_to_camera, fix_first=True, sparse=True)
            self.refinement.to(cameras.world_to_camera.device)
            self.optimizer = torch.optim.SparseAdam(self.refinement.parameter_groups(*rates))
        else:
            self.refinement = AbsolutePoses(cameras.world_to_camera)
            self.optimizer = torch.optim.Adam(self.refinement.parameter_groups(*rates), eps=1e-15)

    def cameras(self, views: Sequence[int] | None = None) -> TorchCameras:
        """The chosen cameras (None: all) where they stand now; gradients flow to their poses."""
        chosen = self.given if views is None else self.given[views]
        if self.refinement is None:
            return chosen
        return replace(chosen, world_to_camera=self.refinement(views))

    def step(self, step: int) -> None:
        """Move by the gradients of one step, counted from 0."""
        if self.optimizer is None:
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
    poses: PoseRefinement | AbsolutePoses
    if settings.absolute:
        poses = AbsolutePoses(cameras.world_to_camera)
    else:
        poses = PoseRefinement(cameras.world_to_camera).to(cameras.world_to_camera.device)
    optimizer = torch.optim.Adam(poses.parameter_groups(settings.rate_rotation, settings.rate_translation))
    weight = masks[..., None].to(photographs.dtype)
    best_loss = torch.full((len(cameras),), torch.inf, device=photographs.device)
    best = cameras.world_to_camera.clone()
    # One more look than steps, at where the last step has led; recorded late, a pose needs none.
    for step in range(settings.steps + (not settings.late_record)):
        world_to_camera = poses()
        image = render(gaussians, replace(cameras, world_to_camera=world_to_camera)).image
        losses = ((image - photographs).abs() * weight).mean(dim=(1, 2, 3))
        better = losses.detach() < best_loss
        best_loss = torch.where(better, losses.detach(), best_loss)
        if step < settings.steps:
            optimizer.zero_grad(set_to_none=True)
            losses.sum().backward()
            optimizer.step()
            if looks_at(step, settings.steps, best_loss.device):
                report("test poses", step + 1, settings.steps, float(best_loss.mean()))
        pose = poses() if settings.late_record else world_to_camera
        best = torch.where(better[:, None, None], pose.detach(), best)
    return replace(cameras, world_to_camera=best)
