"""Folders in the plain layout: what is loaded, what changes the digest, and what is refused with which words."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.cameras import Camera
from benchmark.errors import InputError
from benchmark.scenes.cameras_json import read_views, write_folder
from benchmark.scenes.generated import write_once
from benchmark.scenes.load import load_scene
from benchmark.scenes.scene import Scene
from benchmark.scenes.spec import SceneSpec, dataset_from_folder

NAMES = ["a.png", "b.png", "c.png", "d.png"]
SIZES = {"a.png": (16, 12), "b.png": (16, 12), "c.png": (12, 16), "d.png": (31, 7)}


def camera(index: int, width: int, height: int) -> Camera:
    from scipy.spatial.transform import Rotation

    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_euler("xyz", [0.1 * index, 0.3 * index, -0.2]).as_matrix()
    pose[:3, 3] = [0.2 * index, -1.0, 2.5]
    return Camera(pose, np.array([[20.0, 0.1, width / 2], [0, 21.0, height / 2], [0, 0, 1]]), width, height)


@pytest.fixture
def folder(tmp_path) -> Path:
    rng = np.random.default_rng(3)
    path = tmp_path / "place"
    write_folder(
        path,
        images={n: rng.integers(0, 255, (SIZES[n][1], SIZES[n][0], 3)).astype(np.uint8) for n in NAMES},
        cameras={n: camera(i, *SIZES[n]) for i, n in enumerate(NAMES)},
        depths={"a.png": rng.uniform(1, 2, (12, 16)).astype(np.float32)},
    )
    (path / "masks").mkdir()
    Image.fromarray(np.tile(np.array([0, 255] * 8, np.uint8), (12, 1))).save(path / "masks" / "b.png")
    return path


def load(folder: Path) -> Scene:
    spec = dataset_from_folder(folder, train=["d.png", "a.png", "b.png"], test=["c.png"])
    return load_scene(spec, spec.name, folder.parent / "store")


def edit(folder: Path, change: Callable[[dict], None]) -> None:
    path = folder / "cameras.json"
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def test_what_is_written_is_read_again(folder):
    scene = load(folder)
    assert [view.name for view in scene.views] == NAMES
    assert [view.name for view in scene.train_views] == ["d.png", "a.png", "b.png"]
    assert [view.name for view in scene.test_views] == ["c.png"]
    for index, view in enumerate(scene.views):
        expected = camera(index, *SIZES[view.name])
        assert view.image().shape == (view.height, view.width, 3)
        assert (view.width, view.height) == SIZES[view.name]
        np.testing.assert_allclose(view.camera.world_to_camera, expected.world_to_camera, atol=1e-14)
        np.testing.assert_array_equal(view.camera.intrinsics, expected.intrinsics)
    first, second = scene.views[0], scene.views[1]
    assert first.depth().dtype == np.float32
    assert 1 <= first.depth().min() <= first.depth().max() < 2
    assert first.mask() is None
    assert second.depth() is None
    assert second.mask()[3].tolist() == [False, True] * 8


def test_only_the_views_of_the_split_are_loaded(folder):
    spec = dataset_from_folder(folder, train=["a.png", "d.png"], test=["b.png"])
    (folder / "images" / "c.png").write_bytes((folder / "images" / "c.png").read_bytes()[:-20])
    assert [view.name for view in load_scene(spec, spec.name, folder).views] == ["a.png", "b.png", "d.png"]


def test_the_digest_is_of_the_content_and_not_of_the_place(folder, tmp_path):
    first = load(folder).digest
    assert load(folder).digest == first
    elsewhere = tmp_path / "else" / "place"
    shutil.copytree(folder, elsewhere)
    assert load(elsewhere).digest == first


def repaint(folder: Path) -> None:
    pixels = np.array(Image.open(folder / "images" / "a.png"))
    pixels[0, 0, 0] ^= 1
    Image.fromarray(pixels).save(folder / "images" / "a.png")


def deepen(folder: Path) -> None:
    depth = np.load(folder / "depth" / "a.npy")
    depth[0, 0] += 1e-3
    np.save(folder / "depth" / "a.npy", depth)


@pytest.mark.parametrize(
    "change",
    [
        repaint,
        deepen,
        lambda f: (f / "depth" / "a.npy").unlink(),
        lambda f: (f / "masks" / "b.png").unlink(),
        lambda f: edit(f, lambda v: v["cameras"]["b.png"]["K"][0].__setitem__(0, 20.001)),
        lambda f: edit(f, lambda v: v["cameras"]["b.png"]["world_to_camera"][0].__setitem__(3, 0.5)),
    ],
    ids=["image", "depth", "no depth", "no mask", "intrinsics", "pose"],
)
def test_the_digest_follows_every_part_that_can_change_a_number(folder, change):
    before = load(folder).digest
    change(folder)
    assert load(folder).digest != before


def test_the_digest_follows_the_split(folder):
    spec = dataset_from_folder(folder, train=["a.png", "b.png", "d.png"], test=["c.png"])
    other = dataset_from_folder(folder, train=["a.png", "b.png"], test=["c.png"])
    turned = dataset_from_folder(folder, train=["b.png", "a.png", "d.png"], test=["c.png"])
    digests = {load_scene(s, s.name, folder).digest for s in (spec, other, turned)}
    assert len(digests) == 3


def test_rounded_rotations_become_rotations(folder):
    def rounded(values):
        for entry in values["cameras"].values():
            entry["world_to_camera"] = np.round(entry["world_to_camera"], 4).tolist()

    edit(folder, rounded)
    for index, view in enumerate(load(folder).views):
        rotation = view.camera.world_to_camera[:3, :3]
        np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-14)
        np.testing.assert_allclose(rotation, camera(index, 9, 9).world_to_camera[:3, :3], atol=2e-4)


def set_at(key: str, row: int, column: int, value: object) -> Callable[[dict], None]:
    return lambda values: values["cameras"]["b.png"][key][row].__setitem__(column, value)


def set_key(key: str, value: object) -> Callable[[dict], None]:
    return lambda values: values["cameras"]["b.png"].__setitem__(key, value)


def mirror(values: dict) -> None:
    pose = np.array(values["cameras"]["b.png"]["world_to_camera"])
    pose[0, :3] *= -1
    values["cameras"]["b.png"]["world_to_camera"] = pose.tolist()


def scale(values: dict) -> None:
    pose = np.array(values["cameras"]["b.png"]["world_to_camera"])
    pose[:3, :3] *= 1.1
    values["cameras"]["b.png"]["world_to_camera"] = pose.tolist()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: v["cameras"].pop("b.png"), "3 camera.* 4 image.*no camera for b.png"),
        (lambda v: v["cameras"].__setitem__("z.png", v["cameras"]["b.png"]), "no image for z.png"),
        (set_key("width", 17), "stated size 17x12, but the image has 16x12"),
        (set_key("width", None), "stated size None"),
        (set_at("world_to_camera", 0, 3, float("nan")), "b.png: world_to_camera holds NaN"),
        (set_at("K", 0, 2, float("inf")), "b.png: K holds NaN or infinity"),
        (set_at("K", 0, 0, 0.0), "b.png: K is singular"),
        (set_at("K", 1, 1, -20.0), "b.png: K is singular or mirrored"),
        (set_at("K", 2, 2, 2.0), "b.png: K is not"),
        (set_at("K", 0, 0, "wide"), "b.png: K holds something that is no number"),
        (set_key("K", [[1, 0], [0, 1]]), "b.png: K has shape"),
        (set_key("K", [[1, 0, 0], [0, 1]]), "b.png: K holds something"),
        (lambda v: v["cameras"]["b.png"].pop("K"), "b.png: K is missing"),
        (set_at("world_to_camera", 3, 0, 1.0), "last row"),
        (mirror, "b.png: world_to_camera is left-handed"),
        (scale, "b.png: world_to_camera does not hold a rotation"),
        (set_key("world_to_camera", np.zeros((4, 4)).tolist()), "last row"),
        (lambda v: v.__setitem__("convention", "OpenGL camera-to-world"), "convention is 'OpenGL"),
        (lambda v: v.__setitem__("cameras", [1, 2]), "no entry for every image"),
        (lambda v: v.__setitem__("cameras", {"b.png": 3}), "no entry for every image"),
    ],
)
def test_cameras_that_disagree_are_refused_with_file_image_and_remedy(folder, change, words):
    edit(folder, change)
    with pytest.raises(InputError, match=words) as caught:
        load(folder)
    assert "cameras.json" in str(caught.value)
    assert ";" in str(caught.value), "a remedy follows the semicolon"
    assert "\n" not in str(caught.value)


def test_broken_and_absent_camera_files_are_refused(folder):
    path = folder / "cameras.json"
    good = path.read_text()
    path.write_text(good[: len(good) // 2])
    with pytest.raises(InputError, match=r"cameras\.json: not JSON"):
        load(folder)
    path.write_text('{"cameras": {"a.png": {}, "a.png": {}}}')
    with pytest.raises(InputError, match=r"cameras\.json: 'a.png' stands twice"):
        load(folder)
    path.write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"cameras\.json: not JSON"):
        load(folder)
    path.unlink()
    with pytest.raises(InputError, match=r"cameras\.json: absent"):
        read_views(folder)


def test_a_damaged_image_is_refused_before_anything_is_computed(folder):
    path = folder / "images" / "a.png"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match=r"images/a\.png: truncated or not an image"):
        load(folder)
    path.write_text("<html>404</html>")
    with pytest.raises(InputError, match=r"images/a\.png: truncated or not an image"):
        load(folder)


def test_files_that_are_no_images_do_not_disturb(folder):
    before = load(folder).digest
    (folder / "images" / "Thumbs.db").write_bytes(b"x")
    assert load(folder).digest == before


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (np.ones((12, 15), np.float32), "expected float32 of shape"),
        (np.ones((12, 16), np.float64), "expected float32 of shape"),
        (np.full((12, 16), np.nan, np.float32), "NaN"),
        (np.full((12, 16), -1, np.float32), "negative"),
        (np.full((12, 16), None, object), "no .npy array"),
    ],
)
def test_depth_that_does_not_fit_is_refused(folder, depth, words):
    np.save(folder / "depth" / "a.npy", depth)
    with pytest.raises(InputError, match=words) as caught:
        load(folder)
    assert "a.npy" in str(caught.value)


def test_a_truncated_depth_and_a_mask_of_another_size_are_refused(folder):
    path = folder / "depth" / "a.npy"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    with pytest.raises(InputError, match=r"a\.npy: truncated"):
        load(folder)
    path.write_bytes(whole)
    Image.fromarray(np.ones((5, 5), np.uint8)).save(folder / "masks" / "b.png")
    with pytest.raises(InputError, match=r"masks/b\.png: its size"):
        load(folder)


def test_unknown_scenes_and_views_answer_with_the_nearest(folder):
    spec = dataset_from_folder(folder, train=["a.png", "b.png"], test=["c.png"])
    with pytest.raises(InputError, match="scene 'plaice' is not in dataset 'place': did you mean 'place'"):
        load_scene(spec, "plaice", folder)
    wrong = replace(spec, scenes={"place": SceneSpec(("a.png", "bb.png"), ("c.png",))})
    with pytest.raises(InputError, match=r"no view 'bb\.png': did you mean 'b\.png'"):
        load_scene(wrong, "place", folder)


def test_two_that_write_the_same_scene_both_end_well(tmp_path):
    target, together, written = tmp_path / "scene", threading.Barrier(2), []

    def write(partial: Path) -> None:
        (partial / "a.txt").write_text("whole")
        together.wait(timeout=10)
        written.append(partial)

    threads = [threading.Thread(target=write_once, args=(target, write)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(written) == 2
    assert (target / "a.txt").read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target], "nothing half-written stays behind"
    write_once(target, lambda partial: pytest.fail("a finished scene is not written again"))


def test_a_scene_that_fails_in_the_middle_leaves_nothing(tmp_path):
    def fail(partial: Path) -> None:
        (partial / "half.txt").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_once(tmp_path / "scene", fail)
    assert not list(tmp_path.iterdir())


def test_a_store_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*choose another store"):
        write_once(tmp_path / "file" / "scene", lambda partial: None)
