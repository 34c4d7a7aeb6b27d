"""Every layout: a traced room written out in it, by the definition of the format, comes back with the same cameras."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest
from PIL import Image

from benchmark.cameras import Camera
from benchmark.errors import InputError, MissingError
from benchmark.scenes.lens import Lens, posed_view, straighten
from benchmark.scenes.load import LAYOUTS, available_views, load_scene
from benchmark.scenes.scene import Scene
from benchmark.scenes.spec import DatasetSpec, SceneSpec, get_dataset

NAMES = ["00.png", "01.png", "02.png", "03.png"]


@dataclass(frozen=True)
class Room:
    """What is written out: exact cameras, pixels and depth by name."""

    cameras: dict[str, Camera]
    images: dict[str, np.ndarray]
    depths: dict[str, np.ndarray]


@pytest.fixture(scope="module")
def room(tmp_path_factory) -> Room:
    studio = get_dataset("studio")
    options = {**studio.scenes["pile"].options, "size": [64, 48], "views": 4, "objects": 6}
    spec = replace(studio, scenes={"pile": SceneSpec(("00.png", "01.png", "03.png"), ("02.png",), options)})
    views = load_scene(spec, "pile", tmp_path_factory.mktemp("room")).views
    return Room(
        {view.name: view.camera for view in views if view.camera is not None},
        {view.name: view.image() for view in views},
        {view.name: depth for view in views if (depth := view.depth()) is not None},
    )


def spec_of(folder: Path, layout: str, options: dict[str, Any] | None = None, suffix: str = ".png") -> DatasetSpec:
    names = [Path(name).with_suffix(suffix).name for name in NAMES]
    scene = SceneSpec((names[0], names[1], names[3]), (names[2],), options or {})
    source = {"kind": "folder", "folder": str(folder)}
    return replace(get_dataset("studio"), name="copy", layout=layout, source=source, scenes={"copy": scene})


def load(folder: Path, layout: str, options: dict[str, Any] | None = None) -> Scene:
    return load_scene(spec_of(folder, layout, options), "copy", folder.parent / "store")


def write_images(folder: Path, room: Room, scale: int = 1) -> None:
    folder.mkdir(parents=True)
    for name, image in room.images.items():
        Image.fromarray(np.repeat(np.repeat(image, scale, axis=0), scale, axis=1)).save(folder / name)


def colmap_model(room: Room, lens: Lens | None = None) -> pycolmap.Reconstruction:
    model = pycolmap.Reconstruction()
    for number, (name, camera) in enumerate(room.cameras.items(), start=1):
        k = camera.intrinsics
        params = list(lens.params) if lens else [k[0, 0], k[1, 1], k[0, 2], k[1, 2]]
        model.add_camera_with_trivial_rig(
            pycolmap.Camera(
                model=lens.model if lens else "PINHOLE", width=camera.width, height=camera.height,
                params=params, camera_id=number,
            )
        )  # fmt: skip
        model.add_image_with_trivial_frame(
            pycolmap.Image(name=name, camera_id=number, image_id=number),
            pycolmap.Rigid3d(camera.world_to_camera[:3]),
        )
    return model


def write_colmap(folder: Path, room: Room, text: bool = False, lens: Lens | None = None, legacy: bool = False) -> None:
    write_images(folder / "images", room)
    place = folder / "sparse" / "0"
    place.mkdir(parents=True)
    model = colmap_model(room, lens)
    model.write_text(place) if text else model.write_binary(place)
    if legacy:
        for part in ("rigs", "frames"):
            (place / f"{part}.{'txt' if text else 'bin'}").unlink()


def write_llff(folder: Path, room: Room) -> None:
    write_images(folder / "images", room)
    rows = []
    for camera in room.cameras.values():
        to_world = np.linalg.inv(camera.world_to_camera)
        right, down, forward, center = to_world[:3].T
        size = [camera.height, camera.width, camera.intrinsics[0, 0]]
        rows.append([*np.stack([down, right, -forward, center, size], axis=1).ravel(), 0.1, 9.0])
    np.save(folder / "poses_bounds.npy", np.array(rows))


def transforms(room: Room) -> dict[str, Any]:
    frames = []
    for name, camera in room.cameras.items():
        k, to_world = camera.intrinsics, np.linalg.inv(camera.world_to_camera)
        opengl = np.stack([to_world[:, 0], -to_world[:, 1], -to_world[:, 2], to_world[:, 3]], axis=1)
        frames.append(
            {"file_path": f"images/{name}", "transform_matrix": opengl.tolist(), "fl_x": k[0, 0], "fl_y": k[1, 1],
             "cx": k[0, 2], "cy": k[1, 2], "w": camera.width, "h": camera.height}
        )  # fmt: skip
    return {"camera_model": "OPENCV", "frames": frames}


def write_transforms(folder: Path, room: Room) -> None:
    write_images(folder / "images", room)
    (folder / "transforms.json").write_text(json.dumps(transforms(room)))


def write_mvsnet(folder: Path, room: Room) -> None:
    write_images(folder / "images", room)
    for part in ("cams", "depths", "binary_masks"):
        (folder / part).mkdir()
    for name, camera in room.cameras.items():
        stem, pose = Path(name).stem, camera.world_to_camera.copy()
        pose[:3, 3] *= 1000
        numbers = "\n".join(" ".join(repr(float(v)) for v in row) for row in pose)
        lens = "\n".join(" ".join(repr(float(v)) for v in row) for row in camera.intrinsics)
        (folder / "cams" / f"{stem}_cam.txt").write_text(f"extrinsic\n{numbers}\n\nintrinsic\n{lens}\n\n425.0 2.5\n")
        np.save(folder / "depths" / f"{stem}.npy", room.depths[name] * np.float32(1000))
        mask = np.zeros((camera.height, camera.width), np.uint8)
        mask[10:40, 10:50] = 255
        Image.fromarray(mask).save(folder / "binary_masks" / f"{stem}.png")


def write_tanks_log(folder: Path, room: Room) -> None:
    write_images(folder / "images", room)
    lines = []
    for number, camera in enumerate(room.cameras.values()):
        lines.append(f"{number} {number} 0")
        lines += [" ".join(repr(float(v)) for v in row) for row in np.linalg.inv(camera.world_to_camera)]
    (folder / "Copy_COLMAP_SfM.log").write_text("\n".join(lines) + "\n")


def write_middlebury(folder: Path, room: Room) -> None:
    write_images(folder / "images", room)
    lines = [str(len(room.cameras))]
    for name, camera in room.cameras.items():
        values = [*camera.intrinsics.ravel(), *camera.world_to_camera[:3, :3].ravel(), *camera.world_to_camera[:3, 3]]
        lines.append(" ".join([Path(name).with_suffix(".jpg").name, *(repr(float(v)) for v in values)]))
    (folder / "copy_par.txt").write_text("\n".join(lines) + "\n")


def write_mvimgnet(folder: Path, room: Room) -> None:
    write_colmap(folder, room)
    (folder / "24_views").mkdir()
    (folder / "images").rename(folder / "24_views" / "images")


def write_cameras_json(folder: Path, room: Room) -> None:
    from benchmark.scenes.cameras_json import write_folder

    write_folder(folder, room.images, room.cameras, room.depths)


WRITERS: dict[str, tuple[str, Callable[[Path, Room], None], dict[str, Any]]] = {
    "cameras_json": ("cameras_json", write_cameras_json, {}),
    "colmap binary": ("colmap", write_colmap, {}),
    "colmap text": ("colmap", lambda f, r: write_colmap(f, r, text=True), {}),
    "colmap before rigs": ("colmap", lambda f, r: write_colmap(f, r, legacy=True), {}),
    "llff": ("llff", write_llff, {}),
    "nerf_transforms": ("nerf_transforms", write_transforms, {}),
    "mvsnet": ("mvsnet", write_mvsnet, {"unit": 0.001}),
    "tanks log": ("tanks", write_tanks_log, {}),
    "tanks colmap": ("tanks", write_colmap, {}),
    "mvimgnet": ("mvimgnet", write_colmap, {}),
    "mvimgnet 24": ("mvimgnet", write_mvimgnet, {}),
    "middlebury": ("middlebury", write_middlebury, {}),
}


def writable(name: str, room: Room) -> Room:
    """The room as the format can hold it: LLFF knows no principal point, a trajectory no intrinsics of its own."""
    if name not in ("llff", "tanks log"):
        return room
    middle = np.array([[60.0, 0, 32], [0, 60, 24], [0, 0, 1]])
    return replace(room, cameras={n: replace(camera, intrinsics=middle) for n, camera in room.cameras.items()})


def options_for(name: str) -> dict[str, Any]:
    return {"pinhole": [60, 60.0, 32, 24, 64, 48]} if name == "tanks log" else WRITERS[name][2]


@pytest.mark.parametrize("name", WRITERS)
def test_cameras_come_back(room, tmp_path, name):
    layout, write, _ = WRITERS[name]
    room = writable(name, room)
    write(tmp_path / "copy", room)
    scene = load(tmp_path / "copy", layout, options_for(name))
    assert [view.name for view in scene.views] == NAMES
    assert [view.name for view in scene.test_views] == ["02.png"]
    for view in scene.views:
        expected = room.cameras[view.name]
        np.testing.assert_allclose(view.camera.world_to_camera, expected.world_to_camera, atol=1e-6)
        np.testing.assert_allclose(view.camera.intrinsics, expected.intrinsics, atol=1e-6)
        assert np.array_equal(view.image(), room.images[view.name])


def test_every_layout_is_tried():
    generated = {"stereo_pair", "synthetic"}  # not files of someone else
    assert {layout for layout, _, _ in WRITERS.values()} | generated | {"folder"} == set(LAYOUTS)


@pytest.mark.parametrize("name", ["colmap binary", "llff", "nerf_transforms", "tanks log"])
def test_intrinsics_follow_scaled_copies(room, tmp_path, name):
    layout, write, _ = WRITERS[name]
    room = writable(name, room)
    write(tmp_path / "copy", room)
    write_images(tmp_path / "copy" / "images_x2", room, scale=2)
    scene = load(tmp_path / "copy", layout, {**options_for(name), "images": "images_x2"})
    for view in scene.views:
        expected = room.cameras[view.name].resized(128, 96)
        assert (view.width, view.height) == (128, 96)
        np.testing.assert_allclose(view.camera.intrinsics, expected.intrinsics, atol=1e-6)


def test_depth_of_mvsnet_is_in_the_scenes_unit_and_inside_the_shrunk_mask(room, tmp_path):
    write_mvsnet(tmp_path / "copy", room)
    scene = load(tmp_path / "copy", "mvsnet", {"unit": 0.001, "erode": 3})
    for view in scene.views:
        depth = view.depth()
        inside = np.zeros(depth.shape, bool)
        inside[11:39, 11:49] = True  # a square of three pixels takes one from each side
        np.testing.assert_allclose(depth[inside], room.depths[view.name][inside], rtol=1e-6)
        assert not depth[~inside].any()
        assert view.mask() is None
    assert load(tmp_path / "copy", "mvsnet", {"unit": 0.001, "erode": 3}).digest == scene.digest
    assert load(tmp_path / "copy", "mvsnet", {"unit": 0.001}).digest != scene.digest


def test_photographs_only(room, tmp_path):
    write_images(tmp_path / "copy" / "images", room)
    scene = load(tmp_path / "copy", "folder")
    assert [view.camera for view in scene.views] == [None] * 4


def test_renamed_copies_are_matched_by_their_order(room, tmp_path):
    write_colmap(tmp_path / "copy", room)
    write_images(tmp_path / "copy" / "images_8", room)
    for number, path in enumerate(sorted((tmp_path / "copy" / "images_8").iterdir())):
        path.rename(path.with_name(f"image{number:03d}.png"))
    spec = spec_of(tmp_path / "copy", "colmap", {"images": "images_8"})
    spec = replace(spec, scenes={"copy": replace(spec.scenes["copy"], train=(0, 1, 3), test=(2,), views=4)})
    scene = load_scene(spec, "copy", tmp_path)
    assert [view.name for view in scene.test_views] == ["image002.png"]
    for view, expected in zip(scene.views, room.cameras.values(), strict=True):
        np.testing.assert_allclose(view.camera.world_to_camera, expected.world_to_camera, atol=1e-6)


def bent(image: np.ndarray, camera: pycolmap.Camera, straight: Camera) -> np.ndarray:
    """What a lens makes of a straight photograph: each of its pixels looks along the ray of COLMAP's model."""
    from scipy.ndimage import map_coordinates

    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    rays = camera.cam_from_img(np.stack([columns.ravel(), rows.ravel()], axis=1))
    k = straight.intrinsics
    x, y = rays[:, 0] * k[0, 0] + k[0, 2] - 0.5, rays[:, 1] * k[1, 1] + k[1, 2] - 0.5
    channels = [map_coordinates(image[..., c].astype(float), [y, x], order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=-1).reshape(camera.height, camera.width, 3).round().astype(np.uint8)


def test_a_bent_photograph_becomes_what_a_pinhole_sees(tmp_path):
    rows, columns = np.mgrid[0:240, 0:320] / 40.0
    picture = np.stack([np.sin(columns) + 1, np.cos(rows) + 1, np.sin(rows + columns) + 1], axis=-1) * 127
    k = np.array([[300.0, 0, 160], [0, 310.0, 120], [0, 0, 1]])
    straight = Camera(np.eye(4), k, 320, 240)
    lens = Lens("OPENCV", (300.0, 310.0, 160.0, 120.0, -0.2, 0.05, 0.002, -0.003), 320, 240)
    camera = pycolmap.Camera(model=lens.model, width=320, height=240, params=list(lens.params))
    room = Room(dict.fromkeys(NAMES, straight), {name: bent(picture, camera, straight) for name in NAMES}, {})
    write_colmap(tmp_path / "copy", room, lens=lens)
    before = available_views(spec_of(tmp_path / "copy", "colmap"), "copy", tmp_path)
    assert all(view.lens == lens for view in before.values())
    view = load(tmp_path / "copy", "colmap").views[0]
    assert view.lens is None
    # The pinhole that is left sees the picture from the same place: shift its principal point and compare.
    fx, fy = view.camera.intrinsics[0, 0], view.camera.intrinsics[1, 1]
    np.testing.assert_allclose([fx, fy], [300, 310])
    rows, columns = np.mgrid[0 : view.height, 0 : view.width] + 0.5
    x = (columns - view.camera.intrinsics[0, 2]) / fx * 300 + 160 - 0.5
    y = (rows - view.camera.intrinsics[1, 2]) / fy * 310 + 120 - 0.5
    expected = np.stack([np.sin(x / 40) + 1, np.cos(y / 40) + 1, np.sin((y + x) / 40) + 1], axis=-1) * 127
    inside = (x > 0) & (x < 319) & (y > 0) & (y < 239)
    error = np.abs(view.image().astype(float) - expected)[inside]
    assert inside.mean() > 0.9
    assert error.mean() < 1.0
    assert np.abs(room.images["00.png"] - picture).mean() > 3


@pytest.mark.parametrize("k1", [-0.25, 0.15])
def test_a_straightened_photograph_has_no_empty_border(tmp_path, k1):
    Image.new("RGB", (160, 120), (255, 255, 255)).save(tmp_path / "a.png")
    view = posed_view(tmp_path / "a.png", Lens("SIMPLE_RADIAL", (150.0, 80.0, 60.0, k1), 160, 120), np.eye(4), "here")
    assert straighten(view, tmp_path / "store").image().min() > 250


def test_one_focal_length_becomes_two_where_the_scale_differs():
    lens = Lens("SIMPLE_RADIAL", (1000.0, 500.0, 400.0, 0.1), 1000, 800).resized(501, 400)
    assert lens.model == "OPENCV"
    np.testing.assert_allclose(lens.params, [501.0, 500.0, 250.5, 200.0, 0.1, 0, 0, 0])


def test_straightened_views_are_kept_and_the_digest_does_not_move(room, tmp_path):
    lens = Lens("SIMPLE_RADIAL", (70.0, 32.0, 24.0, 0.05), 64, 48)
    write_colmap(tmp_path / "copy", room, lens=lens)
    first = load(tmp_path / "copy", "colmap")
    kept = sorted((tmp_path / "store").rglob("*.png"))
    before = [path.stat().st_mtime_ns for path in kept]
    assert len(kept) == 4
    assert load(tmp_path / "copy", "colmap").digest == first.digest
    assert [path.stat().st_mtime_ns for path in kept] == before
    assert straighten(first.views[0], tmp_path) is first.views[0]


def test_a_scene_that_is_not_here_names_the_command(room, tmp_path):
    spec = replace(spec_of(tmp_path / "absent", "colmap"), source={"kind": "download", "folder": str(tmp_path)})
    with pytest.raises(MissingError, match="splatbench data get copy"):
        load_scene(spec, "copy", tmp_path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"views": 5}, "4 views on this machine, expected 5"),
        ({"train": (0, "00.png", 1), "views": 4}, "two ids of its split name one view"),
        ({"train": ("zz.png",)}, "no view 'zz.png'"),
        ({"train": (), "test": ()}, "import the authors' own"),
        ({"options": {"folder": "../.."}}, "leads out of"),
        ({"options": {"image": "x"}}, "'image' is unknown to layout colmap: did you mean 'images'"),
        ({"options": {"images": "../copy/images"}}, "no images|leads out of"),
        ({"options": {"model": "nothing"}}, "absent; a COLMAP model has"),
    ],
)
def test_ids_and_options_that_do_not_fit_are_refused(room, tmp_path, change, words):
    write_colmap(tmp_path / "copy", room)
    spec = spec_of(tmp_path / "copy", "colmap")
    if "leads out" in words and "images" in change.get("options", {}):
        change = {"options": {"images": "../../etc"}}
    spec = replace(spec, scenes={"copy": replace(spec.scenes["copy"], **change)})
    with pytest.raises(InputError, match=words):
        load_scene(spec, "copy", tmp_path)


def test_ids_may_leave_the_suffix_out(room, tmp_path):
    write_colmap(tmp_path / "copy", room)
    spec = spec_of(tmp_path / "copy", "colmap")
    spec = replace(spec, scenes={"copy": SceneSpec(("00", "01"), ("02",))})
    assert [view.name for view in load_scene(spec, "copy", tmp_path).views] == ["00.png", "01.png", "02.png"]
