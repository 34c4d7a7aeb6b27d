"""Datasets: listing and validating every file, loading a scene of 25 views. Printed, never judged.

``pytest tests/performance/test_data.py -m performance -s``
"""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from benchmark.cameras import Camera
from benchmark.scenes.cameras_json import write_folder
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import dataset_from_folder

pytestmark = pytest.mark.performance
VIEWS, SIZE = 25, (512, 384)

LISTING = """
import sys, time
began = time.perf_counter()
from benchmark.scenes.spec import list_datasets
specs = list_datasets()
print(len(specs), sum(len(spec.scenes) for spec in specs), time.perf_counter() - began, "torch" in sys.modules)
"""


def test_listing_every_dataset(capsys):
    printed = subprocess.run([sys.executable, "-c", LISTING], capture_output=True, text=True, check=True).stdout.split()
    with capsys.disabled():
        sys.stdout.write(f"\n{printed[0]} datasets and splits, {printed[1]} scenes: {float(printed[2]):.2f} s\n")
    assert printed[3] == "False", "listing datasets imports torch"


def test_loading_a_scene(capsys, tmp_path):
    folder = tmp_path / "place"
    random = np.random.default_rng(0)
    camera = Camera(np.eye(4), np.array([[400.0, 0, 256], [0, 400, 192], [0, 0, 1]]), *SIZE)
    views = {}
    for view in range(VIEWS):
        coarse = random.integers(0, 255, (SIZE[1] // 8, SIZE[0] // 8, 3), dtype=np.uint8)
        views[f"{view:02}.png"] = np.asarray(Image.fromarray(coarse).resize(SIZE))
    write_folder(folder, views, dict.fromkeys(views, camera), {})
    began = time.perf_counter()
    scene = load_scene(dataset_from_folder(folder), "place", tmp_path / "store")
    pixels = [view.image() for view in scene.views]
    with capsys.disabled():
        sys.stdout.write(
            f"\n{len(pixels)} views of {SIZE[0]}x{SIZE[1]}: {time.perf_counter() - began:.2f} s, decoded twice\n"
        )
