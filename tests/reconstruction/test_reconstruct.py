"""Cameras, points and masks in one frame: closed forms, the folder in the store, and what is refused."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from benchmark.cameras import Camera, Cameras, project, unproject
from benchmark.errors import InputError
from benchmark.protocols import LITE, Images, Reconstruct
from benchmark.reconstruction.io import load_reconstruction, save_reconstruction
from benchmark.reconstruction.reconstruct import reconstruct
from benchmark.reconstruction.visibility import visible
from benchmark.scenes.load import load_scene
from benchmark.scenes.spec import dataset_from_folder

IMAGES = Images(long_side=96, feature_long_side=96, train_views=None)
SETTINGS = Reconstruct()


@pytest.fixture
def scene(photographs, tmp_path):
    spec = dataset_from_folder(photographs(size=(96, 72)))
    return load_scene(spec, spec.name, tmp_path / "scenes")


@pytest.mark.parametrize("depth_is_known", [True, False])
def test_a_wall_in_front_hides_what_is_behind(wall, look, row_cameras, depth_is_known):
    """The near wall covers another stretch of the far one in each view; what only the test view sees is masked out."""
    far = wall((-9.0, -9.0, 4.0), (18.0, 0.0, 0.0), (0.0, 18.0, 0.0))
    near = wall((-0.5, -9.0, 2.0), (1.0, 0.0, 0.0), (0.0, 18.0, 0.0))
    size, step = (120, 90), 0.4
    train, test = row_cameras(2, step, size)
    train_depth, test_depth = (look([far, near], camera)[1] for camera in (train, test))
    mask = visible(
        test_depth if depth_is_known else None, test, [train], train_depth[None], train_depth[None] > 0, 0.02
    )
    # In the unit of the far wall: the near edges, seen from the train camera at -s/2, shadow x from 2e+s/2; the test
    # camera at +s/2 sees x from 2e-s/2 behind its own shadow. So a stretch of width s is unseen on one side, and a
    # strip at the border of the train image, both as high as the image.
    focal = size[0]
    hidden = step * focal / 4
    outside = step * focal / 4
    expected = 1 - (hidden + outside) / size[0]
    # Half a pixel on every border of the two stretches, and a hole of a pixel is closed.
    assert mask.mean() == pytest.approx(expected, abs=4 / size[0])
    edges = project(np.array([[-0.5, 0.0, 2.0], [0.5, 0.0, 2.0]]), test)[0][:, 0]
    assert mask[:, int(edges[0]) + 2 : int(edges[1]) - 2].all()
    left = mask[:, int(edges[0] - hidden) + 2 : int(edges[0]) - 1]
    right = mask[:, int(edges[1]) + 2 : int(edges[1] + hidden) - 1]
    assert left.mean() < 0.1 or right.mean() < 0.1


def test_the_same_view_sees_itself_and_one_turned_away_nothing(wall, look, row_cameras):
    far = wall((-9.0, -9.0, 4.0), (18.0, 0.0, 2.0), (0.0, 18.0, 0.0))
    (camera,) = row_cameras(1, 0.0, (40, 30))
    depth = look([far], camera)[1]
    away = Camera(np.diag([-1.0, 1.0, -1.0, 1.0]), camera.intrinsics, 40, 30)
    for true in (depth, None):
        assert visible(true, camera, [camera], depth[None], depth[None] > 0, 0.02).all()
        assert not visible(true, camera, [away], depth[None], depth[None] > 0, 0.02).any()
        assert not visible(true, camera, [camera], depth[None], np.zeros((1, 30, 40), bool), 0.02).any()
    # Where the test view has no depth there is nothing to judge.
    depth[:5] = 0
    assert not visible(depth, camera, [camera], depth[None], depth[None] > 0, 0.02)[:5].any()


def test_the_world_is_brought_to_a_standard_size_and_nothing_else_changes(scene):
    small = reconstruct(scene, "known", IMAGES, SETTINGS, scene.train)
    large = reconstruct(scene, "known", IMAGES, replace(SETTINGS, world_radius=3.0), scene.train)
    for made, radius in ((small, 1.0), (large, 3.0)):
        points = made.points.reshape(len(scene.train), -1, 3)
        distances = np.linalg.norm(points - made.cameras.centers[:, None], axis=-1)
        assert np.median(distances) == pytest.approx(radius, rel=1e-4)
        # Every point still projects onto its own pixel, and lies at its true depth in the scene's own unit.
        for index, view in enumerate(scene.train_views):
            pixels, depth = project(made.points[index], made.cameras[index])
            columns, rows = np.meshgrid(np.arange(96) + 0.5, np.arange(72) + 0.5)
            assert np.abs(pixels - np.stack([columns, rows], axis=-1)).max() < 1e-2
            assert np.allclose(depth / made.scale, view.depth(), rtol=1e-4)
            assert np.allclose(
                made.points[index] / made.scale + made.center, unproject(view.depth(), view.camera), atol=1e-4
            )
    assert np.array_equal(small.test_masks, large.test_masks)
    assert small.test_masks.mean() > 0.8


def test_what_is_saved_comes_back_to_the_bit(scene, tmp_path):
    made = reconstruct(scene, "known", IMAGES, SETTINGS, scene.train)
    again = reconstruct(scene, "known", IMAGES, SETTINGS, scene.train)
    save_reconstruction(tmp_path, made)
    for other in (load_reconstruction(tmp_path), again):
        for part in fields(made):
            left, right = getattr(made, part.name), getattr(other, part.name)
            if isinstance(left, Cameras):
                assert np.array_equal(left.world_to_camera, right.world_to_camera)
                assert np.array_equal(left.intrinsics, right.intrinsics)
                assert (left.width, left.height) == (right.width, right.height)
            elif isinstance(left, np.ndarray):
                assert left.dtype == right.dtype and np.array_equal(left, right)
            else:
                assert left == right


@pytest.mark.parametrize("name", ["reconstruction.json", "reconstruction.safetensors"])
@pytest.mark.parametrize(
    "damage", [lambda data: data[: len(data) // 2], lambda data: b"", lambda data: b"\xff" * 64, None]
)
def test_a_damaged_folder_is_named(scene, tmp_path, name, damage):
    save_reconstruction(tmp_path, reconstruct(scene, "known", IMAGES, SETTINGS, scene.train))
    path = tmp_path / name
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match="remove this folder") as error:
        load_reconstruction(tmp_path)
    assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_what_cannot_be_reconstructed_is_refused(scene):
    with pytest.raises(InputError, match="did you mean 'known'"):
        reconstruct(scene, "know", IMAGES, SETTINGS, scene.train)
    blind = replace(scene, views=tuple(replace(view, camera=None) for view in scene.views))
    with pytest.raises(InputError, match=r"0\.png has no camera"):
        reconstruct(blind, "known", IMAGES, SETTINGS, scene.train)
    mixed = replace(scene, views=(replace(scene.views[0], width=72, height=96), *scene.views[1:]))
    with pytest.raises(InputError, match="differ in shape"):
        reconstruct(mixed, "known", IMAGES, SETTINGS, scene.train)
    turned = np.diag([-1.0, 1.0, -1.0, 1.0])
    away = [
        replace(view, camera=replace(view.camera, world_to_camera=turned)) if index in scene.test else view
        for index, view in enumerate(scene.views)
    ]
    with pytest.raises(InputError, match=r"2\.png; take it out of the split"):
        reconstruct(replace(scene, views=tuple(away)), "known", IMAGES, SETTINGS, scene.train)


def test_lite_names_its_settings():
    assert LITE.reconstruct.world_radius == 1.0 and LITE.images.train_angle == 25.0


def test_masks_of_the_studio_and_a_wall_put_before_a_train_view(studio_scene):
    """All of the test view that a train view sees counts, and nothing that a wall before that train view hides."""
    size = (128, 96)
    train, test = studio_scene.train_views[2], studio_scene.test_views[0]
    assert test.camera is not None and train.camera is not None
    depth, train_depth = test.depth(), train.depth()
    seen = visible(depth, test.camera, [train.camera], train_depth[None], train_depth[None] > 0, 0.02)
    pixels, distance = project(unproject(depth, test.camera), train.camera)
    inside = ((pixels >= 0) & (pixels < size)).all(axis=-1) & (distance > 0)
    assert not seen[~inside].any() and 0.5 < seen.mean() < inside.mean() <= 1
    # The wall stands at half the depth of what it hides: its shadow is where the train view's columns 40 to 80 look.
    walled = train_depth.copy()
    walled[:, 40:80] *= 0.5
    hidden = visible(depth, test.camera, [train.camera], walled[None], walled[None] > 0, 0.02)
    columns = pixels[..., 0]
    behind, away = (columns > 42) & (columns < 78), (columns < 38) | (columns > 82)
    assert seen[behind & inside].mean() > 0.5 and hidden[behind & inside].mean() < 0.02
    assert np.array_equal(hidden[away], seen[away])
    # Another train view that sees past the wall makes up for it.
    other = studio_scene.train_views[3]
    both = [train.camera, other.camera]
    depths = np.stack([walled, other.depth()])
    assert visible(depth, test.camera, both, depths, depths > 0, 0.02).mean() > hidden.mean() + 0.05
