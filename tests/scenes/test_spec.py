"""Dataset files, and folders as datasets: what is read, and what is refused with which words."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmark.errors import InputError
from benchmark.scenes.spec import (
    dataset_from_folder,
    datasets_folder,
    get_dataset,
    list_datasets,
    read_spec,
    spread_split,
)

GOOD = {
    "name": "good",
    "version": 1,
    "title": "A good one",
    "task": "nvs",
    "citation": "",
    "licence": {"spdx": "CC0-1.0", "url": "", "redistribute": True},
    "source": {"kind": "folder", "folder": "somewhere"},
    "layout": "cameras_json",
    "split_origin": "ours",
    "scenes": {"s": {"train": ["a.png", "c.png"], "test": ["b.png"]}},
}


def write(folder: Path, text: str | dict, name: str = "good") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text if isinstance(text, str) else yaml.safe_dump(text), encoding="utf-8")
    return path


def photos(folder: Path, names: list[str], cameras: bool = True) -> Path:
    (folder / "images").mkdir(parents=True)
    for name in names:
        Image.fromarray(np.zeros((6, 8, 3), np.uint8)).save(folder / "images" / name)
    if cameras:
        (folder / "cameras.json").write_text("{}")
    return folder


def test_every_shipped_dataset_is_valid_and_names_its_terms():
    specs = {spec.name: spec for spec in list_datasets()}
    assert {"studio", "motorcycle"} <= set(specs)
    for spec in specs.values():
        assert spec.licence.spdx and spec.citation
    studio = specs["studio"]
    assert len(studio.scenes) == 5
    assert studio.licence.redistribute
    for scene in studio.scenes.values():
        assert len(scene.train) >= 6
        assert len(scene.test) >= 3
        # Nothing is asked for outside of what was seen.
        assert min(scene.train) < min(scene.test) <= max(scene.test) < max(scene.train)


def test_listing_imports_no_torch_and_no_tracer():
    code = (
        "import sys; from benchmark.scenes.spec import list_datasets; import benchmark.scenes.load;"
        "assert list_datasets(); print(sorted({'torch', 'numba', 'skimage'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_answers_with_the_nearest():
    with pytest.raises(InputError, match="'motocycle' is unknown: did you mean 'motorcycle'"):
        get_dataset("motocycle")


def test_a_name_is_never_a_path():
    with pytest.raises(InputError, match="unknown"):
        get_dataset("../datasets/studio")


def test_a_good_file_is_read(tmp_path):
    spec = read_spec(write(tmp_path, GOOD))
    assert spec.scenes["s"].train == ("a.png", "c.png")
    assert spec.scenes["s"].options == {}
    assert spec.licence.redistribute is True


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surprise": 1}, "surprise"),
        ({"licence": {"spdx": "CC0-1.0", "url": "", "redistribute": True, "extra": 1}}, "licence: .*extra"),
        ({"layout": "os.system"}, "layout: "),
        ({"task": "dance"}, "task: "),
        ({"version": "one"}, "version: "),
        ({"name": "other"}, "make them equal"),
        ({"scenes": {}}, "scenes: "),
        ({"scenes": {"s": {"train": ["a.png", "b.png"], "test": ["b.png"]}}}, "'b.png' is in train and in test"),
        ({"scenes": {"s": {"train": ["a.png", "a.png"], "test": ["b.png"]}}}, "train names 'a.png' twice"),
        ({"scenes": {"s": {"train": [], "test": ["b.png"]}}}, "scenes.s.train"),
        ({"scenes": {"s": {"train": ["../../secret.png"], "test": ["b.png"]}}}, "scenes.s.train.0"),
        ({"scenes": {"../up": {"train": ["a.png"], "test": ["b.png"]}}}, "scenes"),
    ],
)
def test_a_bad_value_is_refused_with_file_and_place(tmp_path, change, words):
    path = write(tmp_path, {**GOOD, **change})
    with pytest.raises(InputError, match=words) as caught:
        read_spec(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: !!python/object/apply:os.system ['touch owned']\n", "could not determine a constructor"),
        ("name: good\nname: other\n", "line 2: key 'name' stands twice"),
        ("scenes:\n  s: {train: [a.png], train: [b.png]}\n", "'train' stands twice"),
        ("a: &x [1, 2]\nb: *x\n", "aliases are not allowed"),
        ("? [1, 2]\n: 3\n", "keys must be plain words"),
        ("name: [unclosed\n", "line"),
        ("- just\n- a list\n", "expected keys and values"),
        ("", "expected keys and values"),
        ("[" * 5000, "not YAML|nesting"),
    ],
)
def test_unsafe_or_broken_yaml_is_refused(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=words) as caught:
        read_spec(path)
    assert str(path) in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(InputError, match="UTF-8"):
        read_spec(path)


def test_the_folder_is_known_by_its_schema():
    assert (datasets_folder() / "_schema.json").is_file()
    assert not list(datasets_folder().glob("*.py"))


@pytest.mark.parametrize("count", range(3, 40))
def test_the_rule_of_folders_asks_only_between_what_is_given(count):
    names = [f"{index:04d}.jpg" for index in range(count)]
    train, test = spread_split(reversed(names))
    assert sorted((*train, *test)) == names
    assert len(train) >= 2
    assert test
    assert all(train[0] < name < train[-1] for name in test)
    # No two test views are neighbours, so each has a train view on both sides.
    positions = [names.index(name) for name in test]
    assert all(second - first > 1 for first, second in pairwise(positions))


def test_the_rule_gives_the_documented_ids_for_eleven_views():
    train, test = spread_split([str(index) for index in range(10)] + ["91"])
    assert test == ("2", "6")
    assert len(train) == 9


def test_a_folder_becomes_a_dataset_of_one_scene(tmp_path):
    folder = photos(tmp_path / "my room (1)", ["a.jpg", "b.jpg", "c.jpg"])
    spec = dataset_from_folder(folder)
    assert spec.name == "my-room-1"
    assert spec.scenes[spec.name].test == ("b.jpg",)
    assert spec.split_origin == "ours"
    named = dataset_from_folder(folder, train=["c.jpg"], test=["a.jpg"])
    assert named.scenes[spec.name].train == ("c.jpg",)
    (folder / "split.json").write_text(json.dumps({"train": ["b.jpg", "c.jpg"], "test": ["a.jpg"]}))
    assert dataset_from_folder(folder).scenes[spec.name].train == ("b.jpg", "c.jpg")


def test_a_folder_without_cameras_is_one_of_photographs(tmp_path):
    spec = dataset_from_folder(photos(tmp_path / "bare", ["a.jpg", "b.jpg", "c.jpg"], cameras=False))
    assert spec.layout == "folder" and spec.scenes["bare"].train == ("a.jpg", "c.jpg")


def test_a_folder_that_cannot_be_used_says_why(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        dataset_from_folder(tmp_path / "absent")
    (tmp_path / "empty" / "images").mkdir(parents=True)
    with pytest.raises(InputError, match="no images; put the photographs there"):
        dataset_from_folder(tmp_path / "empty")
    with pytest.raises(InputError, match="too few"):
        dataset_from_folder(photos(tmp_path / "two", ["a.jpg", "b.jpg"]))
    with pytest.raises(InputError, match="rename the folder"):
        dataset_from_folder(photos(tmp_path / "studio", ["a.jpg", "b.jpg", "c.jpg"]))


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"train": ["a.jpg", "b.jpg"], "test": ["b.jpg"]}, "in train and in test"),
        ({"train": ["a.jpg"], "test": ["d.jpg"]}, "view 'd.jpg' is not in"),
        ({"train": ["a.jpg"]}, "expected only lists"),
        ({"train": "a.jpg", "test": ["b.jpg"]}, "expected only lists"),
        ({"train": [], "test": ["b.jpg"]}, "train is empty"),
        ([1], "expected only lists"),
    ],
)
def test_a_bad_split_file_is_refused(tmp_path, split, words):
    folder = photos(tmp_path / "room", ["a.jpg", "b.jpg", "c.jpg"])
    (folder / "split.json").write_text(json.dumps(split))
    with pytest.raises(InputError, match=words) as caught:
        dataset_from_folder(folder)
    assert "split.json" in str(caught.value)
