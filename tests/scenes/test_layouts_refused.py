"""Files of other people's layouts that cannot be used: one line with the file, what is wrong and what to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.errors import InputError, SplatbenchError
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import DatasetSpec, SceneSpec, get_dataset

NAMES = ["0.png", "1.png", "2.png"]
ROTATION = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])


def spec_of(folder: Path, layout: str, options: dict[str, Any] | None = None) -> DatasetSpec:
    source = {"kind": "folder", "folder": str(folder)}
    scenes = {"copy": SceneSpec(("0.png", "2.png"), ("1.png",), options or {})}
    return replace(get_dataset("studio"), name="copy", layout=layout, source=source, scenes=scenes)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three photographs of 8 x 6 pixels."""
    (tmp_path / "scene" / "images").mkdir(parents=True)
    for name in NAMES:
        Image.new("RGB", (8, 6)).save(tmp_path / "scene" / "images" / name)
    return tmp_path / "scene"


def refused(folder: Path, layout: str, words: str, options: dict[str, Any] | None = None) -> None:
    with pytest.raises(SplatbenchError, match=words) as caught:
        load_scene(spec_of(folder, layout, options), "copy", folder.parent / "store")
    text = str(caught.value)
    assert "\n" not in text
    assert ";" in text or "(" in text, "a remedy follows"


# LLFF


def llff(folder: Path, change: Callable[[np.ndarray], np.ndarray] = lambda rows: rows) -> None:
    pose = np.column_stack([ROTATION[1], ROTATION[0], -ROTATION[2], [1, 2, 3], [6, 8, 10]])
    np.save(folder / "poses_bounds.npy", change(np.array([[*pose.ravel(), 1.0, 9.0]] * 3)))


def set_columns(columns: Any, value: float) -> Callable[[np.ndarray], np.ndarray]:
    def change(rows: np.ndarray) -> np.ndarray:
        rows[1, columns] = value
        return rows

    return change


def mirrored(rows: np.ndarray) -> np.ndarray:
    matrices = rows[:, :15].reshape(-1, 3, 5)
    matrices[1, :, 0] *= -1
    return rows


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_columns(3, np.nan), r"poses_bounds\.npy: 1\.png: its pose holds NaN"),
        (set_columns(14, np.inf), r"1\.png: size or focal length is not a number"),
        (set_columns(14, -5.0), r"1\.png: its lens is singular or mirrored"),
        (set_columns(4, 0.0), r"1\.png: its camera is stated for 8x0"),
        (set_columns(9, 12.0), r"another shape"),
        (mirrored, r"1\.png: its pose is left-handed"),
        (set_columns([0, 5, 10], 0.0), r"1\.png: its pose does not hold a rotation"),
        (lambda rows: rows[:2], r"2 poses, but there are 3 photographs"),
        (lambda rows: rows[:, :16], r"its shape is \(3, 16\)"),
        (lambda rows: rows.astype(object), r"damaged, or no \.npy array"),
        (lambda rows: rows.astype(str), r"expected a row of 17 numbers"),
    ],
)
def test_llff(folder, change, words):
    llff(folder, change)
    refused(folder, "llff", words)


def test_llff_without_poses_or_with_half_of_them(folder):
    refused(folder, "llff", r"poses_bounds\.npy: absent")
    llff(folder)
    path = folder / "poses_bounds.npy"
    path.write_bytes(path.read_bytes()[:200])
    refused(folder, "llff", "damaged")


# NeRF


def nerf(folder: Path, change: Callable[[dict], Any] = lambda values: None) -> None:
    frames = [{"file_path": f"./images/{name}", "transform_matrix": np.eye(4).tolist()} for name in NAMES]
    values = {"fl_x": 9.0, "w": 8, "h": 6, "frames": frames}
    change(values)
    (folder / "transforms.json").write_text(json.dumps(values))


