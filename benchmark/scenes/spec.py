"""What a dataset is: read from one YAML file each, checked, and never executed. No torch.

A name may carry one of the dataset's further splits: ``llff+every8`` has the files of ``llff`` and other view ids. It is
a dataset of its own wherever results are kept, so numbers of different splits never share a table.
"""

from __future__ import annotations

import json
import logging
import re
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from benchmark.errors import InputError, MissingError, nearest
from benchmark.scenes.places import data_folder, own_folder
from benchmark.scenes.strict_yaml import read_yaml

logger = logging.getLogger(__name__)

SCHEMA_NAME = "_schema.json"


@dataclass(frozen=True)
class Licence:
    """Terms of the data (not of this code).

    Attributes
    ----------
    spdx
        SPDX identifier, or ``LicenseRef-...`` where the terms have none.
    redistribute
        Whether the images may be passed on; where not, no page or archive may carry them.
    """

    spdx: str
    url: str
    redistribute: bool


ViewId = str | int


@dataclass(frozen=True)
class SceneSpec:
    """Which views of a scene are given and which are asked for.

    Attributes
    ----------
    train
        View ids of the train candidates in their order along the scene; a protocol may take fewer. An id is a file
        name, with or without its suffix, or a number: the place, from 0, in the order of the names.
    test
        View ids that are judged; never in ``train``.
    options
        What the layout needs to know about this scene.
    views
        How many views the files must hold; places mean nothing without it.
    """

    train: tuple[ViewId, ...]
    test: tuple[ViewId, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    views: int | None = None


@dataclass(frozen=True)
class DatasetSpec:
    """A dataset described as data.

    Attributes
    ----------
    version
        Rises when images, cameras or split change, so that old and new numbers are told apart.
    task
        What can be judged: novel views, geometry (true depth), or both.
    source
        Where the files come from; ``folder`` in it is a local folder of scenes.
    layout
        Name of the module of `benchmark.scenes` that reads the files.
    split_origin
        ``authors`` where the ids are the published ones, ``ours`` where a documented rule gave them.
    split_rule
        Where the ids come from, in words.
    millimetres
        Length of the scene's unit in millimetres where it is known, else None: 3-D errors are then in millimetres.
    splits
        Names of further splits of the same files; empty for a dataset that is itself one.
    """

    name: str
    version: int
    title: str
    task: Literal["nvs", "geometry", "both"]
    citation: str
    licence: Licence
    source: Mapping[str, Any]
    layout: str
    scenes: Mapping[str, SceneSpec]
    split_origin: Literal["authors", "ours"]
    notes: str = ""
    split_rule: str = ""
    splits: tuple[str, ...] = ()
    millimetres: float | None = None


@cache
def datasets_folder() -> Path:
    """Folder of the dataset files: beside the code, else where the wheel puts its data; known by its schema."""
    beside = Path(__file__).resolve().parents[2] / "datasets"
    installed = Path(sysconfig.get_path("data")) / "share" / "splatbench" / "datasets"
    for folder in (beside, installed):
        if (folder / SCHEMA_NAME).is_file():
            return folder
    raise MissingError(f"datasets: no {SCHEMA_NAME} in {beside} or {installed}; install splatbench again")


def list_datasets() -> list[DatasetSpec]:
    """Every dataset that ships with the benchmark and those made on this machine; each followed by its splits.

    A file of one's own that is broken is left out with a warning, so that it does not stand in the way of the others.
    """
    specs = []
    for path in _files().values():
        try:
            values = read_values(path)
            specs += [build_spec(values, path, split) for split in ("", *values.get("splits", {}))]
        except InputError as error:
            if path.parent == datasets_folder():
                raise
            logger.warning("left out: %s", error)
    return specs + imported_specs({spec.name: spec for spec in specs})


def get_dataset(name: str) -> DatasetSpec:
    """The dataset called ``name``, or ``dataset+split``; an unknown name answers with the nearest ones."""
    from benchmark.scenes.imported import imported_spec

    files = _files()
    base, _, split = name.partition("+")
    if base not in files:
        raise InputError(
            f"dataset '{name}' is unknown{nearest(name, files)}; see `splatbench list datasets`, "
            "or name a folder of your own by a path with a '/'"
        )
    values = read_values(files[base])
    splits = values.get("splits", {})
    if split and split not in splits:
        spec = imported_spec(build_spec(values, files[base]), split)
        if spec is None:
            known = ", ".join(f"'{base}+{other}'" for other in splits) or "none of its own"
            raise InputError(
                f"dataset '{base}' has no split '{split}' (known: {known}); "
                "bring one with `splatbench data import-split`"
            )
        return spec
    return build_spec(values, files[base], split)


def public_values(spec: DatasetSpec) -> dict[str, Any]:
    """Plain values for a page that others read: no folder of this machine, and not how the files are got."""
    source = {key: value for key, value in spec.source.items() if key in ("kind", "package", "url")}
    return {**asdict(spec), "source": source, "scenes": {scene: {} for scene in spec.scenes}}


def imported_specs(specs: Mapping[str, DatasetSpec]) -> list[DatasetSpec]:
    """Datasets with the splits that were imported on this machine."""
    from benchmark.scenes.imported import imported_spec, list_imported

    found = [imported_spec(specs[base], split) for base, split in list_imported() if base in specs]
    return [spec for spec in found if spec is not None]


def _files() -> dict[str, Path]:
    """Dataset files by name: those that ship, and ``<name>/<name>.yaml`` among those made on this machine."""
    own = {path.stem: path for path in sorted(own_folder().glob("*/*.yaml")) if path.parent.name == path.stem}
    return own | {path.stem: path for path in sorted(datasets_folder().glob("*.yaml"))}


def read_spec(path: Path, split: str = "") -> DatasetSpec:
    """Read and check one dataset file, with its own view ids or those of one of its named splits.

    Raises
    ------
    InputError
        Naming the file and the place in it: no YAML, tags or aliases, keys given twice or unknown, values of a wrong
        type, ids in both train and test, a name that is not the file's.
    """
    return build_spec(read_values(path), path, split)


def read_values(path: Path) -> dict[str, Any]:
    """Plain values of a dataset file, checked against the schema."""
    values = read_yaml(path, f"see {SCHEMA_NAME} beside the dataset files")
    _validate(values, path)
    if values["name"] != path.stem:
        raise InputError(f"{path}: name is '{values['name']}' but the file is called '{path.stem}'; make them equal")
    return values


def build_spec(values: Mapping[str, Any], path: Path, split: str = "") -> DatasetSpec:
    """The dataset that ``values`` describe, with its own view ids or those of a named split."""
    name, title, origin, rule = values["name"], values["title"], values["split_origin"], values.get("split_rule", "")
    chosen, entries = {}, values["scenes"]
    if split:
        named = values["splits"][split]
        name, title = f"{name}+{split}", f"{title} ({split})"
        origin, rule, chosen = named["origin"], named["rule"], named["scenes"]
        if unknown := sorted(set(chosen) - set(entries)):
            raise InputError(f"{path}: splits.{split}: '{unknown[0]}' is no scene{nearest(unknown[0], entries)}")
        entries = {scene: {**entries[scene], **chosen[scene]} for scene in chosen}
    # Where no scene has view ids they must be imported; where some have, the others are for the named splits.
    judged = {scene: entry for scene, entry in entries.items() if "train" in entry or "every" in entry}
    scenes = {
        scene: _scene_spec(entry, f"{path}: {f'splits.{split}.' if split else ''}scenes.{scene}")
        for scene, entry in (judged or entries).items()
    }
    source = dict(values["source"])
    if source["kind"] in ("download", "manual"):
        source["folder"] = str(data_folder() / values["name"])
    rest = {key: values[key] for key in ("version", "task", "citation", "layout")}
    return DatasetSpec(
        **rest, name=name, title=title, licence=Licence(**values["licence"]), source=source, scenes=scenes,
        split_origin=origin, split_rule=rule, notes=values.get("notes", ""),
        splits=() if split else tuple(values.get("splits", {})), millimetres=values.get("millimetres"),
    )  # fmt: skip


def _scene_spec(entry: Mapping[str, Any], where: str) -> SceneSpec:
    views = entry.get("views")
    if "every" in entry:
        if views is None:
            raise InputError(f"{where}: every needs views, the number of views; state it")
        test = list(range(0, views, entry["every"]))
        train = [place for place in range(views) if place % entry["every"]]
    else:
        train, test = entry.get("train", []), entry.get("test", [])
    if train or test:
        check_split(train, test, where)
    places = [view for view in (*train, *test) if isinstance(view, int)]
    if places and (views is None or max(places) >= views):
        raise InputError(f"{where}: view {max(places)} is a place, but there are {views or 'no'} views; state views")
    return SceneSpec(tuple(train), tuple(test), entry.get("options", {}), views)


def check_split(train: Sequence[ViewId], test: Sequence[ViewId], where: str) -> None:
    """`InputError` if an id stands twice, in one list or in both, or if a list is empty."""
    for kind, ids in (("train", train), ("test", test)):
        if not ids:
            raise InputError(f"{where}: {kind} is empty; name at least one view")
        repeated = sorted({view for view in ids if ids.count(view) > 1}, key=str)
        if repeated:
            raise InputError(f"{where}: {kind} names '{repeated[0]}' twice; keep one")
    shared = sorted(set(train) & set(test), key=str)
    if shared:
        raise InputError(f"{where}: '{shared[0]}' is in train and in test; take it out of one of them")


@cache
def _validator():
    import jsonschema

    schema = json.loads((datasets_folder() / SCHEMA_NAME).read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


def _validate(values: dict[str, Any], path: Path) -> None:
    from jsonschema.exceptions import best_match

    error = best_match(_validator().iter_errors(values))
    if error is not None:
        place = ".".join(str(part) for part in error.absolute_path)
        place = f" {place}:" if place else ""
        raise InputError(f"{path}:{place} {error.message:.200}; see {SCHEMA_NAME} beside the dataset files")


def dataset_from_folder(
    path: Path, train: Sequence[str] | None = None, test: Sequence[str] | None = None
) -> DatasetSpec:
    """A dataset of one scene from a folder of photographs.

    Parameters
    ----------
    path
        Folder with ``images/``, perhaps ``cameras.json`` (`benchmark.scenes.cameras_json`; without it cameras are to be
        estimated by the reconstruction), and perhaps ``split.json``: ``{"train": [file names], "test": [file names]}``.
    train, test
        File names; both or neither. They go before ``split.json``, and that before the rule of `spread_split`.

    Raises
    ------
    InputError
        If the folder or its images are absent, a name is unknown, or the split is none.
    """
    from benchmark.scenes.images import SUFFIXES

    folder = path.expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"{path}: no such folder; name one with images/ and cameras.json")
    images = folder / "images"
    names = sorted(file.name for file in images.iterdir() if file.suffix.lower() in SUFFIXES) if images.is_dir() else []
    if not names:
        raise InputError(f"{images}: no images; put the photographs there ({', '.join(sorted(SUFFIXES))})")
    name = re.sub(r"[^A-Za-z0-9_.+-]+", "-", folder.name).strip("-.+_") or "folder"
    if name in {file.stem for file in datasets_folder().glob("*.yaml")}:
        raise InputError(f"{folder}: '{name}' is the name of a dataset of the benchmark; rename the folder")
    chosen_train, chosen_test = _folder_split(folder, names, train, test)
    return DatasetSpec(
        name=name,
        version=1,
        title=f"Photographs in the folder {folder.name}",
        task="both" if (folder / "depth").is_dir() else "nvs",
        citation="",
        licence=Licence(spdx="LicenseRef-unknown", url="", redistribute=False),
        source={"kind": "folder", "folder": str(folder)},
        layout="cameras_json" if (folder / "cameras.json").is_file() else "folder",
        scenes={name: SceneSpec(chosen_train, chosen_test)},
        split_origin="ours",
    )


def spread_split(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Train candidates and test views of a folder that names neither.

    In the order of the file names every fourth view, from the third on, is a test view, and the rest are train
    candidates; the last view is always a train candidate. So every test view lies strictly between train candidates,
    and a sequence that walks around something is covered from end to end.

    Returns
    -------
    train, test
        Of 11 views, 9 and 2 (positions 2 and 6).
    """
    ordered = sorted(names)
    test = tuple(ordered[position] for position in range(2, len(ordered) - 1, 4))
    if not test:
        # Three views: the middle one is asked for.
        test = tuple(ordered[1:2]) if len(ordered) == 3 else ()
    return tuple(name for name in ordered if name not in test), test


def _folder_split(
    folder: Path, names: list[str], train: Sequence[str] | None, test: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    where = str(folder)
    if (train is None) != (test is None):
        raise InputError(f"{folder}: train and test views must be named together; name both or neither")
    if train is None or test is None:
        split = folder / "split.json"
        if split.is_file():
            train, test = _read_split(split)
            where = str(split)
        else:
            train, test = spread_split(names)
            if not test:
                raise InputError(
                    f"{folder / 'images'}: {len(names)} image(s), too few for train and test views; add more"
                )
    check_split(train, test, where)
    for view in (*train, *test):
        if view not in names:
            raise InputError(f"{where}: view '{view}' is not in {folder / 'images'}{nearest(view, names)}")
    return tuple(train), tuple(test)


def _read_split(path: Path) -> tuple[list[str], list[str]]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError(f'{path}: not JSON; write {{"train": ["a.jpg"], "test": ["b.jpg"]}}') from None
    is_split = isinstance(values, dict) and set(values) == {"train", "test"}
    if not is_split or not all(
        isinstance(ids, list) and all(isinstance(view, str) for view in ids) for ids in values.values()
    ):
        raise InputError(f'{path}: expected only lists of file names: {{"train": ["a.jpg"], "test": ["b.jpg"]}}')
    return values["train"], values["test"]
