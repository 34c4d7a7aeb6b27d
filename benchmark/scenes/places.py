"""Where downloaded datasets and those of one's own lie on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError, MissingError, nearest

if TYPE_CHECKING:
    from benchmark.scenes.spec import DatasetSpec

VARIABLE = "SPLATBENCH_DATA"
DEFAULT = "data"


def data_folder() -> Path:
    """Folder of datasets: the environment's ``SPLATBENCH_DATA``, else ``data`` where the command runs."""
    return Path(os.environ.get(VARIABLE) or DEFAULT).expanduser().resolve()


def own_folder() -> Path:
    """Folder of the datasets made of one's own photographs; each has a folder with a YAML file of its name."""
    return data_folder() / "own"


def splits_folder() -> Path:
    """Folder of imported splits."""
    return data_folder() / "splits"


def scene_folder(spec: DatasetSpec, scene_name: str) -> Path:
    """Folder of a scene's files.

    A downloaded dataset has one folder a scene, called as the scene or as its option ``folder``; a local folder
    (``source.kind: folder``) is one scene.

    Raises
    ------
    MissingError
        If it is not there, with the command that gets it.
    InputError
        If the option leads out of the dataset's folder.
    """
    root = Path(spec.source["folder"])
    default = "." if spec.source["kind"] == "folder" else scene_name
    folder = inside(root, str(spec.scenes[scene_name].options.get("folder", default)), where(spec, scene_name))
    if not folder.is_dir():
        base = spec.name.split("+")[0]
        raise MissingError(
            f"{where(spec, scene_name)}: {folder} is not on this machine; run `splatbench data get {base}`"
            if spec.source["kind"] in ("download", "manual")
            else f"{where(spec, scene_name)}: {folder} is not on this machine; copy it there"
        )
    return folder


def inside(folder: Path, relative: str, origin: str) -> Path:
    """``folder / relative``, which must stay inside; `InputError` otherwise. Links are not followed."""
    path = Path(os.path.normpath(folder / relative))
    if Path(relative).is_absolute() or not path.is_relative_to(os.path.normpath(folder)):
        raise InputError(f"{origin}: '{relative:.120}' leads out of {folder}; name a place inside it")
    return path


def where(spec: DatasetSpec, scene_name: str) -> str:
    """Dataset and scene, as errors name them."""
    return f"dataset '{spec.name}', scene '{scene_name}'"


def options_of(spec: DatasetSpec, scene_name: str, known: Mapping[str, Any]) -> dict[str, Any]:
    """A scene's options with the defaults ``known``; an option that the layout does not know raises `InputError`."""
    options = spec.scenes[scene_name].options
    for name in options:
        if name != "folder" and name not in known:
            raise InputError(
                f"{where(spec, scene_name)}: options: '{name:.60}' is unknown to layout "
                f"{spec.layout}{nearest(str(name), [*known, 'folder'])}"
            )
    return {**known, **options}
