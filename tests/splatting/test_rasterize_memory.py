"""What a forward and backward step holds at its peak, by the kernel's own account of a process that does nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Resets the high-water mark of resident memory, which covers NumPy, PyTorch, threads' stacks and Numba alike.
RESET = Path("/proc/self/clear_refs")
STEP = """
import ctypes, gc, json, re, sys
import torch
from benchmark.splatting.cpu.binning import SIDE
from benchmark.splatting.rasterize import rasterize

count, width, height, channels, degree = json.loads(sys.argv[1])
generator = torch.Generator().manual_seed(0)

def scene(count):
    functions = [] if degree is None else [(degree + 1) ** 2]
    means = (torch.rand(count, 3, generator=generator) - 0.5) * torch.tensor([2.0, 1.5, 1.0]) + torch.tensor([0, 0, 2.0])
    size = 1.5 * (width * height / count) ** 0.5 / width
    arguments = {
        "means": means,
        "quats": torch.randn(count, 4, generator=generator),
        "scales": size * torch.exp(0.3 * torch.randn(count, 3, generator=generator)),
        "opacities": torch.rand(count, generator=generator),
        "colors": torch.rand(count, *functions, channels, generator=generator),
    }
    arguments = {name: value.requires_grad_() for name, value in arguments.items()}
    lens = torch.tensor([[[1.0 * width, 0, width / 2], [0, 1.0 * width, height / 2], [0, 0, 1]]])
    return arguments, {"viewmats": torch.eye(4)[None], "Ks": lens, "width": width, "height": height, "sh_degree": degree}

def memory(key):
    return 1024 * int(re.search(key + r":\\s+(\\d+)", open("/proc/self/status").read())[1])

def step(arguments, camera):
    image, alphas, meta = rasterize(**arguments, **camera)
    (image.mean() + alphas.mean()).backward()
    return image, alphas, meta

step(*scene(50))
arguments, camera = scene(count)
gc.collect()
getattr(ctypes.CDLL(None), "malloc_trim", int)(0)
open("/proc/self/clear_refs", "w").write("5")
before = memory("VmRSS")
image, alphas, meta = step(arguments, camera)
peak = memory("VmHWM") - before

low = (meta["means2d"].detach() - meta["radii"]).clamp_min(0) // SIDE
high = torch.minimum((meta["means2d"].detach() + meta["radii"]).clamp_min(0), torch.tensor([width - 1, height - 1])) // SIDE
touched = (high - low + 1).clamp_min(0).prod(-1) * (meta["radii"][..., 0] > 0)
inputs = sum(value.nbytes for value in arguments.values())
gradients = sum(value.grad.nbytes for value in arguments.values())
outputs = gradients + sum(value.nbytes for value in (image, alphas, meta["means2d"], meta["depths"], meta["radii"]))
# Of an intersection: its place, its slot, six numbers of geometry and a colour.
intersections = int(touched.sum()) * 4 * (2 + 6 + channels)
print(json.dumps([peak, inputs, outputs, intersections]))
"""


@pytest.mark.skipif(not os.access(RESET, os.W_OK), reason=f"needs {RESET} (Linux)")
@pytest.mark.parametrize(
    "case", [(150_000, 512, 384, 3, None), (40_000, 256, 192, 16, None), (60_000, 256, 192, 3, 3)], ids=str
)
def test_peak_is_bounded_by_what_goes_in_and_comes_out(case):
    """At most three times the inputs, the outputs (gradients among them), and the intersections once."""
    done = subprocess.run(
        [sys.executable, "-c", STEP, json.dumps(case)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    peak, inputs, outputs, intersections = json.loads(done.stdout)
    assert peak <= 3 * inputs + outputs + intersections, (peak, inputs, outputs, intersections)
    # Nothing was left out of the account: the intersections alone are held twice, forward and backward.
    assert peak > intersections
