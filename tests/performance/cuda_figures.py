"""Figures of a CUDA device: the readout against its plain path, a cell of `strict`, its memory, a latent field.

    python tests/performance/cuda_figures.py STORE [--prepare] [--only readout cell memory field ...]

Scenes are rooms of `studio`. With ``--prepare`` only what no GPU is needed for is made (rooms, depth, features), so that
a machine that is paid by the second spends none on it. Needs gsplat.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmark.cells import Cell, digest
from benchmark.feat2gs.inputs import gather
from benchmark.feat2gs.modes import GEOMETRY, attribute_sizes
from benchmark.feat2gs.readout import WHOLE_IMAGE, Readout
from benchmark.feat2gs.track import run_cell
from benchmark.features.feature_maps import sample_grid
from benchmark.lrf import track as latent_track
from benchmark.lrf.artifacts import LatentScene
from benchmark.plan import Selection, plan
from benchmark.protocols import get_protocol
from benchmark.scenes.spec import get_dataset
from benchmark.store import Store
from vfm_zoo.registry import get_autoencoder

ENTRY, SCENE = "efficientnet_lite0", "shelves"
LATENT_ENTRY = "dct_f8_c32"
LATENT = Selection([LATENT_ENTRY], "studio", [SCENE], ["3dgs_vae"], "strict", seeds=(0,), track="lrf")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def strict(views: int, steps: int | None = None):
    """`strict` on so many train views; with fewer steps only to see its memory."""
    protocol = get_protocol("strict")
    changes = {"name": f"strict_{views}_views", "images": dataclasses.replace(protocol.images, train_views=views)}
    if steps is not None:
        changes["joint"] = dataclasses.replace(protocol.joint, steps=steps)
        changes["test_poses"] = dataclasses.replace(protocol.test_poses, steps=10)
        changes["name"] += "_short"
    return dataclasses.replace(protocol, **changes)


def cell_of(protocol) -> Cell:
    return Cell("feat2gs", ENTRY, "studio", SCENE, "geometry", "known", protocol.name, 0)


def prepare(store: Store) -> None:
    for views in (2, 6):
        protocol = strict(views)
        inputs = gather(cell_of(protocol), get_dataset("studio"), protocol, store, "cpu")
        say(
            f"{views} views: {inputs.reconstruction.valid.sum()} Gaussians, features {tuple(inputs.features.grid.shape)}"
        )
    (task,) = plan(LATENT, store)
    LatentScene(task.dataset, SCENE, task.protocol, "known", get_autoencoder(LATENT_ENTRY).downscale, store)


def milliseconds(step: Callable[[], None], turns: int = 30) -> float:
    """Median of a step by CUDA's own clock."""
    times = []
    for _ in range(turns):
        began, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        began.record()
        step()
        ended.record()
        torch.cuda.synchronize()
        times.append(began.elapsed_time(ended))
    return sorted(times)[turns // 2]


def readout() -> None:
    """Two views of 512x384 from tokens of stride 16, forward and backward, five heads."""
    views, rows, columns, height, width = 2, 24, 32, 384, 512
    sizes = {name: size for name, size in attribute_sizes(0).items() if name in GEOMETRY}
    for units in (64, 256):
        generator = torch.Generator().manual_seed(0)
        grid = torch.randn(views, units, rows, columns, generator=generator).cuda()
        valid = torch.ones(views, height, width, dtype=torch.bool).cuda()
        model = Readout(units, sizes, units, generator).cuda()

        def descend(attributes, model=model) -> None:
            model.zero_grad(set_to_none=True)
            torch.stack([values.square().mean() for values in attributes.values()]).sum().backward()

        def plain(model=model, grid=grid, valid=valid, descend=descend) -> None:
            descend(model.plain(sample_grid(grid, WHOLE_IMAGE, (height, width)).movedim(1, -1)[valid]))

        for _ in range(3):
            descend(model(grid, WHOLE_IMAGE, valid))
            plain()
        fused = milliseconds(lambda: descend(model(grid, WHOLE_IMAGE, valid)))  # noqa: B023
        slow = milliseconds(plain)
        say(f"readout, width {units}: plain {slow:.2f} ms, fused {fused:.2f} ms, {slow / fused:.1f} x")


def cell(store: Store, views: int = 2, steps: int | None = None) -> None:
    """A whole cell by its stages, its peak memory, and whether memory grows between early and late steps."""
    torch.cuda.reset_peak_memory_stats()
    held: dict[int, int] = {}
    protocol = strict(views, steps)
    last = protocol.joint.steps - 20

    def report(stage: str, step: int, of: int, loss: float | None) -> None:
        if stage == "joint fit" and step in (60, last):
            held[step] = torch.cuda.memory_allocated()

    named = cell_of(protocol)
    began = time.perf_counter()
    record = run_cell(named, digest([named.label, time.time()]), get_dataset("studio"), protocol, store, "now", report)
    say(f"cell of {views} views: {time.perf_counter() - began:.1f} s; cost {record.cost}")
    say(
        f"  PSNR {record.metrics['psnr'].value:.2f}, peak {torch.cuda.max_memory_allocated() / 1e9:.2f} GB, held {held}"
    )


def field(store: Store) -> None:
    """Stage II of the second track under `strict`: 30,000 steps, 32 channels."""
    (task,) = plan(LATENT, store)
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    record = latent_track.run_cell(
        task.cell, task.key, task.dataset, task.protocol, store, "now", lambda *progress: None
    )
    say(f"latent field: {time.perf_counter() - began:.1f} s; cost {record.cost}")
    say(f"  { ({name: round(m.value, 3) for name, m in record.metrics.items()}) }")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("store", type=Path)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--only", nargs="*", default=["readout", "cell", "memory", "field"])
    asked = parser.parse_args()
    store = Store(asked.store)
    if asked.prepare:
        prepare(store)
        return
    say(torch.cuda.get_device_name(0))
    parts = {
        "readout": readout,
        "short": lambda: cell(store, 2, 200),
        "cell": lambda: cell(store),
        "memory": lambda: cell(store, 6, 200),
        "field": lambda: field(store),
    }
    for name in asked.only:
        parts[name]()


if __name__ == "__main__":
    main()
