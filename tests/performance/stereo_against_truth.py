"""How near depth from photographs alone comes to the true depth: the table of docs/reconstruction.md.

    .venv/bin/python tests/performance/stereo_against_truth.py [scene ...]

Scenes that have true depth are reconstructed as if they had none, at the sizes of `lite` and of `strict`. The fountain
has surveyed cameras but no dense depth: there the truth are points that at least four of its eleven views triangulate,
at the pixels where they are seen (features all: smooth places are not judged). `six` is the time and memory of six
views of it.
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmark.cameras import Camera, project
from benchmark.protocols import PROTOCOLS
from benchmark.reconstruction import known
from benchmark.reconstruction.depth import true_depth
from benchmark.reconstruction.sparse import triangulate
from benchmark.reconstruction.train_views import choose_train_views
from benchmark.scenes.load import load_scene
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.sizes import working_size
from benchmark.scenes.spec import dataset_from_folder, get_dataset

SHARED = Path(os.environ.get("SPLATBENCH_SHARED_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
FOUNTAIN = "fountain_p11"
SCENES = {"motorcycle": "motorcycle", "shelves": "studio", "pile": "studio", FOUNTAIN: None}
LEAST_VIEWS = 4


def scene_of(name: str, folder: Path) -> Scene:
    """A scene of the datasets, or the fountain's photographs."""
    dataset = SCENES[name]
    spec = get_dataset(dataset) if dataset else dataset_from_folder(SHARED / "scenes" / name)
    return load_scene(spec, name, folder)


def triangulated_depth(scene: Scene, views: Sequence[View], width: int, height: int) -> np.ndarray:
    """Depth where a point that many views see falls, else 0."""
    greys = [np.round(view.image() @ np.array([0.299, 0.587, 0.114])).astype(np.uint8) for view in scene.views]
    with ThreadPoolExecutor() as pool:
        points = triangulate(greys, [view.camera for view in scene.views if view.camera is not None], pool)
    sure = points.seen.sum(axis=0) >= LEAST_VIEWS
    depths = np.zeros((len(views), height, width), np.float32)
    for depth, view in zip(depths, views, strict=True):
        assert view.camera is not None
        mine = sure & points.seen[scene.views.index(view)]
        pixels, z = project(points.xyz[mine], view.camera.resized(width, height))
        columns, rows = np.clip(np.floor(pixels).astype(int), 0, [width - 1, height - 1]).T
        depth[rows, columns] = z
    return depths


def cameras_of(views: Sequence[View], width: int, height: int) -> list[Camera]:
    """At a working size."""
    return [view.camera.resized(width, height) for view in views if view.camera is not None]


def against_truth(name: str, folder: Path) -> None:
    """Print the scene's rows as Markdown."""
    scene = scene_of(name, folder)
    for protocol in (PROTOCOLS["lite"], PROTOCOLS["strict"]):
        chosen = choose_train_views(scene, replace(protocol.images, train_views=3))
        # Of the pair both photographs are needed, so the test view is given too.
        views = [scene.views[index] for index in (*chosen, *(scene.test if name == "motorcycle" else ()))]
        width, height = working_size(views[0].width, views[0].height, protocol.images.long_side)
        blind = [replace(view, depth_path=None) for view in views]
        began = time.process_time()
        found = known.depth_maps(blind, cameras_of(views, width, height), protocol.reconstruct)
        seconds = time.process_time() - began
        if name == FOUNTAIN:
            true = triangulated_depth(scene, views, width, height)
        else:
            true = np.stack([z for view in views if (z := true_depth(view, width, height)) is not None])
        error = np.abs(found.z / np.where(true > 0, true, np.nan) - 1)[true > 0]
        confirmed = found.confidence[true > 0] == 1
        shares = [f"{100 * (error < limit).mean():.0f}" for limit in (0.01, 0.05, 0.20)]
        sure = f"{100 * (error[confirmed] < 0.05).mean():.0f} ({100 * confirmed.mean():.0f})"
        print(f"| {name} | {width} | {len(views)} | {' | '.join(shares)} | {sure} | {seconds:.1f} |", flush=True)


def six_views(folder: Path) -> None:
    """Print what six views at the size of `strict` take; kernels are compiled before."""
    scene = scene_of(FOUNTAIN, folder)
    views = list(scene.views[2:8])
    for long_side in (64, PROTOCOLS["strict"].images.long_side):
        width, height = working_size(views[0].width, views[0].height, long_side)
        wall, cpu = time.perf_counter(), time.process_time()
        known.depth_maps(views, cameras_of(views, width, height), PROTOCOLS["strict"].reconstruct)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{width}x{height}: {time.perf_counter() - wall:.1f} s, {time.process_time() - cpu:.1f} CPU s, {peak:.0f} MiB"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        print("| scene | long side | views | within 1 % | 5 % | 20 % | 5 % where confirmed (share) | CPU s |")
        print("|---|---|---|---|---|---|---|---|")
        for wanted in sys.argv[1:] or [*SCENES, "six"]:
            if wanted == "six":
                six_views(Path(temporary))
            else:
                against_truth(wanted, Path(temporary))