def frame(**changes: Any) -> Callable[[dict], Any]:
    return lambda values: values["frames"][1].update(changes)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (frame(transform_matrix=np.diag([-1, 1, 1, 1]).tolist()), "1.png: transform_matrix is left-handed"),
        (frame(transform_matrix=np.diag([2, 2, 2, 1]).tolist()), "1.png: transform_matrix does not hold a rotation"),
        (frame(transform_matrix=np.full((4, 4), np.nan).tolist()), "1.png: transform_matrix holds NaN"),
        (frame(transform_matrix=[[1, 2], [3, 4]]), "1.png: transform_matrix has shape"),
        (frame(transform_matrix="eye"), "1.png: transform_matrix holds something"),
        (lambda v: v["frames"][1].pop("transform_matrix"), "1.png: transform_matrix is missing"),
        (frame(file_path="../../etc/passwd"), "leads out of"),
        (frame(file_path="/etc/passwd"), "leads out of"),
        (frame(file_path=7), "frame 1: file_path is missing"),
        (frame(file_path="images/0.png"), "0.png: two frames are called so"),
        (lambda v: v.update(camera_model="SPHERE"), "camera_model 'SPHERE' is unknown"),
        (lambda v: v.update(k1=float("inf")), "k1 is no finite number"),
        (lambda v: v.update(k4=0.1), "k4 of a lens that is no fisheye"),
        (lambda v: v.update(fl_x=-1), "its lens is singular or mirrored"),
        (lambda v: v.update(w=6, h=8), "another shape"),
        (lambda v: v.pop("fl_x"), "neither fl_x nor a camera_angle_x"),
        (lambda v: v.update(frames=[]), "no list of frames"),
        (lambda v: v.update(frames=[{"file_path": "images/9.png"}]), "none of the photographs"),
    ],
)
def test_nerf_transforms(folder, change, words):
    nerf(folder, change)
    refused(folder, "nerf_transforms", words)


def test_nerf_transforms_that_are_no_json(folder):
    refused(folder, "nerf_transforms", "absent")
    (folder / "transforms.json").write_text('{"frames": [')
    refused(folder, "nerf_transforms", "not JSON")
    (folder / "transforms.json").write_text("[" * 100_000)
    refused(folder, "nerf_transforms", "not JSON")


def test_nerf_knows_angles_and_names_without_suffix(folder):
    def change(values: dict) -> None:
        values.update(camera_angle_x=np.pi / 2)
        del values["fl_x"], values["w"], values["h"]
        for entry in values["frames"]:
            entry["file_path"] = entry["file_path"].removesuffix(".png")

    nerf(folder, change)
    scene = load_scene(spec_of(folder, "nerf_transforms"), "copy", folder.parent)
    np.testing.assert_allclose(scene.views[0].camera.intrinsics, [[4, 0, 4], [0, 4, 3], [0, 0, 1]])
    # OpenGL's identity looks along -z with y up: in OpenCV's axes y and z turn over.
    np.testing.assert_allclose(scene.views[0].camera.world_to_camera, np.diag([1, -1, -1, 1]))


# COLMAP

CAMERAS = "1 PINHOLE 8 6 9 9 4 3\n"


def colmap(folder: Path, images: str | None = None, cameras: str = CAMERAS) -> None:
    model = folder / "sparse" / "0"
    model.mkdir(parents=True)
    lines = [f"{n + 1} 1 0 0 0 0 0 {n} 1 {name}\n\n" for n, name in enumerate(NAMES)]
    (model / "images.txt").write_text("".join(lines) if images is None else images)
    (model / "cameras.txt").write_text(cameras)
    (model / "points3D.txt").write_text("")


def test_colmap_is_read(folder):
    colmap(folder)
    assert len(load_scene(spec_of(folder, "colmap"), "copy", folder.parent).views) == 3


