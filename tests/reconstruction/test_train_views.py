"""Which views are trained on: spread where a scene is narrow, overlapping where it is wide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.cameras import Camera
from benchmark.protocols import LITE
from benchmark.reconstruction.train_views import choose_train_views
from benchmark.scenes.scene import Scene, View

IMAGES = LITE.images


def on_arc(degrees: list[float], train: list[int]) -> Scene:
    """Cameras on a circle of radius 1 about the origin, looking at it."""
    views = []
    for index, angle in enumerate(np.radians(degrees)):
        position = np.array([np.sin(angle), 0.0, -np.cos(angle)])
        rotation = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
        pose = np.eye(4)
        pose[:3, :3], pose[:3, 3] = rotation, -rotation @ position
        assert np.allclose(rotation @ -position, [0, 0, 1])
        views.append(View(f"{index}", Path("none"), 8, 6, Camera(pose, np.eye(3), 8, 6)))
    test = tuple(index for index in range(len(views)) if index not in train)
    return Scene("d", "s", tuple(views), tuple(train), test, "")


def test_a_narrow_arc_is_covered_from_end_to_end():
    scene = on_arc([0, 5, 10, 15, 20, 25, 30, 35, 40], [0, 1, 2, 4, 6, 7, 8])
    assert choose_train_views(scene, IMAGES) == (0, 4, 8)


def test_of_a_wide_arc_a_stretch_is_taken_whose_neighbours_overlap():
    degrees = [12.0 * index for index in range(30)]
    scene = on_arc(degrees, list(range(30)))
    chosen = choose_train_views(scene, IMAGES)
    steps = np.diff([degrees[index] for index in chosen])
    assert len(chosen) == 3
    assert (np.minimum(steps, 360 - steps) <= IMAGES.train_angle).sum() == 2
    assert chosen == choose_train_views(scene, IMAGES)


def test_where_nothing_overlaps_the_nearest_are_taken():
    scene = on_arc([0, 90, 130, 180, 220], [0, 1, 2, 3, 4])
    assert choose_train_views(scene, replace(IMAGES, train_views=2)) in [(1, 2), (2, 3), (3, 4)]


def test_parallel_cameras_are_spread_by_their_places():
    scene = on_arc([0] * 5, [0, 1, 2, 3, 4])
    views = []
    for index, view in enumerate(scene.views):
        pose = np.eye(4)
        pose[0, 3] = -index
        views.append(replace(view, camera=replace(view.camera, world_to_camera=pose)))
    assert choose_train_views(replace(scene, views=tuple(views)), IMAGES) == (0, 2, 4)


@pytest.mark.parametrize(
    ("wanted", "chosen"), [(None, (0, 1, 2, 3, 4)), (9, (0, 1, 2, 3, 4)), (1, (2,)), (5, (0, 1, 2, 3, 4))]
)
def test_how_many_are_taken(wanted, chosen):
    scene = on_arc([0, 5, 10, 15, 20], [0, 1, 2, 3, 4])
    assert choose_train_views(scene, replace(IMAGES, train_views=wanted)) == chosen


def test_the_order_of_the_split_does_not_change_which_are_chosen():
    scene = on_arc([0, 10, 20, 30, 40], [4, 0, 3, 1, 2])
    assert set(choose_train_views(scene, IMAGES)) == {0, 2, 4}


def test_without_cameras_they_are_spread_over_the_order():
    scene = on_arc([0, 5, 10, 15, 20], [0, 1, 2, 3, 4])
    blind = replace(scene, views=tuple(replace(view, camera=None) for view in scene.views))
    assert choose_train_views(blind, IMAGES) == (0, 2, 4)
    assert choose_train_views(blind, replace(IMAGES, train_views=1)) == (2,)


@pytest.mark.real
def test_the_fountain_is_trained_on_neighbours(shared_data, tmp_path):
    from benchmark.scenes.load import load_scene
    from benchmark.scenes.spec import dataset_from_folder

    spec = dataset_from_folder(shared_data / "scenes" / "fountain_p11")
    scene = load_scene(spec, spec.name, tmp_path)
    # Evenly spread over its 108 degrees (0, 5, 10) no two of three views overlap enough for stereo.
    assert [scene.views[index].name for index in choose_train_views(scene, IMAGES)] == [
        "0003.jpg",
        "0005.jpg",
        "0007.jpg",
    ]
