"""Views of walls whose depth is known in closed form, as the methods take them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from benchmark.scenes.scene import View


@pytest.fixture(autouse=True)
def one_thread():
    """Tensors here are so small that threads would only wait for one another."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def views(tmp_path, look) -> Callable[..., list[View]]:
    """``views(walls, cameras)``: photographs in files, with cameras and without depth."""
    from PIL import Image

    def make(walls: Sequence, cameras: Sequence) -> list[View]:
        made = []
        for index, camera in enumerate(cameras):
            path = tmp_path / f"{index}.png"
            Image.fromarray(look(walls, camera)[0]).save(path)
            made.append(View(path.name, path, camera.width, camera.height, camera))
        return made

    return make


@pytest.fixture(scope="session")
def studio_scene(tmp_path_factory):
    """The studio's shelves at 128 x 96, traced once: photographs with cameras and depth."""
    from benchmark.scenes.load import load_scene
    from benchmark.scenes.spec import get_dataset

    spec = get_dataset("studio")
    small = replace(spec.scenes["shelves"], options={**spec.scenes["shelves"].options, "size": [128, 96]})
    spec = replace(spec, scenes={"shelves": small})
    return load_scene(spec, "shelves", tmp_path_factory.mktemp("studio"))


@pytest.fixture(scope="session")
def centred() -> Callable:
    """``centred(view, size)``: its camera with the principal point in the middle, where networks take it to be."""
    import numpy as np

    def make(view: View, size, squeezed: bool = False):
        camera = view.camera.resized(*size)
        intrinsics = camera.intrinsics.copy()
        intrinsics[:2, 2] = np.array(size) / 2
        if squeezed:
            # A network knows square pixels alone; what it says of a stretched photograph is as if they were.
            intrinsics[1, 1] = intrinsics[0, 0]
        return replace(camera, intrinsics=intrinsics)

    return make


@pytest.fixture(scope="session")
def true_maps(centred) -> Callable:
    """``true_maps(views, size, noise, outliers, seed)``: what a network that knew the truth would say of all pairs."""
    import numpy as np
    import torch

    from benchmark.cameras import unproject
    from benchmark.reconstruction.depth import true_depth
    from benchmark.reconstruction.point_maps import PairMaps, complete_edges

    def make(
        views: Sequence[View], size, noise: float = 0.0, outliers: float = 0.0, seed: int = 0, squeezed: bool = False
    ):
        dice = np.random.default_rng(seed)
        width, height = size
        world = [unproject(true_depth(view, *size), centred(view, size, squeezed)).reshape(-1, 3) for view in views]
        edges = complete_edges(len(views))
        points = np.empty((len(edges), 2, 3, width * height), np.float32)
        for number, (first, second) in enumerate(edges):
            pose = views[first].camera.world_to_camera
            unit = dice.uniform(0.3, 1.5)
            for side, view in enumerate((first, second)):
                seen = world[view] @ pose[:3, :3].T + pose[:3, 3]
                distance = np.linalg.norm(seen, axis=1, keepdims=True)
                seen = seen + noise * distance * dice.normal(size=seen.shape)
                wrong = dice.random(len(seen)) < outliers
                seen[wrong] *= dice.uniform(0.3, 3.0, (int(wrong.sum()), 1))
                points[number, side] = unit * seen.T
        confidence = np.full((len(edges), 2, width * height), 3.0, np.float32)
        return PairMaps(edges, torch.from_numpy(points), torch.from_numpy(confidence), width, height)

    return make