@pytest.mark.parametrize(
    ("images", "cameras", "words"),
    [
        ("1 nan 0 0 0 0 0 0 1 0.png\n\n", CAMERAS, "damaged, or no COLMAP model"),
        ("1 1 0 0 0 0 0 0 7 0.png\n\n", CAMERAS, "damaged, or no COLMAP model"),
        ("<html>\n", CAMERAS, "damaged, or no COLMAP model"),
        (None, "1 PINHOLE 8 6 9 9\n", "damaged, or no COLMAP model|do not make a PINHOLE lens"),
        (None, "1 MAGIC 8 6 9 9 4 3\n", "damaged, or no COLMAP model"),
        (None, "1 PINHOLE 6 8 9 9 4 3\n", "another shape"),
        (None, "1 PINHOLE 8 6 -9 9 4 3\n", "singular or mirrored|do not make"),
        ("1 1 0 0 0 0 0 0 1 x.png\n\n", CAMERAS, "none of the 3 photographs is called so"),
        ("1 1 0 0 0 0 0 0 1 0.png\n\n2 1 0 0 0 0 0 1 1 0.jpg\n\n", CAMERAS, "two of its images have one photograph"),
    ],
)
def test_colmap(folder, images, cameras, words):
    colmap(folder, images, cameras)
    refused(folder, "colmap", words)


def test_colmap_without_its_files(folder):
    refused(folder, "colmap", "no COLMAP model")
    colmap(folder)
    (folder / "sparse" / "0" / "points3D.txt").unlink()
    refused(folder, "colmap", r"points3D\.txt: absent")


@pytest.mark.parametrize("content", [b"", b"\xff" * 8, os.urandom(400), b"<html></html>"])
@pytest.mark.parametrize("part", ["images", "cameras", "points3D"])
def test_colmap_binaries_that_are_none(folder, part, content):
    model = folder / "sparse" / "0"
    model.mkdir(parents=True)
    for name in ("images", "cameras", "points3D"):
        (model / f"{name}.bin").write_bytes(bytes(8))
    (model / f"{part}.bin").write_bytes(content)
    refused(folder, "colmap", "damaged, or no COLMAP model|none of the 3 photographs|no image")


# MVSNet


def mvsnet(folder: Path, pose: np.ndarray | None = None, text: str = "") -> None:
    for part in ("cams", "depths"):
        (folder / part).mkdir()
    pose = np.eye(4) if pose is None else pose
    lines = "\n".join(" ".join(str(v) for v in row) for row in pose)
    good = f"extrinsic\n{lines}\n\nintrinsic\n9 0 4\n0 9 3\n0 0 1\n\n425 2.5\n"
    for name in NAMES:
        (folder / "cams" / f"{Path(name).stem}_cam.txt").write_text(text or good)
        np.save(folder / "depths" / f"{Path(name).stem}.npy", np.ones((6, 8), np.float32))


@pytest.mark.parametrize(
    ("pose", "text", "words"),
    [
        (np.diag([1.0, 1, -1, 1]), "", "0_cam.txt: extrinsic is left-handed"),
        (np.full((4, 4), np.nan), "", "0_cam.txt: extrinsic holds NaN"),
        (np.diag([3.0, 3, 3, 1]), "", "0_cam.txt: extrinsic does not hold a rotation"),
        (None, "hello", "expected 'extrinsic'"),
        (None, "extrinsic " + "x " * 16 + "intrinsic " + "1 " * 9, "holds something that is no number"),
    ],
)
def test_mvsnet(folder, pose, text, words):
    mvsnet(folder, pose, text)
    refused(folder, "mvsnet", words)


def test_mvsnet_depth_of_another_size_and_without_camera(folder):
    mvsnet(folder)
    np.save(folder / "depths" / "1.npy", np.ones((6, 9), np.float32))
    refused(folder, "mvsnet", r"1\.npy: expected 6 x 8 floating-point numbers")
    (folder / "cams" / "1_cam.txt").unlink()
    refused(folder, "mvsnet", r"1_cam\.txt: absent")


@pytest.mark.parametrize("options", [{"unit": 0}, {"unit": "mm"}, {"erode": -1}, {"erode": 1.5}, {"size": [3]}])
def test_mvsnet_options(folder, options):
    mvsnet(folder)
    refused(folder, "mvsnet", "options: ", options)


