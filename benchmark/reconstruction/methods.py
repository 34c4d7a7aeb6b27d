"""Which methods there are; no torch and no method is imported until it is used."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from benchmark.errors import InputError, nearest
from benchmark.reconstruction.recovered import Recovered, Request
from benchmark.scenes.scene import Scene

Method = Callable[[Request], Recovered]

# Module and function.
METHODS: dict[str, str] = {
    "known": "benchmark.reconstruction.known:recover",
    "colmap": "benchmark.reconstruction.colmap:recover",
    "dust3r": "benchmark.reconstruction.dust3r:recover",
    "mast3r": "benchmark.reconstruction.mast3r:recover",
    "vggt": "benchmark.reconstruction.vggt:recover",
}


def check_method(name: str) -> None:
    """`InputError` with the nearest names if there is no such method."""
    if name not in METHODS:
        raise InputError(f"reconstruction '{name}' is unknown{nearest(name, METHODS)}")


def check_scene(name: str, scene: Scene) -> None:
    """`InputError` if the method needs cameras that the scene has not, before anything is run."""
    if name != "known":
        return
    missing = [view.name for view in (*scene.train_views, *scene.test_views) if view.camera is None]
    if missing:
        raise InputError(
            f"scene {scene.dataset}/{scene.name}: view {missing[0]} has no camera, and the reconstruction 'known' needs "
            "one for each; add cameras.json (the format is in datasets/README.md), take the view out of the split, or "
            "have cameras estimated by `--reconstruction colmap`"
        )


def get_method(name: str) -> Method:
    """The method called ``name``; an unknown name answers with the nearest ones."""
    check_method(name)
    module, function = METHODS[name].split(":")
    method: Method = getattr(import_module(module), function)
    return method
