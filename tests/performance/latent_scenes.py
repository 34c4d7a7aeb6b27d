"""The real photographs beside the project, and rooms of ours, as one dataset in the plain layout: for the second track.

    python tests/performance/latent_scenes.py DATA FOLDER

`DATA` is the folder of the shared data. Every eighth view is judged, as in Latent Radiance Fields.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from benchmark.scenes.cameras_json import write_folder
from benchmark.scenes.load import available_views, load_scene
from benchmark.scenes.spec import DatasetSpec, Licence, SceneSpec, get_dataset

REAL = {"fern": ("llff_fern", "llff"), "fox": ("fox", "nerf_transforms"), "fountain": ("fountain_p11", "cameras_json")}
EVERY = 8


def dataset(data: Path, folder: Path, rooms: bool = True) -> DatasetSpec:
    """The dataset ``photographs`` in ``folder``, written there the first time; with the rooms of `studio` if asked."""
    scenes = {}
    for name, (source, layout) in REAL.items():
        spec = _local(data / "scenes" / source, layout)
        names = list(available_views(spec, source, folder / "lenses"))
        test = names[::EVERY]
        train = [view for view in names if view not in test]
        whole = replace(spec, scenes={source: SceneSpec(tuple(train), tuple(test))})
        scenes[name] = _copied(whole, source, folder, name)
    if rooms:
        studio = get_dataset("studio")
        for name in studio.scenes:
            scenes[f"room_{name}"] = _copied(studio, name, folder, f"room_{name}")
    return DatasetSpec(
        name="photographs", version=1, title="Real photographs, and rooms", task="nvs", citation="",
        licence=Licence("LicenseRef-mixed", "", False), source={"kind": "folder", "folder": str(folder)},
        layout="cameras_json", scenes=scenes, split_origin="ours",
    )  # fmt: skip


def _local(folder: Path, layout: str) -> DatasetSpec:
    return DatasetSpec(
        name=folder.name, version=1, title=folder.name, task="nvs", citation="", split_origin="ours", layout=layout,
        licence=Licence("LicenseRef-unknown", "", False), source={"kind": "folder", "folder": str(folder)},
        scenes={folder.name: SceneSpec((), ())},
    )  # fmt: skip


def _copied(spec: DatasetSpec, scene_name: str, folder: Path, name: str) -> SceneSpec:
    """Straightened photographs in the plain layout, without depth: every scene is reconstructed in the same way."""
    scene = load_scene(spec, scene_name, folder / "lenses")
    names = [f"{Path(view.name).stem}.png" for view in scene.views]
    if not (folder / name).is_dir():
        images = {name: view.image() for name, view in zip(names, scene.views, strict=True)}
        cameras = {name: view.camera for name, view in zip(names, scene.views, strict=True) if view.camera is not None}
        write_folder(folder / name, images, cameras, {})
    train, test = (tuple(names[index] for index in indices) for indices in (scene.train, scene.test))
    return SceneSpec(train, test, {"folder": name})


if __name__ == "__main__":
    made = dataset(Path(sys.argv[1]), Path(sys.argv[2]))
    sys.stdout.write("".join(f"{name}: {len(s.train)} train, {len(s.test)} test\n" for name, s in made.scenes.items()))
