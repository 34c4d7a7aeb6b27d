"""gsplat behind our signature against the CPU backend, on the same inputs."""

from __future__ import annotations

import math

import pytest
import torch

from benchmark.splatting.rasterize import rasterize

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
DIFFERENTIABLE = ("means", "quats", "scales", "opacities", "colors", "viewmats", "backgrounds")


def scene(channels: int, sh_degree: int | None, cameras: int = 2, count: int = 400) -> dict:
    generator = torch.Generator().manual_seed(0)
    shape = (count, channels) if sh_degree is None else (count, (sh_degree + 1) ** 2, channels)
    viewmats = torch.eye(4).repeat(cameras, 1, 1)
    for k in range(cameras):
        angle = 0.2 * k
        viewmats[k, 0, 0] = viewmats[k, 2, 2] = math.cos(angle)
        viewmats[k, 0, 2], viewmats[k, 2, 0] = math.sin(angle), -math.sin(angle)
        viewmats[k, 2, 3] = 3.0
    return {
        "means": 0.5 * torch.randn(count, 3, generator=generator),
        "quats": torch.randn(count, 4, generator=generator),
        "scales": torch.exp(-2.5 + 0.5 * torch.randn(count, 3, generator=generator)),
        "opacities": torch.rand(count, generator=generator) * 0.9 + 0.05,
        "colors": torch.rand(*shape, generator=generator),
        "viewmats": viewmats,
        "Ks": torch.tensor([[70.0, 0, 32], [0, 70, 24], [0, 0, 1]]).repeat(cameras, 1, 1),
        "width": 64,
        "height": 48,
        "sh_degree": sh_degree,
        "backgrounds": torch.rand(cameras, channels, generator=generator),
    }


def run(arguments: dict, device: str, **options) -> tuple[list[torch.Tensor], list[torch.Tensor], torch.Tensor]:
    arguments = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in arguments.items()}
    leaves = {name: arguments[name].clone().requires_grad_() for name in DIFFERENTIABLE}
    image, alpha, meta = rasterize(**{**arguments, **leaves}, **options)
    meta["means2d"].retain_grad()
    (image.square().sum() + alpha.sum()).backward()
    outputs = [image.detach().cpu(), alpha.detach().cpu()]
    gradients = [leaf.grad.cpu() for leaf in leaves.values()]
    return outputs, gradients, meta["means2d"].grad.cpu()


@pytest.mark.parametrize(("channels", "sh_degree"), [(3, None), (16, None), (3, 0), (3, 3), (32, 0), (16, 3)])
@pytest.mark.parametrize("rasterize_mode", ["classic", "antialiased"])
@pytest.mark.parametrize("render_mode", ["RGB", "RGB+ED"])
def test_backends_agree(channels, sh_degree, rasterize_mode, render_mode):
    pytest.importorskip("gsplat", reason="gsplat, the extra [gpu], is not installed")
    arguments = scene(channels, sh_degree)
    options = {"rasterize_mode": rasterize_mode, "render_mode": render_mode}
    here, there = run(arguments, "cpu", **options), run(arguments, "cuda", **options)
    for a, b in zip(here[0], there[0], strict=True):
        # A pixel whose alpha is close to 1/255 may be cut by one backend alone.
        assert (a - b).abs().mean() < 1e-4 and (a - b).abs().max() < 2e-2
    for a, b in zip([*here[1], here[2]], [*there[1], there[2]], strict=True):
        assert (a - b).norm() < 5e-3 * a.norm()
