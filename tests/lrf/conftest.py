"""Small scenes of walls, a small protocol, and autoencoders of this test alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.lrf.cells import cells_of
from benchmark.plan import Task
from benchmark.protocols.lrf import LITE, LatentProtocol
from benchmark.scenes.cameras_json import write_folder
from benchmark.scenes.spec import DatasetSpec, Licence, SceneSpec
from benchmark.store import Store
from vfm_zoo import registry

SIZE = (84, 66)
TINY = replace(
    LITE,
    images=replace(LITE.images, long_side=84),
    start=replace(LITE.start, density=2.0, points_long_side=84),
    fit=replace(LITE.fit, steps=60),
    image=replace(LITE.image, fit=replace(LITE.image.fit, steps=60)),
    latent_nerf=replace(LITE.latent_nerf, steps=60, rays=128, samples=24, resolutions=(8, 16)),
    matches=replace(LITE.matches, fewest=4),
    align_encoder=replace(LITE.align_encoder, steps=20, round_steps=10),
    align_decoder=replace(LITE.align_decoder, steps=20, round_steps=10),
)


@pytest.fixture(scope="session")
def tiny() -> LatentProtocol:
    return TINY


def write_scene(folder: Path, name: str, seed: int | None, wall, look, row_cameras) -> SceneSpec:
    """Five views of a slanted wall with a smaller one before it; grey walls without a seed."""
    walls = [
        wall((-3.0, -2.2, 3.6), (6.0, 0.0, 0.8), (0.0, 4.4, 0.0), seed=seed),
        wall((-0.5, -0.4, 2.2), (0.9, 0.0, 0.0), (0.0, 0.8, 0.0), seed=None if seed is None else seed + 1),
    ]
    cameras = {f"{index}.png": camera for index, camera in enumerate(row_cameras(5, 0.12, SIZE))}
    seen = {name: look(walls, camera) for name, camera in cameras.items()}
    write_folder(
        folder / name,
        {name: image for name, (image, _) in seen.items()},
        cameras,
        {name: depth for name, (_, depth) in seen.items()},
    )
    return SceneSpec(("0.png", "1.png", "3.png", "4.png"), ("2.png",), {"folder": name})


def spec_of(folder: Path, scenes: dict[str, SceneSpec]) -> DatasetSpec:
    return DatasetSpec(
        name="walls", version=1, title="walls", task="nvs", citation="", licence=Licence("LicenseRef-unknown", "", False),
        source={"kind": "folder", "folder": str(folder)}, layout="cameras_json", scenes=scenes, split_origin="ours",
    )  # fmt: skip


@pytest.fixture(scope="session")
def walls(tmp_path_factory, wall, look, row_cameras) -> DatasetSpec:
    """Four scenes, each with textures of its own."""
    folder = tmp_path_factory.mktemp("walls")
    return spec_of(
        folder,
        {n: write_scene(folder, n, s, wall, look, row_cameras) for n, s in zip("abcd", (1, 3, 5, 7), strict=True)},
    )


@pytest.fixture
def make_walls(tmp_path, wall, look, row_cameras) -> Callable[..., DatasetSpec]:
    """``make_walls(a=1, b=None)``: scenes with these textures, in a folder that the test may change."""

    def make(**seeds: int | None) -> DatasetSpec:
        folder = tmp_path / "walls"
        return spec_of(folder, {n: write_scene(folder, n, s, wall, look, row_cameras) for n, s in seeds.items()})

    return make


@pytest.fixture(scope="session")
def shared_store(tmp_path_factory) -> Store:
    """One store for tests that only add to it."""
    return Store(tmp_path_factory.mktemp("store"))


@pytest.fixture
def task_of() -> Callable[..., Task]:
    """``task_of(dataset, store, entry, mode)``: the cell of scene ``a`` and the first seed."""

    def make(dataset, store, entry, mode, scene="a", protocol=TINY) -> Task:
        ((cell, key),) = cells_of([entry], [mode], dataset, [scene], "known", [0], protocol, store, lambda name: None)
        return Task(cell, key, dataset, protocol)

    return make


@pytest.fixture
def autoencoder_of(monkeypatch) -> Callable[..., str]:
    """``autoencoder_of(channels=1)``: the cosine transform with other values, registered for this test."""

    def make(name: str = "trial", **values) -> str:
        entry = replace(registry.get_autoencoder("dct_f8"), name=name, **values)
        monkeypatch.setitem(registry._entries, name, entry)
        monkeypatch.setitem(registry._sources, name, "test")
        return name

    return make
