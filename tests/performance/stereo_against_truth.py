"""How near depth from photographs alone comes to the true depth: the table of docs/reconstruction.md.

    .venv/bin/python tests/performance/stereo_against_truth.py [folder of a store]

Scenes that have true depth are reconstructed as if they had none, at the sizes of `lite` and of `strict`.
"""

# ruff: noqa: T201
from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmark.protocols import PROTOCOLS
from benchmark.reconstruction import known
from benchmark.reconstruction.depth import true_depth
from benchmark.reconstruction.train_views import choose_train_views
from benchmark.scenes.load import load_scene
from benchmark.scenes.sizes import working_size
from benchmark.scenes.spec import get_dataset

# Of the pair both photographs are needed, so the test view is given too.
SCENES = (("motorcycle", "motorcycle", True), ("studio", "shelves", False), ("studio", "pile", False))


def main(folder: Path) -> None:
    """Print the table as Markdown."""
    print("| scene | long side | views | within 1 % | 5 % | 20 % | 5 % where confirmed (share) | s |")
    print("|---|---|---|---|---|---|---|---|")
    for dataset, name, with_test in SCENES:
        scene = load_scene(get_dataset(dataset), name, folder)
        for protocol in (PROTOCOLS["lite"], PROTOCOLS["strict"]):
            chosen = choose_train_views(scene, replace(protocol.images, train_views=3))
            views = [scene.views[index] for index in (*chosen, *(scene.test if with_test else ()))]
            width, height = working_size(views[0].width, views[0].height, protocol.images.long_side)
            cameras = [view.camera.resized(width, height) for view in views if view.camera is not None]
            blind = [replace(view, depth_path=None) for view in views]
            began = time.perf_counter()
            found = known.depth_maps(blind, cameras, protocol.reconstruct)
            seconds = time.perf_counter() - began
            true = np.stack([z for view in views if (z := true_depth(view, width, height)) is not None])
            error = np.abs(found.z / np.where(true > 0, true, np.nan) - 1)[true > 0]
            confirmed = found.confidence[true > 0] == 1
            shares = [f"{100 * (error < limit).mean():.0f}" for limit in (0.01, 0.05, 0.20)]
            sure = f"{100 * (error[confirmed] < 0.05).mean():.0f} ({100 * confirmed.mean():.0f})"
            print(f"| {dataset}/{name} | {width} | {len(views)} | {' | '.join(shares)} | {sure} | {seconds:.1f} |")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
