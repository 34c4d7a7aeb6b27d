"""The datasets that ship: every fact that a published source states is in the file."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from benchmark.scenes.load import LAYOUTS
from benchmark.scenes.spec import DatasetSpec, get_dataset, list_datasets

SPECS = {spec.name: spec for spec in list_datasets()}
PAPER = {
    "llff": {"fortress", "horns", "orchids", "room", "trex"},
    "dl3dv": {"Center", "Electrical", "Museum", "Supermarket2", "Temple"},
    "casual": {"erhai", "paper2", "plushies", "stuff", "xbox"},
    "mipnerf360": {"bicycle", "garden", "kitchen", "room", "stump"},
    "mvimgnet": {"bench", "bicycle", "car", "ladder", "suv"},
    "tanks_and_temples": {"Auditorium", "Caterpillar", "Family", "Ignatius", "Train"},
    "dtu": {f"scan{n}" for n in (1, 4, 9, 10, 11, 12, 13, 15, 23, 24, 29, 32, 33, 34, 48, 49, 62, 75, 77, 110, 114, 118)},
}  # fmt: skip


@pytest.mark.parametrize("name", PAPER)
def test_the_scenes_are_those_of_the_paper(name):
    assert set(SPECS[name].scenes) == PAPER[name]


def test_thirty_scenes_of_six_datasets_are_judged_by_their_views():
    assert sum(len(scenes) for name, scenes in PAPER.items() if name != "dtu") == 30


@pytest.mark.parametrize("spec", SPECS.values(), ids=list(SPECS))
def test_every_file_says_what_a_user_must_know(spec: DatasetSpec):
    assert spec.citation and spec.licence.spdx and spec.notes
    assert spec.layout in LAYOUTS
    assert spec.task == ("both" if spec.name in ("dtu", "studio", "motorcycle") else "nvs")
    if spec.name.split("+")[0] in PAPER:
        assert not spec.licence.redistribute
        assert spec.split_rule
        assert spec.source["kind"] in ("download", "manual")
    for scene in spec.scenes.values():
        assert len(scene.train) == len(set(scene.train))
        assert not set(scene.train) & set(scene.test)


# dataset_sources: ids that follow from pool24-interior with the counts of the literature.
INTERIOR = {
    "llff": {"fortress": [12, 34], "horns": [19, 50], "orchids": [7, 20], "room": [12, 33], "trex": [16, 45]},
    "mipnerf360": {
        "bicycle": [25, 59, 92, 126, 159, 193],
        "garden": [24, 56, 88, 120, 152, 184],
        "kitchen": [36, 85, 133, 181, 230, 278],
        "room": [40, 94, 148, 202, 256, 310],
        "stump": [16, 38, 59, 81, 102, 124],
    },
}
# RegNeRF's three views of LLFF, with the counts of the literature.
THREE = {
    "fern": [1, 10, 19], "flower": [1, 17, 33], "fortress": [1, 21, 41], "horns": [1, 30, 61],
    "leaves": [1, 12, 25], "orchids": [1, 12, 23], "room": [1, 20, 39], "trex": [1, 28, 54],
}  # fmt: skip
DTU_TEST = [1, 2, 9, 10, 11, 12, 14, 15, 23, 24, 26, 27, 29, 30, 31, 32, 33, 34, 35, 41, 42, 43, 45, 46, 47]


@pytest.mark.parametrize(("dataset", "scene"), [(d, s) for d, scenes in INTERIOR.items() for s in scenes])
def test_ids_of_the_documented_rule(dataset, scene):
    spec = SPECS[dataset].scenes[scene]
    assert list(spec.train) == INTERIOR[dataset][scene]
    assert all(spec.train[0] < view < spec.train[-1] for view in spec.test)
    pool = np.round(np.linspace(0, spec.views - 1, 24)).astype(int)
    assert {*spec.train, *spec.test} <= {int(view) for view in pool}


def test_ids_of_published_splits():
    for scene, train in THREE.items():
        spec = SPECS["llff+three_views"].scenes[scene]
        assert list(spec.train) == train
        assert list(spec.test) == list(range(0, spec.views, 8))
    for spec in SPECS["dtu"].scenes.values():
        assert spec.train == ("00000022.jpg", "00000025.jpg", "00000028.jpg")
        assert list(spec.test) == [f"{number:08d}.jpg" for number in DTU_TEST]


def test_every_eighth_view():
    spec = SPECS["mipnerf360+every8"].scenes["garden"]
    assert list(spec.test) == list(range(0, 185, 8))
    assert len(spec.train) + len(spec.test) == 185
    assert SPECS["mipnerf360+every8"].split_origin == "authors"
    assert set(SPECS["llff+every8"].scenes) == set(THREE)
    assert len(SPECS["mvimgnet+every8"].scenes) == len(SPECS["mipnerf360+every8"].scenes) == 7


def test_a_split_shares_the_files_and_not_the_name():
    base, other = get_dataset("llff"), get_dataset("llff+every8")
    assert base.source == other.source
    assert base.splits == ("every8", "three_views")
    assert other.splits == ()


def test_no_checksum_is_made_up():
    # None was published for any of these files; the hash of the first download is recorded on the user's machine.
    assert not [a for spec in SPECS.values() for a in spec.source.get("archives", []) if "sha256" in a or "md5" in a]


def test_listing_needs_neither_torch_nor_pycolmap():
    code = (
        "import sys; from benchmark.scenes.spec import list_datasets; list_datasets();"
        "print(sorted({'torch', 'pycolmap', 'numba', 'pooch'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
