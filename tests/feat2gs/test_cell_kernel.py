"""The CUDA readout's kernels in Triton's interpreter, which runs them on a CPU: no GPU is needed to see that they are right.

The interpreter is chosen before Triton is imported, so each case is a process of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton", reason="Triton, which comes with PyTorch's CUDA builds, is not installed")

PROGRAM = """
import torch
from benchmark.feat2gs.cell_kernel import read_out_cells, read_out_cells_backward, sample_cells
from benchmark.features.feature_maps import sample_grid

def check(views, rows, columns, height, width, units, outputs, extent):
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.randn(*shape, generator=generator)
    hidden, second, bias = draw(views, rows, columns, units), draw(outputs, units), draw(outputs)
    valid = torch.rand(views, height, width, generator=generator) > 0.2
    sampling = sample_cells((views, rows, columns), extent, valid)
    tokens = hidden.flatten(0, 2)
    out = read_out_cells(tokens, sampling, second, bias)
    leaf, weight = hidden.double().requires_grad_(), second.double().requires_grad_()
    mixed = sample_grid(leaf.movedim(-1, 1), extent, (height, width)).movedim(1, -1)[valid]
    expected = mixed.relu() @ weight.mT + bias.double()
    torch.testing.assert_close(out.double(), expected, atol=1e-5, rtol=1e-5)
    slope = draw(*out.shape)
    expected.backward(slope.double())
    ours = read_out_cells_backward(tokens, sampling, second, slope)
    for got, wanted in zip(ours, (leaf.grad.flatten(0, 2), weight.grad)):
        assert (got - wanted).abs().max() <= 1e-4 * wanted.abs().max()

check(*CASE)
"""
WHOLE = (0.0, 0.0, 1.0, 1.0)
CASES = {
    "tokens": (2, 3, 4, 24, 32, 70, 3, WHOLE),
    "padded": (1, 4, 5, 24, 32, 64, 4, (-0.03, -0.02, 1.04, 1.05)),
    "many outputs": (1, 3, 3, 19, 17, 40, 45, WHOLE),
    "one token": (1, 1, 1, 5, 7, 6, 1, WHOLE),
    "more cells than groups": (1, 33, 33, 70, 70, 16, 1, WHOLE),
}


@pytest.mark.parametrize("case", CASES)
def test_kernels_equal_the_plain_path_in_double_precision(case):
    environment = {**os.environ, "TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    program = PROGRAM.replace("*CASE", ", ".join(map(repr, CASES[case])))
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
