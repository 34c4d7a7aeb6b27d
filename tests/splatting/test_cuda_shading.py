"""How the CUDA backend shades any number of channels, with harmonics of the first degree written out."""

from __future__ import annotations

import pytest
import torch

from benchmark.splatting.cpu.engine import Shade
from benchmark.splatting.cuda import shade


def first_degree(degree: int, directions: torch.Tensor, coefficients: torch.Tensor) -> torch.Tensor:
    x, y, z = (directions / directions.norm(dim=-1, keepdim=True)).unbind(-1)
    functions = [torch.full_like(x, 0.28209479177387814)]
    if degree > 0:
        functions += [-0.48860251190291987 * y, 0.48860251190291987 * z, -0.48860251190291987 * x]
    return (torch.stack(functions, dim=-1)[..., None] * coefficients).sum(dim=-2)


@pytest.mark.parametrize("channels", [1, 4, 32])
@pytest.mark.parametrize("degree", [0, 1])
def test_channels_are_shaded_as_on_the_cpu(channels, degree):
    dice = torch.Generator().manual_seed(0)
    means, coefficients = torch.randn(20, 3, generator=dice), torch.randn(20, 4, channels, generator=dice)
    viewmats = torch.eye(4).repeat(2, 1, 1)
    viewmats[:, 2, 3] = 5.0
    viewmats[1, 0, 3] = 0.7
    found = shade(degree, means, viewmats, coefficients, first_degree)
    positions = -(viewmats[:, :3, :3].mT @ viewmats[:, :3, 3:]).squeeze(-1)
    functions = (degree + 1) ** 2
    radii = torch.ones(2, 20, 2, dtype=torch.int32)
    expected = Shade.apply(degree, means, positions, coefficients[None, :, :functions].contiguous(), radii)
    assert torch.allclose(found, expected, atol=1e-5)
