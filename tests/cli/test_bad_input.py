"""What a user may hand over by mistake: one line that says what and where, an exit code, and nothing lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cells import Cell
from benchmark.cli.main import app, call
from benchmark.protocols import LITE, PROTOCOLS
from benchmark.records import Measurement, Record
from benchmark.store import Store

KEPT = Record(
    cell=Cell("feat2gs", "iuv", "motorcycle", "motorcycle", "all", "known", "lite", 0),
    key="ab" * 32,
    status="ok",
    made_by="measured",
    created="2026-11-24T12:00:00Z",
    metrics={"psnr": Measurement(20.0)},
)


@pytest.fixture
def store(tmp_path) -> Store:
    """A store that holds a result."""
    store = Store(tmp_path / "store")
    store.publish("cells", KEPT.key, lambda folder: (folder / "record.json").write_text(KEPT.to_json()))
    return store


@pytest.fixture
def splatbench(store, tmp_path, capsys):
    """Run the command; its exit code and the lines of stderr. What was in the store must still be there."""

    def run(*arguments: str) -> tuple[int, list[str]]:
        code = call(app, ["run", *arguments, "--store", str(store.root), "--site", str(tmp_path / "site")])
        kept = store.read_record(KEPT.key)
        assert kept is not None and kept.status == "ok"
        return code, capsys.readouterr().err.strip().splitlines()

    return run


def refused(result: tuple[int, list[str]], *words: str) -> None:
    code, lines = result
    assert code == 2
    assert len(lines) == 1, lines
    assert lines[0].startswith("splatbench: ")
    for word in words:
        assert word in lines[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-e", "efficientnet_lite"], ["efficientnet_lite'", "did you mean 'efficientnet_lite0'"]),
        (["-e", " , "], ["--entry is empty"]),
        (["-e", "random", "-d", "motorcycl"], ["did you mean 'motorcycle'"]),
        (["-e", "random", "-d", "motorcycle", "--mode", "geometri"], ["did you mean 'geometry'"]),
        (["-e", "random", "-d", "motorcycle", "--protocol", "lit"], ["lite"]),
        (["-e", "random", "-d", "motorcycle", "--scene", ""], ["--scene is empty"]),
        (["-e", "random", "-d", "motorcycle", "--seeds", "99999999999"], ["seeds", "below 10000"]),
        (["-e", "random", "-d", "motorcycle", "--seeds", "3..1"], ["seeds '3..1'"]),
        (["--nonsense"], ["--nonsense", "splatbench run --help"]),
        ([], ["--entry", "splatbench run --help"]),
        (["-e", "random", "--slots", "0"], ["--slots", "splatbench run --help"]),
    ],
)
def test_unknown_names_and_options(splatbench, arguments, words):
    refused(splatbench(*arguments), *words)


def test_a_truncated_photograph(splatbench, photographs):
    path = photographs() / "images" / "1.png"
    path.write_bytes(path.read_bytes()[:500])
    refused(splatbench("-e", "random", "-d", str(path.parents[1])), "1.png")


def test_a_text_that_is_called_png(splatbench, photographs):
    path = photographs() / "images" / "1.png"
    path.write_text("this is no photograph")
    refused(splatbench("-e", "random", "-d", str(path.parents[1])), "1.png")


def _drop(cameras):
    del cameras["cameras"]["1.png"]


def _grow(cameras):
    cameras["cameras"]["1.png"]["width"] = 480


def _nan(cameras):
    cameras["cameras"]["1.png"]["world_to_camera"][0][3] = float("nan")


def _scale(cameras):
    matrix = cameras["cameras"]["1.png"]["world_to_camera"]
    matrix[0] = [2 * value for value in matrix[0]]


def _mirror(cameras):
    matrix = cameras["cameras"]["1.png"]["world_to_camera"]
    matrix[0] = [-value for value in matrix[0]]


@pytest.mark.parametrize(
    ("spoil", "word"),
    [(_drop, "no camera for 1.png"), (_grow, "480x36"), (_nan, "NaN"), (_scale, "rotation"), (_mirror, "left-handed")],
)
def test_cameras_that_do_not_fit_the_photographs(splatbench, photographs, spoil, word):
    folder = photographs()
    cameras = json.loads((folder / "cameras.json").read_text())
    spoil(cameras)
    (folder / "cameras.json").write_text(json.dumps(cameras))
    refused(splatbench("-e", "random", "-d", str(folder)), "cameras.json", word)


def test_a_folder_without_cameras_or_photographs(splatbench, tmp_path, photographs):
    refused(splatbench("-e", "random", "-d", str(tmp_path / "nowhere")), "nowhere", "no such folder")
    folder = photographs()
    (folder / "cameras.json").unlink()
    refused(splatbench("-e", "random", "-d", str(folder)), "cameras.json")


def test_a_store_in_the_place_of_a_file(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert call(app, ["run", "-e", "random", "-d", "motorcycle", "--store", str(tmp_path / "file")]) == 2
    refused((2, capsys.readouterr().err.strip().splitlines()), "--store", "file")


def test_a_site_that_cannot_be_written(splatbench, store, tmp_path, capsys):
    (tmp_path / "file").touch()
    code = call(app, ["leaderboard", "build", "--store", str(store.root), "--site", str(tmp_path / "file" / "site")])
    refused((code, capsys.readouterr().err.strip().splitlines()), str(tmp_path / "file"), "choose another")


def test_a_damaged_record_is_named_and_left_out_of_the_page(store, tmp_path, capsys, caplog):
    folder = store.path("cells", "cd" * 32)
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(KEPT.to_json()[:40])
    assert call(app, ["leaderboard", "build", "--store", str(store.root), "--site", str(tmp_path / "site")]) == 0
    assert str(folder / "record.json") in caplog.text
    assert (tmp_path / "site" / "index.html").is_file()


def test_one_train_view_without_depth_is_a_failed_cell(store, tmp_path, photographs, capsys):
    folder = photographs(depth=False)
    (folder / "split.json").write_text(json.dumps({"train": ["0.png"], "test": ["1.png"]}))
    arguments = ["run", "-e", "instantsplat", "-d", str(folder), "--seeds", "1"]
    code = call(app, [*arguments, "--store", str(store.root), "--site", str(tmp_path / "site")])
    captured = capsys.readouterr()
    assert code == 1
    (line,) = [line for line in captured.out.splitlines() if line.startswith("failed: ")]
    assert "0.png" in line and "name a second train view" in line
    assert "Traceback" not in captured.err
    (failed,) = [record for record in store.records() if record.status == "failed"]
    assert "second train view" in failed.reason


# Files may grow to so many bytes; Python ignores the signal and the write says "File too large".
LIMITED = """
import resource, sys
from benchmark.cli.main import app, call

resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), int(sys.argv[1])))
sys.exit(call(app, sys.argv[2:]))
"""


def test_a_full_disk_while_a_scene_is_written(store, tmp_path):
    arguments = ["run", "-e", "random", "-d", "motorcycle", "--store", str(store.root)]
    arguments += ["--site", str(tmp_path / "site")]
    result = subprocess.run(
        [sys.executable, "-P", "-c", LIMITED, "100000", *arguments], capture_output=True, text=True, check=False
    )
    refused((result.returncode, result.stderr.strip().splitlines()), str(store.root), "free some space")
    assert [record.key for record in store.records()] == [KEPT.key]
    assert not [path for path in (store.root / "scenes").iterdir() if path.name.startswith(".")]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_while_a_cell_is_run(tmp_path, photographs, capsys, monkeypatch):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "none", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted here")
    try:
        small = replace(LITE, joint=replace(LITE.joint, steps=2))
        monkeypatch.setitem(PROTOCOLS, "lite", small)
        store = Store(disk / "store")
        store.publish("cells", KEPT.key, lambda folder: (folder / "record.json").write_text(KEPT.to_json()))
        arguments = ["run", "-e", "instantsplat", "-d", str(photographs(size=(96, 72))), "--seeds", "1"]
        code = call(app, [*arguments, "--store", str(store.root), "--site", str(tmp_path / "site")])
        captured = capsys.readouterr()
        assert code == 1
        assert "disk is full" in captured.out and "Traceback" not in captured.err
        kept = store.read_record(KEPT.key)
        assert kept is not None and kept.status == "ok"
        assert list((Path(store.root) / "partial").iterdir()) == []
    finally:
        subprocess.run(["umount", str(disk)], check=False)
