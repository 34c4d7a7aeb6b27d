"""`splatbench data`, as a user meets it, with archives from a server of this test."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from benchmark.cli.main import app
from benchmark.errors import InputError
from benchmark.scenes import spec as spec_module
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import get_dataset, list_datasets

VIEWS = 6


def png(value: int, size: tuple[int, int] = (16, 12)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(stream, "PNG")
    return stream.getvalue()


def llff_archive(views: int = VIEWS) -> bytes:
    """A scene ``fern`` in the layout LLFF, in a folder of its own inside the archive."""
    pose = np.stack([[0, 1, 0], [1, 0, 0], [0, 0, -1], [0, 0, 0], [12, 16, 20]], axis=1).astype(float)
    rows = np.array([[*pose.ravel(), 1.0, 2.0]] * views)
    table, stream = io.BytesIO(), io.BytesIO()
    np.save(table, rows)
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("top/fern/poses_bounds.npy", table.getvalue())
        for number in range(views):
            archive.writestr(f"top/fern/images_4/{number:03d}.png", png(number))
    return stream.getvalue()


@pytest.fixture
def datasets(tmp_path, monkeypatch, data, server) -> Path:
    """A folder of dataset files in place of ours: one to be downloaded, one by hand."""
    folder = tmp_path / "datasets"
    folder.mkdir()
    schema = (spec_module.datasets_folder() / "_schema.json").read_text()
    (folder / "_schema.json").write_text(schema)
    monkeypatch.setattr(spec_module, "datasets_folder", lambda: folder)
    monkeypatch.setattr("benchmark.scenes.own.add.datasets_folder", lambda: folder)
    server.files["/fern.zip"] = llff_archive()
    archive = {
        "file": "fern.zip",
        "url": f"{server.address}/fern.zip",
        "sha256": hashlib.sha256(server.files["/fern.zip"]).hexdigest(),
        "gigabytes": 0.25,
        "scenes": ["fern"],
        "unpack": [
            {"from": "fern/images_4", "to": "fern/images_4"},
            {"from": "fern/poses_bounds.npy", "to": "fern/poses_bounds.npy"},
        ],
    }
    values = {
        "name": "llff", "version": 1, "title": "Small", "task": "nvs", "citation": "Someone",
        "licence": {"spdx": "CC0-1.0", "url": "", "redistribute": True},
        "source": {"kind": "download", "archives": [archive]}, "layout": "llff", "split_origin": "ours",
        "scenes": {"fern": {"views": VIEWS, "options": {"images": "images_4"}, "train": [0, 2, 5], "test": [1]}},
        "splits": {"every8": {"origin": "authors", "rule": "r", "scenes": {"fern": {"every": 8}}}},
    }  # fmt: skip
    (folder / "llff.yaml").write_text(yaml.safe_dump(values))
    by_hand = {**archive, "file": "hand.zip", "sha256": archive["sha256"]}
    del by_hand["url"], by_hand["scenes"], by_hand["gigabytes"]
    steps = ["Get it and put it at {archives}/hand.zip", "or unpack it into {folder}"]
    values |= {"name": "dtu", "source": {"kind": "manual", "steps": steps, "archives": [by_hand]}}
    del values["splits"]
    (folder / "dtu.yaml").write_text(yaml.safe_dump(values))
    return folder


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["data", *arguments], env={"COLUMNS": "250"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def rows(*arguments: str, code: int = 0) -> dict[str, dict]:
    return {row.get("name", row.get("scene")): row for row in json.loads(run(*arguments, "--json", code=code))}


def test_get_check_list_and_load(datasets, data, server, tmp_path):
    store = ["--store", str(tmp_path / "store")]
    before = rows("list", *store)
    assert before["llff"]["ready"] is False
    assert before["llff"]["gigabytes to download"] == 0.25
    assert before["dtu"]["gigabytes to download"] is None
    assert "splatbench data get llff" in run("check", "llff", *store, code=1)

    assert "fern.zip: 7 files" in run("get", "llff")
    report = rows("check", "llff", *store)["fern"]
    assert report == {"scene": "fern", "views": 6, "sizes": {"16x12": 6}, "hashed": 7, "problems": []}
    after = rows("list", *store)
    assert after["llff"]["ready"] and after["llff+every8"]["ready"] and not after["dtu"]["ready"]
    scene = load_scene(get_dataset("llff"), "fern", tmp_path)
    assert [view.name for view in scene.train_views] == ["000.png", "002.png", "005.png"]
    assert len(load_scene(get_dataset("llff+every8"), "fern", tmp_path).train) == 5
    asked = len(server.requests)
    assert "unpacked before" in run("get", "llff")
    assert len(server.requests) == asked


def test_check_names_every_file_that_is_not_as_it_came(datasets, data, tmp_path):
    run("get", "llff")
    images = data / "llff" / "fern" / "images_4"
    (images / "000.png").unlink()
    (images / "001.png").write_bytes(png(99))
    (images / "002.png").write_bytes(png(2)[:-5])
    (images / "004.png").write_bytes(png(4, (12, 16)))
    output = run("check", "llff", "--store", str(tmp_path), code=1)
    for words in ("000.png: missing", "001.png: its content changed", "002.png: ", "004.png"):
        assert words in output, output
    assert "fern.zip" in run("get", "llff")
    run("check", "llff", "--store", str(tmp_path))


def test_steps_by_hand_and_then_what_was_put_there(datasets, data, server, tmp_path):
    output = run("get", "dtu")
    assert f"{data}/archives/hand.zip" in output
    assert f"{data}/dtu" in output
    (data / "archives").mkdir(parents=True)
    (data / "archives" / "hand.zip").write_bytes(b"PK another file")
    with pytest.raises(InputError, match=r"hand\.zip: its hash is not the published one"):
        run("get", "dtu")
    (data / "archives" / "hand.zip").write_bytes(server.files["/fern.zip"])
    assert "hand.zip: 7 files" in run("get", "dtu")
    run("check", "dtu", "--store", str(tmp_path))


def test_a_failed_get_leaves_the_dataset_as_it_was(datasets, data, server, tmp_path):
    run("get", "llff")
    (data / "llff" / "fern" / "images_4" / "003.png").unlink()
    (data / "archives" / "fern.zip").unlink()
    server.files["/fern.zip"] = llff_archive()[:500]
    with pytest.raises(InputError, match="hash"):
        run("get", "llff")
    assert sorted(path.name for path in (data / "llff" / "fern" / "images_4").iterdir()) == [
        "000.png", "001.png", "002.png", "004.png", "005.png",
    ]  # fmt: skip


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(datasets, data, server, monkeypatch):
    monkeypatch.setattr("benchmark.scenes.acquire.get.free_space", lambda folder: 10_000_000)
    with pytest.raises(InputError, match=r"0.2 GB are to be downloaded, 0.0 GB are free; set SPLATBENCH_DATA"):
        run("get", "llff")
    assert not server.requests


def test_unknown_names_answer_with_the_nearest(datasets):
    with pytest.raises(InputError, match="'lllff' is unknown: did you mean 'llff'"):
        run("get", "lllff")
    with pytest.raises(InputError, match="'ferns' is not in dataset 'llff': did you mean 'fern'"):
        run("get", "llff", "--scene", "ferns")
    with pytest.raises(InputError, match=r"no split 'evry8'.*'llff\+every8'.*import-split"):
        run("check", "llff+evry8")


def split_file(folder: Path, values: object) -> Path:
    path = folder / "dataset_split.json"
    path.write_text(json.dumps(values) if not isinstance(values, str) else values)
    return path


AUTHORS = {"LLFF": {"fern": {"train": ["000", "004"], "test": ["002"]}, "lost": {"train": ["1"], "test": ["2"]}}}


def test_the_authors_split_becomes_a_dataset_of_its_own(datasets, data, tmp_path):
    run("get", "llff")
    path = split_file(tmp_path, AUTHORS)
    output = run("import-split", str(path))
    assert "llff+authors: fern, lost" in output
    assert "left out: lost" in output
    spec = get_dataset("llff+authors")
    assert spec.split_origin == "authors"
    assert hashlib.sha256(path.read_bytes()).hexdigest() in spec.split_rule
    scene = load_scene(spec, "fern", tmp_path)
    assert scene.dataset == "llff+authors"
    assert [view.name for view in scene.train_views] == ["000.png", "004.png"]
    assert "llff+authors" in {listed.name for listed in list_datasets()}
    assert load_scene(get_dataset("llff"), "fern", tmp_path).digest != scene.digest


def test_an_imported_split_is_what_a_run_is_recorded_under(datasets, data, tmp_path):
    from benchmark.plan import Selection, plan
    from benchmark.store import Store

    run("get", "llff")
    run("import-split", str(split_file(tmp_path, AUTHORS)))
    store = Store(tmp_path / "store")
    ours, theirs = (plan(Selection(["iuvrgb"], name, seeds=[0]), store) for name in ("llff", "llff+authors"))
    assert {task.cell.dataset for task in theirs} == {"llff+authors"}
    assert not {task.key for task in ours} & {task.key for task in theirs}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("{not json", "not JSON"),
        ("[]", "expected datasets"),
        ({"LLFF": {}}, "LLFF: expected scenes"),
        ({"KITTI": {"a": {"train": ["1"], "test": ["2"]}}}, "'KITTI' is no dataset"),
        ({"LLFF": {"fern": {"train": ["1"], "test": ["1"]}}}, "'1' is in train and in test"),
        ({"LLFF": {"fern": {"train": ["1", "1"], "test": ["2"]}}}, "names '1' twice"),
        ({"LLFF": {"fern": {"train": [], "test": ["2"]}}}, "train is empty"),
        ({"LLFF": {"fern": {"train": ["../1"], "test": ["2"]}}}, "no list of file names"),
        ({"LLFF": {"fern": {"train": [1], "test": ["2"]}}}, "no list of file names"),
        ({"LLFF": {"fern": {"train": "1"}}}, "no list of file names"),
    ],
)
def test_a_split_file_that_is_none_is_refused(datasets, data, tmp_path, values, words):
    with pytest.raises(InputError, match=words) as caught:
        run("import-split", str(split_file(tmp_path, values)))
    assert "dataset_split.json" in str(caught.value)
    assert not (data / "splits").exists()


def test_a_split_cannot_take_a_name_that_is_taken_or_none(datasets, data, tmp_path):
    path = split_file(tmp_path, AUTHORS)
    with pytest.raises(InputError, match="split 'every8' of its own"):
        run("import-split", str(path), "--name", "every8")
    with pytest.raises(InputError, match="use letters, digits"):
        run("import-split", str(path), "--name", "../x")
