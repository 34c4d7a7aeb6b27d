"""What a dataset is: read from one YAML file each, checked, and never executed. No torch."""

from __future__ import annotations

import json
import re
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from benchmark.errors import InputError, MissingError, nearest

SCHEMA_NAME = "_schema.json"
MAX_BYTES = 4_000_000


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


@dataclass(frozen=True)
class SceneSpec:
    """Which views of a scene are given and which are asked for.

    Attributes
    ----------
    train
        View ids (file names) of the train candidates in their order along the scene; a protocol may take fewer.
    test
        View ids that are judged; never in ``train``.
    options
        What the layout needs to know about this scene.
    """

    train: tuple[str, ...]
    test: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)


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
    """Every dataset that ships with the benchmark, by name."""
    return [read_spec(path) for path in sorted(datasets_folder().glob("*.yaml"))]


def get_dataset(name: str) -> DatasetSpec:
    """The dataset called ``name``; an unknown name answers with the nearest ones."""
    known = sorted(path.stem for path in datasets_folder().glob("*.yaml"))
    if name not in known:
        raise InputError(
            f"dataset '{name}' is unknown{nearest(name, known)}; see `splatbench list datasets`, "
            "or name a folder of your own by a path with a '/'"
        )
    return read_spec(datasets_folder() / f"{name}.yaml")


def read_spec(path: Path) -> DatasetSpec:
    """Read and check one dataset file.

    Raises
    ------
    InputError
        Naming the file and the place in it: no YAML, tags or aliases, keys given twice or unknown, values of a wrong
        type, ids in both train and test, a name that is not the file's.
    """
    values = _read_yaml(path)
    _validate(values, path)
    if values["name"] != path.stem:
        raise InputError(f"{path}: name is '{values['name']}' but the file is called '{path.stem}'; make them equal")
    scenes = {}
    for name, scene in values["scenes"].items():
        check_split(scene["train"], scene["test"], f"{path}: scenes.{name}")
        scenes[name] = SceneSpec(tuple(scene["train"]), tuple(scene["test"]), scene.get("options", {}))
    return DatasetSpec(**{**values, "licence": Licence(**values["licence"]), "scenes": scenes})


def check_split(train: Sequence[str], test: Sequence[str], where: str) -> None:
    """`InputError` if an id stands twice, in one list or in both, or if a list is empty."""
    for kind, ids in (("train", train), ("test", test)):
        if not ids:
            raise InputError(f"{where}: {kind} is empty; name at least one view")
        repeated = sorted({view for view in ids if ids.count(view) > 1})
        if repeated:
            raise InputError(f"{where}: {kind} names '{repeated[0]}' twice; keep one")
    shared = sorted(set(train) & set(test))
    if shared:
        raise InputError(f"{where}: '{shared[0]}' is in train and in test; take it out of one of them")


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML without aliases (no exponential growth) and without repeated keys (no silent loss)."""

    def compose_node(self, parent, index):
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark
            raise yaml.constructor.ConstructorError(None, None, "aliases are not allowed", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key in seen:
                what = "keys must be plain words" if key is None else f"key '{key}' stands twice"
                raise yaml.constructor.ConstructorError(None, None, what, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep=deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES} bytes, so no dataset file; check what it is")
        text = path.read_text(encoding="utf-8")
        # A subclass of SafeLoader: it builds plain values only, and a tag such as !!python/name is an error.
        values = yaml.load(text, Loader=_StrictLoader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the file") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save it as UTF-8") from None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark is not None else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise InputError(f"{path}:{line} {problem}; mend that line") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected keys and values, see {SCHEMA_NAME} beside the dataset files")
    return values


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
    """A dataset of one scene from a folder of photographs with known cameras.

    Parameters
    ----------
    path
        Folder with ``images/`` and ``cameras.json`` (`benchmark.scenes.cameras_json`), and perhaps ``split.json``:
        ``{"train": [file names], "test": [file names]}``.
    train, test
        File names; both or neither. They go before ``split.json``, and that before the rule of `spread_split`.

    Raises
    ------
    InputError
        If the folder, its images or its cameras are absent, a name is unknown, or the split is none.
    """
    from benchmark.scenes.images import SUFFIXES

    folder = path.expanduser().resolve()
    if not folder.is_dir():
        raise InputError(f"{path}: no such folder; name one with images/ and cameras.json")
    images = folder / "images"
    names = sorted(file.name for file in images.iterdir() if file.suffix.lower() in SUFFIXES) if images.is_dir() else []
    if not names:
        raise InputError(f"{images}: no images; put the photographs there ({', '.join(sorted(SUFFIXES))})")
    if not (folder / "cameras.json").is_file():
        raise InputError(
            f"{folder}: photographs without cameras; add cameras.json with K and world_to_camera of every image "
            "(the format is in datasets/README.md)"
        )
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
        layout="cameras_json",
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
