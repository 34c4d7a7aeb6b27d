"""Compile the CPU kernels ahead of their first use, into Numba's cache on disk.

Each job calls public functions on inputs as small as they may be, so a kernel is compiled for just the types that a
run gives it. Jobs share no kernel and run in processes of their own.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from tempfile import TemporaryDirectory


def compile_kernels(processes: int) -> Iterator[str]:
    """Compile what is not in the cache yet; yields the name of each part as it is done."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(JOBS)), mp_context=context) as pool:
        names = {pool.submit(job): name for name, job in JOBS.items()}
        for done in as_completed(names):
            done.result()
            yield names[done]


def rasterizer() -> None:
    """Colours of degree 0, there and back."""
    import torch

    from benchmark.splatting.rasterize import rasterize

    means, quats, scales = torch.tensor([[0.0, 0.0, 2.0]]), torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.ones(1, 3)
    opacities, colors, pose = torch.full((1,), 0.5), torch.ones(1, 1, 3), torch.eye(4)[None]
    for value in (means, quats, scales, opacities, colors, pose):
        value.requires_grad_()
    lens = torch.tensor([[[8.0, 0.0, 4.0], [0.0, 8.0, 4.0], [0.0, 0.0, 1.0]]])
    image, alphas, _ = rasterize(means, quats, scales, opacities, colors, pose, lens, 8, 8, sh_degree=0)
    torch.autograd.backward(image.sum() + alphas.sum())


def readout() -> None:
    """From tokens and from pixels, there and back."""
    import torch

    from benchmark.feat2gs.readout import WHOLE_IMAGE, Readout

    mlp = Readout(2, {"means": 3, "opacity_logits": 1}, 8, torch.Generator())
    valid = torch.ones(1, 4, 4, dtype=torch.bool)
    for side in (2, 4):
        outputs = mlp(torch.ones(1, 2, side, side), WHOLE_IMAGE, valid)
        torch.autograd.backward(torch.cat(list(outputs.values()), dim=1).sum())


def tracing() -> None:
    """A room of the data set `studio`, a few pixels large."""
    from dataclasses import replace

    from benchmark.scenes.load import load_scene
    from benchmark.scenes.spec import get_dataset

    spec = get_dataset("studio")
    name, scene = next(iter(spec.scenes.items()))
    small = replace(scene, options={**scene.options, "size": [8, 8]})
    with TemporaryDirectory() as folder:
        load_scene(replace(spec, scenes={name: small}), name, Path(folder))


JOBS: dict[str, Callable[[], None]] = {"rasterizer": rasterizer, "readout": readout, "tracing": tracing}
