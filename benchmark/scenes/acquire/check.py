"""Whether a dataset's files are all there and as they were when they came."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.errors import InputError, SplatbenchError
from benchmark.scenes.acquire.archives import Archive, archives_of
from benchmark.scenes.acquire.unpack import Unpacked
from benchmark.scenes.load import available_views, split_names
from benchmark.scenes.places import data_folder, inside
from benchmark.scenes.scene import View
from benchmark.scenes.spec import DatasetSpec


@dataclass(frozen=True)
class SceneReport:
    """What `check_scene` found.

    Attributes
    ----------
    views
        How many views the files hold.
    sizes
        How many views of each width and height; portrait and landscape count apart.
    hashed
        How many files have the hash that was recorded when they came.
    problems
        What is missing or wrong, each naming its file; empty if the scene can be used.
    """

    scene: str
    views: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    hashed: int = 0
    problems: tuple[str, ...] = ()


def check_dataset(spec: DatasetSpec, store_folder: Path, verify: bool = True) -> Iterator[SceneReport]:
    """One report a scene, as they are ready.

    Parameters
    ----------
    verify
        Also hash every file whose hash was recorded, in threads: as fast as the disk reads.
    """
    recorded = read_manifest(base_name(spec)) if verify else {}
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        for scene in spec.scenes:
            yield _check_scene(spec, scene, store_folder, _of_scene(recorded, spec, scene), pool)


def is_ready(spec: DatasetSpec, store_folder: Path) -> bool:
    """Whether every scene could be loaded, from names and headers alone."""
    if spec.source["kind"] in ("generated", "package"):
        return True
    return all(not report.problems for report in check_dataset(spec, store_folder, verify=False))


def missing_gigabytes(spec: DatasetSpec) -> float | None:
    """What is yet to be downloaded, in units of 10**9 bytes; None if the size of a part of it is not known."""
    archives = archives_of(spec)
    if not archives:
        return spec.source.get("gigabytes")
    sizes = [archive.gigabytes for archive in archives if not (archive.path.is_file() or is_unpacked(spec, archive))]
    return None if any(size is None for size in sizes) else sum(size for size in sizes if size is not None)


def is_unpacked(spec: DatasetSpec, archive: Archive) -> bool:
    """Whether the files of an archive were recorded and have their sizes still."""
    folder = Path(spec.source["folder"])
    recorded = read_manifest(base_name(spec))
    for part in archive.parts:
        files = [name for name in recorded if Path(name).is_relative_to(part.target)]
        if not files or not all(_has_size(folder / name, recorded[name][0]) for name in files):
            return False
    return bool(archive.parts)


def _has_size(path: Path, size: int) -> bool:
    return path.is_file() and path.stat().st_size == size


def base_name(spec: DatasetSpec) -> str:
    """Name of the dataset whose files these are, without a split."""
    return spec.name.split("+")[0]


def manifest_path(dataset: str) -> Path:
    """Where sizes and hashes of unpacked files are recorded."""
    return data_folder() / "manifests" / f"{dataset}.json"


def record(dataset: str, unpacked: Unpacked) -> None:
    """Remember what was unpacked; files that came earlier stay recorded."""
    path = manifest_path(dataset)
    files = read_manifest(dataset) | unpacked.files
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}")
    partial.write_text(json.dumps(files, indent=0, sort_keys=True), encoding="utf-8")
    partial.replace(path)


def read_manifest(dataset: str) -> dict[str, tuple[int, str]]:
    """Size and SHA-256 by path below the dataset's folder; empty where nothing was recorded."""
    path = manifest_path(dataset)
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return {str(inside(Path(), name, str(path))): (int(size), str(sha)) for name, (size, sha) in values.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        raise InputError(f"{path}: not what was written there; delete it and run `splatbench data get`") from None


def _of_scene(recorded: Mapping[str, tuple[int, str]], spec: DatasetSpec, scene: str) -> dict[Path, tuple[int, str]]:
    folder = Path(spec.source.get("folder", "."))
    prefix = Path(str(spec.scenes[scene].options.get("folder", scene)))
    return {folder / name: entry for name, entry in recorded.items() if Path(name).is_relative_to(prefix)}


def _check_scene(
    spec: DatasetSpec,
    scene: str,
    store_folder: Path,
    recorded: Mapping[Path, tuple[int, str]],
    pool: ThreadPoolExecutor,
) -> SceneReport:
    problems: list[str] = []
    views: Mapping[str, View] = {}
    try:
        views = available_views(spec, scene, store_folder)
        split_names(spec, scene, list(views))
    except SplatbenchError as error:
        problems.append(str(error))
    sizes: dict[str, int] = {}
    for view in views.values():
        size = f"{view.width}x{view.height}"
        sizes[size] = sizes.get(size, 0) + 1
    wrong = [text for text in pool.map(lambda item: _differs(*item), recorded.items()) if text]
    return SceneReport(scene, len(views), sizes, len(recorded) - len(wrong), (*problems, *wrong))


def _differs(path: Path, entry: tuple[int, str]) -> str:
    """What is wrong with a recorded file; empty if nothing is."""
    size, sha256 = entry
    if not path.is_file():
        return f"{path}: missing; run `splatbench data get` again"
    if path.stat().st_size != size:
        return f"{path}: {path.stat().st_size} bytes, {size} when it came; delete it and run `splatbench data get`"
    with path.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != sha256:
            return f"{path}: its content changed since it came; delete it and run `splatbench data get`"
    return ""
