"""Splits brought from elsewhere: the ``dataset_split.json`` of Feat2GS' authors, kept beside the datasets."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.errors import InputError
from benchmark.scenes.generated import file_digest
from benchmark.scenes.places import splits_folder

if TYPE_CHECKING:
    from benchmark.scenes.spec import DatasetSpec

logger = logging.getLogger(__name__)

# Feat2GS' folder names, and ours.
AUTHORS_NAMES = {
    "LLFF": "llff",
    "DTU": "dtu",
    "DL3DV": "dl3dv",
    "Casual": "casual",
    "MipNeRF360": "mipnerf360",
    "MVimgNet": "mvimgnet",
    "Tanks": "tanks_and_temples",
}
MAX_BYTES = 10_000_000

Split = Mapping[str, Mapping[str, Any]]


def import_split(path: Path, name: str, known: Mapping[str, DatasetSpec]) -> dict[str, list[str]]:
    """Check a split file and keep it as split ``name``; the scenes that were found, by dataset.

    Parameters
    ----------
    path
        ``{"LLFF": {"fortress": {"train": [...], "test": [...]}}}``: view ids are file names without suffix.
    name
        Letters, digits and ``_``; each dataset is then also known as ``dataset+name``.
    known
        Datasets that ship, by name.

    Raises
    ------
    InputError
        Naming the file and the place: not JSON, no such dataset, ids twice or in both lists.
    """
    from benchmark.scenes.spec import check_split

    if not name.isidentifier() or not name.isascii():
        raise InputError(f"split name '{name:.60}': use letters, digits and '_', such as 'authors'")
    values = _read(path)
    found: dict[str, dict[str, Any]] = {}
    for dataset, scenes in values.items():
        base = AUTHORS_NAMES.get(dataset, dataset)
        if base not in known:
            raise InputError(f"{path}: '{dataset:.60}' is no dataset; expected {', '.join(AUTHORS_NAMES)}")
        if name in known[base].splits:
            raise InputError(f"{path}: dataset '{base}' has a split '{name}' of its own; choose another --name")
        if not isinstance(scenes, dict) or not scenes:
            raise InputError(f"{path}: {dataset}: expected scenes; copy the file anew")
        for scene, entry in scenes.items():
            check_split(*_ids(entry, f"{path}: {dataset}.{scene:.60}"), f"{path}: {dataset}.{scene:.60}")
        found[base] = {scene: {"train": entry["train"], "test": entry["test"]} for scene, entry in scenes.items()}
    kept = {"origin": path.name, "sha256": file_digest(path), "datasets": found}
    _write(splits_folder() / f"{name}.json", kept)
    return {base: list(scenes) for base, scenes in found.items()}


def list_imported() -> list[tuple[str, str]]:
    """Dataset and split of everything that was imported; a broken file is left out with a warning."""
    found = []
    for path in sorted(splits_folder().glob("*.json")):
        try:
            found += [(base, path.stem) for base in _read_kept(path)["datasets"]]
        except InputError as error:
            logger.warning("left out: %s", error)
    return found


def imported_spec(spec: DatasetSpec, split: str) -> DatasetSpec | None:
    """``spec`` with the view ids of an imported split; None if there is none of that name for it.

    Scenes keep their options; a scene that the dataset does not know is left out.
    """
    from benchmark.scenes.spec import SceneSpec, datasets_folder, read_values

    path = splits_folder() / f"{split}.json"
    if not split.isidentifier() or not path.is_file():
        return None
    kept = _read_kept(path)
    ids = kept["datasets"].get(spec.name)
    if not ids:
        return None
    # All scenes of the files, also those without ids of their own.
    file = datasets_folder() / f"{spec.name}.yaml"
    entries = read_values(file)["scenes"] if file.is_file() else {}
    scenes = {
        scene: SceneSpec(tuple(entry["train"]), tuple(entry["test"]), entries[scene].get("options", {}))
        for scene, entry in ids.items()
        if scene in entries
    }
    return replace(
        spec,
        name=f"{spec.name}+{split}",
        title=f"{spec.title} ({split})",
        scenes=scenes,
        split_origin="authors",
        split_rule=f"imported from {kept['origin']}, SHA-256 {kept['sha256']}",
        splits=(),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES} bytes, so no split; check what it is")
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name the authors' dataset_split.json") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: not JSON; copy the file anew") from None
    if not isinstance(values, dict) or not values:
        raise InputError(f"{path}: expected datasets with scenes with train and test; copy the file anew")
    return values


def _ids(entry: Any, origin: str) -> tuple[list[str], list[str]]:
    for part in ("train", "test"):
        ids = entry.get(part) if isinstance(entry, dict) else None
        # An id is looked up among names, never opened as a path; still, nothing else than a plain name is one.
        if not isinstance(ids, list) or not all(isinstance(view, str) and "/" not in view for view in ids):
            raise InputError(f"{origin}: {part} is no list of file names; copy the file anew")
    return entry["train"], entry["test"]


def _read_kept(path: Path) -> dict[str, Any]:
    values = _read(path)
    datasets = values.get("datasets")
    if not isinstance(datasets, dict) or not isinstance(values.get("sha256"), str):
        raise InputError(f"{path}: not what was written there; import the split again")
    for base, scenes in datasets.items():
        for scene, entry in scenes.items() if isinstance(scenes, dict) else [("?", None)]:
            _ids(entry, f"{path}: {base}.{scene:.60}")
    return values


def _write(path: Path, values: Mapping[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}")
        partial.write_text(json.dumps(values, indent=1), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written ({error.strerror}); set SPLATBENCH_DATA to another folder"
        ) from None
