"""Photographs and nothing else: no cameras, so only methods that estimate them can use the scene."""

from __future__ import annotations

from pathlib import Path

from benchmark.scenes.colmap import photographs_folder
from benchmark.scenes.images import image_size, list_images
from benchmark.scenes.places import options_of, scene_folder
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec


def load(spec: DatasetSpec, scene_name: str, store_folder: Path) -> tuple[View, ...]:
    """Views without cameras. Options: ``images``, the folder of the photographs."""
    options = options_of(spec, scene_name, {"images": "images"})
    folder = photographs_folder(spec, scene_name, scene_folder(spec, scene_name), str(options["images"]))
    views = []
    for path in list_images(folder):
        width, height = image_size(path)
        views.append(View(name=path.name, image_path=path, width=width, height=height))
    return tuple(views)
