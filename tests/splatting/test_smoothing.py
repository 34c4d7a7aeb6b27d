"""The 3-D smoothing filter against its formula with full covariances, and what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck

from benchmark.splatting.gaussians import Gaussians
from benchmark.splatting.poses import quaternion_to_matrix
from benchmark.splatting.render import TorchCameras
from benchmark.splatting.smoothing import maximal_sampling_rate, smooth


def random_gaussians(count: int = 40) -> Gaussians:
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    return Gaussians(
        normal(count, 3), -3 + normal(count, 3), normal(count, 4), 2 * normal(count), normal(count, 1, 3)
    )  # fmt: skip


def camera(distance: float, focal: float, width: int = 100, height: int = 80) -> TorchCameras:
    """Looks along z at the origin from ``distance`` away."""
    world_to_camera = torch.eye(4)
    world_to_camera[2, 3] = distance
    intrinsics = torch.tensor([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    return TorchCameras(world_to_camera[None], intrinsics[None], width, height)


def together(*cameras: TorchCameras) -> TorchCameras:
    return TorchCameras(
        torch.cat([one.world_to_camera for one in cameras]),
        torch.cat([one.intrinsics for one in cameras]),
        cameras[0].width,
        cameras[0].height,
    )


def covariance(gaussians: Gaussians) -> torch.Tensor:
    root = quaternion_to_matrix(gaussians.quaternions) * gaussians.log_scales.exp()[:, None]
    return root @ root.mT


def test_covariances_and_opacities_follow_equation_9() -> None:
    gaussians = random_gaussians()
    rate = torch.rand(40, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 30 + 1
    smoothed = smooth(gaussians, rate)
    before, after = covariance(gaussians), covariance(smoothed)
    expected = before + (0.2 / rate.square())[:, None, None] * torch.eye(3)
    torch.testing.assert_close(after, expected)
    ratio = (torch.linalg.det(before) / torch.linalg.det(expected)).sqrt()
    torch.testing.assert_close(
        smoothed.opacity_logits.sigmoid(), gaussians.opacity_logits.sigmoid() * ratio, rtol=1e-9, atol=0
    )
    for name in ("means", "quaternions", "sh"):
        assert getattr(smoothed, name) is getattr(gaussians, name)


def test_the_integral_of_every_gaussian_is_kept() -> None:
    gaussians = random_gaussians()
    smoothed = smooth(gaussians, torch.full((40,), 3.0, dtype=torch.float64))

    def mass(one: Gaussians) -> torch.Tensor:
        return one.opacity_logits.sigmoid() * one.log_scales.sum(-1).exp()

    torch.testing.assert_close(mass(smoothed), mass(gaussians))


def test_no_gaussian_stays_finer_than_the_filter_and_coarse_ones_hardly_change() -> None:
    fine, coarse = random_gaussians(), random_gaussians()
    fine.log_scales.fill_(-30.0)
    coarse.log_scales.fill_(5.0)
    rate = torch.full((40,), 10.0, dtype=torch.float64)
    expected = torch.full((40, 3), math.sqrt(0.2) / 10, dtype=torch.float64)
    torch.testing.assert_close(smooth(fine, rate).log_scales.exp(), expected)
    torch.testing.assert_close(smooth(coarse, rate).log_scales, coarse.log_scales)
    torch.testing.assert_close(smooth(coarse, rate).opacity_logits, coarse.opacity_logits, rtol=1e-5, atol=1e-5)


def test_single_precision_survives_extreme_scales_and_opacities_with_gradients() -> None:
    logits = torch.tensor([-80.0, -20, 0, 20, 80]).repeat(3)
    scales = torch.tensor([-20.0, -3, 8]).repeat_interleave(5)[:, None].expand(15, 3)
    leaves = [logits.clone().requires_grad_(), scales.clone().requires_grad_()]
    gaussians = Gaussians(torch.zeros(15, 3), leaves[1], torch.ones(15, 4), leaves[0], torch.zeros(15, 1, 3))
    smoothed = smooth(gaussians, torch.full((15,), 100.0))
    assert smoothed.log_scales.isfinite().all() and smoothed.opacity_logits.isfinite().all()
    (smoothed.log_scales.sum() + smoothed.opacity_logits.sum()).backward()
    assert all(leaf.grad is not None and leaf.grad.isfinite().all() for leaf in leaves)


def test_gradients_are_those_of_finite_differences() -> None:
    gaussians = random_gaussians(5)
    rate = torch.linspace(2, 30, 5, dtype=torch.float64)

    def filtered(log_scales: torch.Tensor, opacity_logits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        one = Gaussians(gaussians.means, log_scales, gaussians.quaternions, opacity_logits, gaussians.sh)
        smoothed = smooth(one, rate)
        return smoothed.log_scales, smoothed.opacity_logits

    assert gradcheck(
        filtered, (gaussians.log_scales.requires_grad_(), gaussians.opacity_logits.requires_grad_())
    )  # fmt: skip


def test_the_closest_or_longest_lens_decides() -> None:
    point = torch.zeros(1, 3)
    near, far, tele = camera(2, 50), camera(10, 50), camera(10, 400)
    assert maximal_sampling_rate(point, near).item() == pytest.approx(25)
    assert maximal_sampling_rate(point, together(far, near)).item() == pytest.approx(25)
    assert maximal_sampling_rate(point, together(tele, near)).item() == pytest.approx(40)


def test_only_cameras_that_see_a_point_count() -> None:
    # Behind the camera, too near, far outside, just outside but within the margin, inside.
    points = torch.tensor([[0.0, 0, -5], [0, 0, -1.9], [3.0, 0, 0], [2.2, 0, 0], [0.5, 0.5, 0]])
    rates = maximal_sampling_rate(points, camera(2, 50))
    np.testing.assert_allclose(rates, [25.0] * 5)  # those unseen get the least rate of those seen
    both = maximal_sampling_rate(points, together(camera(2, 50), camera(12, 50)))
    np.testing.assert_allclose(both, [50 / 7, 50 / 10.1, 50 / 12, 25, 25], rtol=1e-6)


def test_the_image_of_a_camera_twice_as_sharp_halves_the_filter() -> None:
    gaussians = random_gaussians()
    gaussians.log_scales.fill_(-30.0)
    gaussians.means.mul_(0.1)
    points = gaussians.means.float()
    scales = [
        smooth(gaussians, maximal_sampling_rate(points, one)).log_scales.exp()
        for one in (camera(4, 100), camera(4, 200, 200, 160))
    ]
    torch.testing.assert_close(scales[0], 2 * scales[1])


def test_cameras_that_see_nothing_and_wrong_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="sees any"):
        maximal_sampling_rate(torch.tensor([[0.0, 0, -5]]), camera(2, 50))
    with pytest.raises(ValueError, match="sampling_rate"):
        smooth(random_gaussians(), torch.zeros(40))
    with pytest.raises(ValueError, match="sampling_rate"):
        smooth(random_gaussians(), torch.ones(39))
    assert maximal_sampling_rate(torch.zeros(0, 3), camera(2, 50)).shape == (0,)
