"""The procedural rooms: exact geometry, the same pixels everywhere, and clutter that position does not explain."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmark.cameras import project, unproject
from benchmark.errors import InputError
from benchmark.scenes import synthetic
from benchmark.scenes.load import load_scene
from benchmark.scenes.scene import Scene, View
from benchmark.scenes.spec import DatasetSpec, get_dataset
from benchmark.scenes.studio.building import Builder
from benchmark.scenes.studio.rooms import ROOMS
from benchmark.scenes.studio.solids import Kind

SHRUNK = 4  # rooms are traced at a quarter of their size here
SCENES = sorted(get_dataset("studio").scenes)

# Of the first room at an eighth of its size, on any machine.
GOLDEN_IMAGES = "c0ceefb02912103b"
GOLDEN_DEPTH = "bf69a3d9cc453036"


@cache
def shrunk(factor: int = SHRUNK) -> DatasetSpec:
    spec = get_dataset("studio")
    scenes = {}
    for name, scene in spec.scenes.items():
        size = [side // factor for side in scene.options["size"]]
        scenes[name] = replace(scene, options={**scene.options, "size": size})
    return replace(spec, scenes=scenes)


@pytest.fixture(scope="module")
def rooms(tmp_path_factory) -> dict[str, Scene]:
    store = tmp_path_factory.mktemp("store")
    return {name: load_scene(shrunk(), name, store) for name in SCENES}


def agreement(seen: View, other: View, shift: float = 0.0) -> tuple[float, float, float]:
    """What share of the points of one view, that fall into the other, it sees at the same depth; errors of those."""
    points = unproject(seen.depth().astype(np.float64), seen.camera) + np.array([shift, 0.0, 0.0])
    pixels, depth = project(points, other.camera)
    columns, rows = np.floor(pixels[..., 0]).astype(int), np.floor(pixels[..., 1]).astype(int)
    inside = (columns >= 0) & (rows >= 0) & (columns < other.width) & (rows < other.height) & (depth > 0)
    there = other.depth()[rows[inside], columns[inside]]
    error = np.abs(there - depth[inside]) / depth[inside]
    same = error < 0.015
    colors = np.abs(other.image()[rows[inside], columns[inside]].astype(float) - seen.image()[inside]).mean(axis=-1)
    return float(same.mean()), float(np.median(error[same])), float(np.median(colors[same]))


@pytest.mark.parametrize("name", SCENES)
def test_depth_and_colour_of_one_view_are_found_in_the_others(rooms, name):
    scene = rooms[name]
    for view, other in ((scene.test_views[1], scene.train_views[3]), (scene.train_views[0], scene.test_views[0])):
        share, depth_error, color_error = agreement(view, other)
        # What is missing is hidden, or lies on the borders that a quarter of the size has many of.
        assert share > 0.6
        assert depth_error < 0.004
        assert color_error < 8
        # A hand's breadth beside it far less fits: the test would notice a wrong camera.
        assert agreement(view, other, shift=0.1)[0] < share - 0.1


@pytest.mark.parametrize("name", SCENES)
def test_test_views_are_mostly_seen_by_three_train_views(rooms, name):
    scene = rooms[name]
    given = [scene.train_views[index] for index in (0, 3, 6)]
    for view in scene.test_views:
        assert max(agreement(view, other)[0] for other in given) > 0.55


@pytest.mark.parametrize("name", SCENES)
def test_position_in_the_image_does_not_give_the_depth_away(rooms, name):
    view = rooms[name].test_views[1]
    depth = view.depth().ravel()
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-1, 1, view.width), np.linspace(-1, 1, view.height)))
    powers = np.stack([x**i * y**j for i in range(5) for j in range(5 - i)], axis=-1)
    left = depth - powers @ np.linalg.lstsq(powers, depth, rcond=None)[0]
    # The best quartic surface misses by more than a tenth of the distance.
    assert left.std() > 0.1 * np.median(depth)
    assert depth.max() > 2 * depth.min()


@pytest.mark.parametrize("name", SCENES)
def test_rooms_are_cluttered_with_thin_and_curved_things(name):
    options = get_dataset("studio").scenes[name].options
    builder = Builder(options["seed"])
    ROOMS[options["room"]](builder, options["objects"])
    kinds = [solid.kind for solid in builder.solids]
    assert len(kinds) > 60
    assert set(kinds) == set(Kind)
    assert sum(kind != Kind.BOX for kind in kinds) > 40
    for solid in builder.solids:
        axes = np.array(solid.axes)
        np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-9)
        assert np.linalg.det(axes) > 0


@pytest.mark.parametrize("name", SCENES)
def test_pictures_look_like_exposed_photographs(rooms, name):
    for view in rooms[name].views:
        image = view.image()
        assert 70 < image.mean() < 170
        assert image.std() > 25
        assert (image == 255).all(axis=-1).mean() < 0.02
        assert view.depth().min() > 0.5, "nothing stands right before the lens"


def test_cameras_differ_in_height_and_lie_on_an_arc(rooms):
    for scene in rooms.values():
        centers = np.array([view.camera.center for view in scene.views])
        assert np.ptp(centers[:, 2]) > 0.2
        forward = np.array([view.camera.world_to_camera[2, :3] for view in scene.views])
        spread = np.degrees(np.arccos(np.clip(forward[0] @ forward[-1], -1, 1)))
        assert 20 < spread < 55
        assert (np.diff(centers[:, 0]) > 0).all(), "file names follow the arc"


def test_the_pixels_are_the_same_on_every_machine_and_with_any_threads(tmp_path, monkeypatch):
    spec = shrunk(8)
    name = SCENES[0]

    def hashes(folder) -> tuple[str, str]:
        scene = load_scene(spec, name, tmp_path / folder)
        images = b"".join(view.image().tobytes() for view in scene.views)
        # Rounded: float32 keeps more digits than anyone needs.
        depth = b"".join(np.round(view.depth() * 1e4).astype(np.int32).tobytes() for view in scene.views)
        return hashlib.sha256(images).hexdigest()[:16], hashlib.sha256(depth).hexdigest()[:16]

    first = hashes("a")
    monkeypatch.setattr(synthetic, "ThreadPoolExecutor", lambda max_workers: ThreadPoolExecutor(1))
    assert hashes("b") == first
    assert first == (GOLDEN_IMAGES, GOLDEN_DEPTH)


def test_a_finished_room_is_not_traced_again(rooms, tmp_path, monkeypatch):
    name = SCENES[0]
    first = load_scene(shrunk(8), name, tmp_path)
    monkeypatch.setattr(synthetic, "_write", lambda *_: pytest.fail("traced again"))
    assert load_scene(shrunk(8), name, tmp_path).digest == first.digest
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"room": "shelfs"}, "room 'shelfs' is unknown: did you mean 'shelves'"),
        ({"colour": 1}, "unexpected keyword argument 'colour'"),
        ({"views": 1}, "2 to 99 views"),
        ({"size": [99999, 10]}, "8 to 4096 pixels"),
        ({"size": [64]}, "size"),
        ({"arc": "wide"}, "arc must be a number"),
        ({"seed": 1.5}, "seed must be a whole number"),
        ({"target": [0, 1]}, "target must be 3 numbers"),
        ({"room": 3}, "room"),
    ],
)
def test_bad_options_are_refused_by_name(tmp_path, change, words):
    spec = get_dataset("studio")
    scene = spec.scenes["pile"]
    wrong = replace(spec, scenes={"pile": replace(scene, options={**scene.options, **change})})
    with pytest.raises(InputError, match=words):
        load_scene(wrong, "pile", tmp_path)
    assert not list(tmp_path.iterdir())
