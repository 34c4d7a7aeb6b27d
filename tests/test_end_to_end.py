"""The main job at a tiny size: photographs go in, a record and a page come out, and nothing is done twice."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.cli.main import app, call
from benchmark.protocols import LITE, PROTOCOLS, STRICT
from benchmark.store import Store

# Enough to learn something at 48 x 36 pixels, few enough for a test.
TINY = replace(
    LITE,
    images=replace(LITE.images, long_side=48, feature_long_side=96),
    warm_start=replace(LITE.warm_start, steps=150),
    joint=replace(LITE.joint, steps=60),
)


@pytest.fixture
def splatbench(tmp_path, capsys):
    """Run the command; exit code, stdout, stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = call(app, [*arguments, "--store", str(tmp_path / "store"), "--site", str(tmp_path / "site")])
        return code, *capsys.readouterr()

    return run


def psnr_of_a_constant(folder: Path, name: str) -> float:
    """PSNR in dB, over the mask, of the mean colour of the mask: what a model that sees nothing could reach at best."""
    truth = np.asarray(Image.open(folder / "truth" / f"{name}.png").convert("RGB")) / 255
    mask = np.asarray(Image.open(folder / "masks" / f"{name}.png").convert("L")) > 0
    return float(-10 * np.log10(((truth[mask] - truth[mask].mean(axis=0)) ** 2).mean()))


def test_from_photographs_to_the_page(splatbench, photographs, tmp_path, monkeypatch):
    monkeypatch.setitem(PROTOCOLS, "lite", TINY)
    folder = photographs("my photographs & 'walls'", size=(96, 72))
    asked = ["run", "-e", "iuvrgb,instantsplat", "-d", str(folder), "--mode", "geometry", "--seeds", "1"]
    code, out, err = splatbench(*asked)
    assert code == 0, out + err
    assert "PSNR ↑" in out and (tmp_path / "site" / "index.html").as_uri() in out

    store = Store(tmp_path / "store")
    records = list(store.records())
    assert sorted(record.cell.entry for record in records) == ["instantsplat", "iuvrgb"]
    for record in records:
        cell = store.path("cells", record.key)
        psnr, distance = record.metrics["psnr"], record.metrics["distance"]
        assert set(psnr.per_view) == {"2.png"}
        assert psnr.value == pytest.approx(np.mean(list(psnr.per_view.values())))
        assert 60 > psnr.per_view["2.png"] > psnr_of_a_constant(cell, "2") + 1
        # The walls lie about 4 units away; the start is the true depth.
        assert 0 <= distance.value < 1
        assert record.cost["seconds"]["total"] > record.cost["seconds"]["joint fit"] > 0
        assert record.cost["peak_memory_mb"] > 50 and record.cost["gaussians"] > 1000
        assert record.provenance["protocol_version"] == TINY.version
        assert "torch" in record.provenance["software"]["packages"]
        assert record.provenance["machine"]["device"] in ("cpu", "cuda")
        assert len(record.provenance["digests"]["scene"]) == 64
        assert record.details["size"] == [48, 36]
        # No path of this machine is published with it.
        assert str(tmp_path) not in record.to_json()
        assert (cell / "gaussians.ply").stat().st_size > 1000
    assert {record.metrics["distance"].value for record in records} != {0.0}
    pages = "".join(page.read_text() for page in (tmp_path / "site").rglob("*.html"))
    assert "--dataset path/to/my-photographs-walls" in pages
    assert str(tmp_path) not in pages

    # The same again does nothing; another mode does only that.
    before = {path: path.stat().st_mtime_ns for path in store.root.glob("cells/*/*/*")}
    code, out, _ = splatbench(*asked)
    assert code == 0 and "2 of 2 cells were done before" in out
    assert {path: path.stat().st_mtime_ns for path in store.root.glob("cells/*/*/*")} == before
    assert list((store.root / "partial").iterdir()) == []

    # A new photograph is a new scene: no old number is reused.
    for path in (folder / "images").iterdir():
        Image.open(path).transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(path)
    shutil.rmtree(folder / "depth")
    code, out, _ = splatbench("run", "-e", "instantsplat", "-d", str(folder), "--seeds", "1")
    assert "were done before" not in out
    assert len(list(store.records())) == 3


def test_strict_refines_cameras_and_fits_test_poses(splatbench, photographs, tmp_path, monkeypatch):
    """Cut to few steps and a small size, every part of `strict` still runs on a CPU."""
    strict = replace(
        STRICT,
        images=replace(STRICT.images, long_side=32, feature_long_side=64),
        reduce=replace(STRICT.reduce, components=16),
        readout=replace(STRICT.readout, width=16),
        warm_start=replace(STRICT.warm_start, steps=40),
        joint=replace(STRICT.joint, steps=20, rates=STRICT.joint.rates.times(10)),
        test_poses=replace(STRICT.test_poses, steps=8),
    )
    assert strict.joint.refine_poses and strict.sh_degree == 3 and strict.evaluate.align == "similarity"
    monkeypatch.setitem(PROTOCOLS, "strict", strict)
    asked = ["run", "-e", "efficientnet_lite0", "-d", str(photographs(size=(96, 72))), "--mode", "all"]
    code, out, err = splatbench(*asked, "--protocol", "strict", "--seeds", "1")
    assert code == 0, out + err
    store = Store(tmp_path / "store")
    (record,) = store.records()
    assert record.cell.protocol == "strict"
    assert record.details["train_views"] == ["0.png", "1.png", "3.png", "4.png"]
    assert record.metrics["psnr"].value > psnr_of_a_constant(store.path("cells", record.key), "2") - 3
    assert record.cost["seconds"]["test poses"] > 0
    assert json.loads(record.to_json())["details"]["readout_parameters"] > 0