def test_mvsnet_depth_that_is_not_finite_is_unknown(folder):
    mvsnet(folder)
    np.save(folder / "depths" / "1.npy", np.array([[np.nan, np.inf, -1, 2, 0, 1, 1, 1]] * 6, np.float64))
    scene = load_scene(spec_of(folder, "mvsnet"), "copy", folder.parent / "store")
    assert scene.test_views[0].depth()[0].tolist() == [0, 0, 0, 2, 0, 1, 1, 1]


# Tanks and Temples, Middlebury


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 0 0\n1 0 0 0\n", "expected five for each pose"),
        ("x 0 0\n" + "1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", "'x' is no number of a photograph"),
        ("0 0 0\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n" * 2, "photograph 0 has two poses"),
        ("3 0 0\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", "not numbered 0 to 0"),
        ("0 0 0\n1 0 0 0\n0 1 0 0\n0 0 -1 0\n0 0 0 1\n", "left-handed"),
        ("0 0 0\n1 0 0 0\n0 1 0 nan\n0 0 1 0\n0 0 0 1\n", "NaN"),
        ("0 0 0\n1 0 0 0\n0 1 0 0\n0 0 1 0\n0 0 0 1\n", "1 poses, but .* 3 photographs"),
    ],
)
def test_tanks_trajectories(folder, text, words):
    (folder / "a.log").write_text(text)
    refused(folder, "tanks", words, {"pinhole": [9, 9, 4, 3, 8, 6]})


def test_tanks_needs_intrinsics_and_one_trajectory(folder):
    (folder / "a.log").write_text("")
    refused(folder, "tanks", "state options.pinhole")
    (folder / "b.log").write_text("")
    refused(folder, "tanks", r"2 trajectories \(\*\.log\); leave one")


def test_middlebury(folder):
    refused(folder, "middlebury", "0 files .*expected one")
    path = folder / "a_par.txt"
    path.write_text("1\n0.png 1 2 3\n")
    refused(folder, "middlebury", "21 numbers a line")
    path.write_text("1\n0.png one\n")
    refused(folder, "middlebury", "no text of names and numbers")
    path.write_text("1\n0.png " + "9 0 4 0 9 3 0 0 1 " + "1 0 0 0 1 0 0 0 -1 " + "0 0 0\n")
    refused(folder, "middlebury", "0.png: R, t is left-handed")


# All of them


@pytest.mark.parametrize("layout", ["llff", "folder", "mvsnet", "middlebury"])
def test_an_empty_folder_is_named(tmp_path, layout):
    (tmp_path / "scene" / "images").mkdir(parents=True)
    (tmp_path / "scene" / "a_par.txt").write_text("1\n0.png " + "1 " * 21)
    refused(tmp_path / "scene", layout, r"scene/images: no images; put the photographs there")


def test_files_of_other_programs_are_no_photographs(folder):
    (folder / "images" / "._0.png").write_bytes(b"macOS")
    (folder / "images" / "Thumbs.db").write_bytes(b"Windows")
    assert len(load_scene(spec_of(folder, "folder"), "copy", folder.parent).views) == 3


def test_a_turned_photograph_fits_its_camera_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in NAMES:
        Image.new("RGB", (6, 8)).save(folder / "images" / name, exif=exif)
    llff(folder)
    assert {(v.width, v.height) for v in load_scene(spec_of(folder, "llff"), "copy", folder.parent).views} == {(8, 6)}


def test_mixed_sizes_and_orientations_are_kept(folder):
    Image.new("RGB", (6, 8)).save(folder / "images" / "1.png")
    scene = load_scene(spec_of(folder, "folder"), "copy", folder.parent)
    assert [(view.width, view.height) for view in scene.views] == [(8, 6), (6, 8), (8, 6)]


def test_a_damaged_photograph_names_its_file(folder):
    colmap(folder)
    (folder / "images" / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 30)
    with pytest.raises(InputError, match=r"images/1\.png: truncated or not an image"):
        load_scene(spec_of(folder, "colmap"), "copy", folder.parent)
