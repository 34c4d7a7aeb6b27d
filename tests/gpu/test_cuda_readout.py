"""The fused readout on CUDA against the plain path in double precision, at the sizes that are fitted."""

from __future__ import annotations

import copy

import pytest
import torch

from benchmark.feat2gs.modes import GEOMETRY, attribute_sizes
from benchmark.feat2gs.readout import WHOLE_IMAGE, Readout
from benchmark.features.feature_maps import sample_grid

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
CASES = {
    "tokens": ((2, 64, 24, 32), (192, 256), WHOLE_IMAGE),
    "padded": ((2, 40, 14, 19), (96, 128), (-0.03, -0.02, 1.04, 1.05)),
    "odd sizes": ((3, 7, 5, 3), (23, 31), WHOLE_IMAGE),
    "one token": ((1, 4, 1, 1), (5, 7), WHOLE_IMAGE),
}


def scene(case: str) -> tuple[torch.Tensor, tuple[float, float, float, float], torch.Tensor]:
    (views, channels, *grid), image, extent = CASES[case]
    generator = torch.Generator().manual_seed(1)
    valid = torch.rand(views, *image, generator=generator) > 0.2
    return torch.randn(views, channels, *grid, generator=generator).cuda(), extent, valid.cuda()


def sizes(sh_degree: int) -> dict[str, int]:
    # The harmonics' rest is the widest output: 45 at degree 3.
    return {name: size for name, size in attribute_sizes(sh_degree).items() if sh_degree or name in GEOMETRY}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("width", "sh_degree"), [(6, 0), (64, 0), (256, 3)])
def test_the_fused_path_equals_the_plain_one_in_double_precision(case, width, sh_degree):
    pytest.importorskip("triton", reason="Triton is not installed")
    grid, extent, valid = scene(case)
    fused = Readout(grid.shape[1], sizes(sh_degree), width, torch.Generator().manual_seed(0)).cuda()
    plain = copy.deepcopy(fused).double()
    outputs = fused(grid, extent, valid)
    features = sample_grid(grid.double(), extent, valid.shape[1:]).movedim(1, -1)[valid]
    expected = plain.plain(features)
    for name in sizes(sh_degree):
        torch.testing.assert_close(outputs[name].double(), expected[name], atol=1e-5, rtol=1e-5)
    sum(value.sin().sum() for value in outputs.values()).backward()
    sum(value.sin().sum() for value in expected.values()).backward()
    for ours, theirs in zip(fused.parameters(), plain.parameters(), strict=True):
        assert (ours.grad - theirs.grad).abs().max() <= 1e-4 * theirs.grad.abs().max()


def test_a_run_repeats_itself_to_the_last_bit():
    pytest.importorskip("triton", reason="Triton is not installed")
    grid, extent, valid = scene("tokens")
    results = []
    for _ in range(2):
        readout = Readout(grid.shape[1], sizes(0), 64, torch.Generator().manual_seed(0)).cuda()
        outputs = readout(grid, extent, valid)
        sum(value.sin().sum() for value in outputs.values()).backward()
        results.append([*outputs.values(), *(value.grad for value in readout.parameters())])
    assert all(torch.equal(one, two) for one, two in zip(*results, strict=True))
