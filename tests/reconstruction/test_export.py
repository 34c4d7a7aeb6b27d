"""What is exported comes back the same through the libraries that others read it with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pycolmap
import pytest
from PIL import Image

from benchmark.cli.main import app, call
from benchmark.protocols import LITE, PROTOCOLS
from benchmark.reconstruction.export import write_colmap, write_points
from benchmark.reconstruction.picture import TEST, TRAIN, picture
from benchmark.reconstruction.reconstruct import reconstruct
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import dataset_from_folder


@pytest.fixture
def made(photographs, tmp_path):
    spec = dataset_from_folder(photographs())
    scene = load_scene(spec, spec.name, tmp_path / "scenes")
    made = reconstruct(scene, "known", LITE.images, LITE.reconstruct, scene.train)
    made.valid[0, :5] = False
    return made


@pytest.mark.parametrize("text", [False, True])
def test_a_colmap_model_comes_back(made, tmp_path, text):
    assert write_colmap(tmp_path, made, text, most_points=1000) == 1000
    model = pycolmap.Reconstruction(tmp_path)
    assert model.num_reg_images() == 5 and model.num_points3D() == 1000 and (tmp_path / "cameras.txt").exists() == text
    cameras = [*(made.cameras[k] for k in range(4)), made.test_cameras[0]]
    for name, camera in zip([*made.train_views, *made.test_views], cameras, strict=True):
        image = model.find_image_with_name(name)
        assert np.allclose(image.cam_from_world().matrix(), camera.world_to_camera[:3], atol=1e-6)
        assert np.allclose(image.camera.calibration_matrix(), camera.intrinsics, atol=1e-6)
    # Every point is where its pixel says, and of its colour.
    assert model.compute_mean_reprojection_error() < 1e-2 or text
    for point in list(model.points3D.values())[::97]:
        (element,) = point.track.elements
        column, row = (int(v) for v in model.images[element.image_id].points2D[element.point2D_idx].xy)
        view = element.image_id - 1
        assert np.allclose(point.xyz, made.points[view, row, column], atol=1e-5)
        assert np.allclose(point.color, made.colors[view, row, column] * 255, atol=0.51)
        seen = model.images[element.image_id].project_point(point.xyz)
        assert np.allclose(seen, [column + 0.5, row + 0.5], atol=0.02)


def test_a_ply_comes_back(made, tmp_path):
    plyfile = pytest.importorskip("plyfile", reason="needs plyfile: pip install -e '.[dev]'")
    count = write_points(tmp_path / "points.ply", made, most_points=10**6)
    vertices = plyfile.PlyData.read(tmp_path / "points.ply")["vertex"]
    assert count == len(vertices) == made.valid.sum()
    assert np.array_equal(np.stack([vertices[axis] for axis in "xyz"], axis=1), made.points[made.valid])
    assert np.array_equal(vertices["view"], np.nonzero(made.valid)[0])
    assert np.allclose(vertices["red"], made.colors[made.valid][:, 0] * 255, atol=0.51)


def test_the_picture_shows_points_and_both_kinds_of_cameras(made):
    shown = picture(made, height=200)
    assert shown.shape == (200, 520, 3)
    for half in (shown[:, :260], shown[:, 260:]):
        assert (half == TRAIN).all(axis=-1).sum() > 20 and (half == TEST).all(axis=-1).sum() > 10
        assert (half != (250, 250, 248)).any(axis=-1).mean() > 0.05


def test_the_command_finds_a_reconstruction_by_the_key_of_its_record(photographs, tmp_path, monkeypatch, capsys):
    tiny = replace(
        LITE,
        images=replace(LITE.images, long_side=32, feature_long_side=64),
        warm_start=replace(LITE.warm_start, steps=2),
        joint=replace(LITE.joint, steps=2),
    )
    monkeypatch.setitem(PROTOCOLS, "lite", tiny)
    store, site = ["--store", str(tmp_path / "store")], ["--site", str(tmp_path / "site")]
    asked = ["run", "-e", "instantsplat", "-d", str(photographs()), "--seeds", "1", "--reconstruction", "known"]
    assert call(app, [*asked, *store, *site]) == 0
    (record,) = (tmp_path / "store" / "cells").glob("*/*")
    assert Image.open(record / "reconstruction.png").size[1] == 420
    out = tmp_path / "room"
    assert call(app, ["export", record.name[:8], str(out), "--format", "colmap-text", *store]) == 0
    assert pycolmap.Reconstruction(out).num_reg_images() == 4
    assert (out / "reconstruction.png").is_file()
    capsys.readouterr()
    for arguments, words in (
        ([record.name[:8], str(out)], "exists already"),
        (["0000", str(tmp_path / "b")], "no record and no reconstruction"),
        ([record.name[:8], str(tmp_path / "b"), "--format", "plyy"], "did you mean 'ply'"),
        ([record.name[:8], str(tmp_path / "no" / "b")], "there is no folder"),
    ):
        assert call(app, ["export", *arguments, *store]) == 2
        error = capsys.readouterr().err
        assert words in error and error.count("\n") == 1
