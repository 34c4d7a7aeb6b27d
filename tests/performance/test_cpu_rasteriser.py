"""The CPU rasteriser against a plain Numba prototype, on the same scene, in one run: printed as a ratio, never judged.

The prototype starts from projected Gaussians; ours is timed from means and quaternions through projection, checks of
the arguments, blending and the gradients to all of them. ``pytest tests/performance -m performance -s``
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from benchmark.splatting.rasterize import rasterize

pytestmark = pytest.mark.performance
CASES = [(10_000, 128, 128, 3), (50_000, 256, 192, 3), (200_000, 512, 384, 3), (50_000, 256, 192, 16)]
# A long focal length makes the perspective projection orthographic, so that the 2-D scene is met again.
FOCAL = 1e4


@pytest.fixture(scope="session")
def yardstick(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    root = Path(__file__).resolve().parents[2]
    path = Path(os.environ.get("SPLATBENCH_YARDSTICK", root.parent / "shared/tools/cpu_raster_yardstick.py"))
    if not path.is_file():
        pytest.skip(f"the yardstick is absent: no {path.name} beside the project, nor in SPLATBENCH_YARDSTICK")
    # A copy: compiled code that lies beside the original may belong to a module of another name.
    path = Path(shutil.copy(path, tmp_path_factory.mktemp("yardstick")))
    spec = importlib.util.spec_from_file_location("cpu_raster_yardstick", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cpu_raster_yardstick"] = module  # Numba's cache imports it by name
    spec.loader.exec_module(module)
    return module


def lifted(flat: tuple[np.ndarray, ...], width: int, height: int) -> list[torch.Tensor]:
    """Means, quaternions, scales, opacities, colours, poses and intrinsics that project to the yardstick's scene."""
    centers, conics, opacities, _, colors, order = flat
    covariances = np.linalg.inv(conics[:, [0, 1, 1, 2]].reshape(-1, 2, 2).astype(np.float64)) - 0.3 * np.eye(2)
    variances, axes = np.linalg.eigh(covariances)
    depths = 1 + order.astype(np.float64)
    half = np.arctan2(axes[:, 1, 0], axes[:, 0, 0]) / 2
    zero = np.zeros_like(half)
    sizes = np.sqrt(np.maximum(variances, 1e-8)) * depths[:, None] / FOCAL
    made = [
        np.column_stack([(centers - [width / 2, height / 2]) / FOCAL * depths[:, None], depths]),
        np.column_stack([np.cos(half), zero, zero, np.sin(half)]),
        np.column_stack([sizes, np.full(len(half), 1e-7)]),
        opacities,
        colors,
        np.eye(4)[None],
        np.array([[[FOCAL, 0, width / 2], [0, FOCAL, height / 2], [0, 0, 1]]]),
    ]
    tensors = [torch.as_tensor(value, dtype=torch.float32) for value in made]
    return [value.requires_grad_() for value in tensors[:5]] + tensors[5:]


def prototype_step(yard: ModuleType, flat: tuple[np.ndarray, ...], width: int, height: int) -> np.ndarray:
    """Forward and backward of the prototype, as its own ``run`` does it; returns the picture."""
    centers, conics, opacities, radii, colors, order = flat
    across, down, tile = -(-width // yard.TILE), -(-height // yard.TILE), (width, height)
    offsets, entries = yard.binning(np.argsort(order, kind="stable"), centers, radii, *tile, across, down)
    image, remains = np.empty((colors.shape[1], height, width), np.float32), np.empty((height, width), np.float32)
    scene = (offsets, entries, centers, conics, colors, opacities, radii, *tile, across, down)
    yard.fwd(*scene, image, remains)
    v_entries = np.zeros((len(entries), 6 + colors.shape[1]), np.float32)
    yard.bwd(*scene, image, remains, np.full_like(image, 1e-3), v_entries)
    yard.reduce(entries, v_entries, np.zeros((len(centers), v_entries.shape[1]), np.float32))
    return image


@pytest.mark.parametrize("case", CASES, ids=lambda case: "{}-{}x{}-{}".format(*case))
def test_forward_and_backward(yardstick, benchmark, case):
    count, width, height, channels = case
    flat = yardstick.scene(count, width, height, channels)
    arguments = lifted(flat, width, height)

    def ours() -> torch.Tensor:
        image = rasterize(*arguments, width, height)[0]
        # By NumPy, as the prototype does it: PyTorch's threads would spin on both cores for a while afterwards.
        image.backward(torch.from_numpy(np.full(image.shape, 1e-3, np.float32)))
        for leaf in arguments[:5]:
            leaf.grad = None
        return image

    picture, prototype = ours()[0].detach().numpy(), prototype_step(yardstick, flat, width, height)
    assert np.abs(picture - prototype.transpose(1, 2, 0)).max() < 5e-3
    # In turns, so that whatever else the machine does hits both alike; the least is the least disturbed.
    times = [
        (least_of_three(lambda: prototype_step(yardstick, flat, width, height)), least_of_three(ours)) for _ in range(7)
    ]
    theirs, own = np.min(times, axis=0) * 1e3
    benchmark.extra_info["ratio"] = theirs / own
    benchmark.pedantic(ours, rounds=3)
    size = f"{count} Gaussians, {width}x{height}, {channels} channels"
    sys.stdout.write(f"\n{size}: prototype {theirs:.1f} ms, ours {own:.1f} ms, {theirs / own:.2f} x\n")


def least_of_three(function: Callable[[], object]) -> float:
    """Seconds of the fastest of three steps in a row, begun when the other's threads have stopped spinning."""
    time.sleep(0.02)
    times = []
    for _ in range(3):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)
